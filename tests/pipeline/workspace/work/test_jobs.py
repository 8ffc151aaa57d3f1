"""Jobs: processes that go on alone, whose state anyone finds out."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from filelock import FileLock

from chem_vae.errors import BusyError, DataError
from pipeline.workspace.work.jobs import Job, list_jobs, make_job, open_job, parse_results


def wait_until(is_true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)


def write_molecules(path: Path, rows: int) -> Path:
    path.write_text(
        "SMILES,pIC50\n"
        + "".join(f"{'C' * (i % 9 + 1)}O{'C' * (i // 9 % 9)}N{'C' * (i // 81)},{i % 9}\n" for i in range(rows))
    )
    return path


def test_a_job_works_in_a_process_of_its_own_and_tells_what_it_made(tmp_path: Path) -> None:
    source = write_molecules(tmp_path / "my.csv", 60)
    job = make_job(tmp_path, "ingest", "my", [], {"ingest": {"source": str(source), "workers": 1}})
    assert job.state == "stopped" and job.end == {}
    job.start()
    assert job.state == "running"
    with pytest.raises(BusyError):
        open_job(tmp_path, job.id).start()
    wait_until(lambda: job.state != "running")
    assert job.state == "finished", job.read_log()
    assert (tmp_path / "datasets" / job.end["dataset"] / "manifest.json").is_file()
    reader = job.follow()
    reader.update()
    assert reader.stages["standardize"].total == 60
    assert [found.id for found in list_jobs(tmp_path, ["ingest"])] == [job.id] and list_jobs(tmp_path, ["run"]) == []


def test_a_job_that_fails_gives_its_reason(tmp_path: Path) -> None:
    job = make_job(tmp_path, "ingest", "x", [], {"ingest": {"source": str(tmp_path / "none.csv")}})
    job.start()
    wait_until(lambda: job.state != "running")
    assert job.state == "failed" and job.end["code"] == 2
    assert "none.csv" in job.read_error()


def test_a_killed_job_is_stopped_and_goes_on_when_it_is_started_again(tmp_path: Path) -> None:
    source = write_molecules(tmp_path / "my.csv", 400)
    job = make_job(tmp_path, "ingest", "my", [], {"ingest": {"source": str(source), "workers": 1, "shard_rows": 20}})
    job.start()
    reader = job.follow()
    wait_until(lambda: reader.update() and "standardize" in reader.stages and reader.stages["standardize"].done > 0)
    assert open_job(tmp_path, job.id).state == "running"  # what another process sees
    job.stop(at_once=True)
    wait_until(lambda: job.state != "running")
    assert job.state == "stopped"
    job.start()
    wait_until(lambda: job.state != "running")
    assert job.state == "finished", job.read_log()


def test_a_job_is_asked_to_stop(tmp_path: Path) -> None:
    source = write_molecules(tmp_path / "my.csv", 2000)
    job = make_job(tmp_path, "ingest", "my", [], {"ingest": {"source": str(source), "workers": 1, "shard_rows": 20}})
    job.start()
    reader = job.follow()
    wait_until(lambda: reader.update() and "standardize" in reader.stages and reader.stages["standardize"].done > 0)
    job.stop()
    wait_until(lambda: job.state != "running")
    assert job.state == "stopped", job.read_log()
    job.stop()  # nothing to stop any more


def test_the_lock_tells_that_a_job_runs_whatever_the_process_is_called(tmp_path: Path) -> None:
    job = make_job(tmp_path, "run", "x", [])
    (job.folder / "process.json").write_text(f'{{"pid": {os.getpid()}, "started": 0}}')
    assert job.state == "stopped"  # the number of a dead process was given to another one
    with FileLock(str(job.folder / ".lock")):
        assert Job(job.folder, job.facts).state == "running"


def test_a_job_ended_by_a_signal_is_stopped(tmp_path: Path) -> None:
    job = make_job(tmp_path, "run", "x", [])
    (job.folder / "ended.json").write_text(f'{{"code": {-signal.SIGTERM}}}')
    assert job.state == "stopped"


@pytest.mark.parametrize("name", ["../x", "..", ".hidden", "none", "damaged", "newer"])
def test_what_is_no_job_is_said(tmp_path: Path, name: str) -> None:
    for folder, text in (("damaged", "{"), ("newer", '{"format": "chem-vae job", "format_version": 2}')):
        (tmp_path / "jobs" / folder).mkdir(parents=True)
        (tmp_path / "jobs" / folder / "job.json").write_text(text)
    with pytest.raises(DataError, match="job"):
        open_job(tmp_path, name)
    assert list_jobs(tmp_path) == []


def test_a_job_has_a_name_in_any_script(tmp_path: Path) -> None:
    job = make_job(tmp_path, "run", "溶解度 / <b>", [])
    assert job.name == "溶解度 / <b>" and job.folder.parent == tmp_path / "jobs"
    assert open_job(tmp_path, job.id).name == job.name


def test_results_are_found_in_the_output() -> None:
    assert parse_results("model: /a/models/m-1\nfoo report: x\nreport: /a/runs/r-1/report.html\n") == {
        "model": "m-1",
        "run": "r-1",
    }


def test_a_job_is_stopped_before_its_process_has_said_its_number(tmp_path: Path) -> None:
    source = write_molecules(tmp_path / "my.csv", 60)
    job = make_job(tmp_path, "ingest", "my", [], {"ingest": {"source": str(source), "workers": 1}})
    job.start()
    job.stop()
    wait_until(lambda: job.state != "running")
    assert job.state == "stopped" and job.end["code"] == 130 and not job.was_killed
    assert not (tmp_path / "datasets").exists()


def test_what_the_system_ended_is_told_from_what_a_person_stopped(tmp_path: Path) -> None:
    job = make_job(tmp_path, "run", "x", [])
    assert not job.was_killed  # it has not begun
    (job.folder / "process.json").write_text('{"pid": 999999999, "started": 0}')
    assert job.state == "stopped" and job.was_killed  # and nobody was there who could write down how it ended
    for code, killed in ((-9, True), (130, False), (1, False), (0, False)):
        (job.folder / "ended.json").write_text(f'{{"code": {code}}}')
        assert job.was_killed is killed, code
    (job.folder / "ended.json").write_text('{"code": -9}')
    (job.folder / "stopped").touch()
    assert job.state == "stopped" and not job.was_killed


def test_the_reason_of_an_earlier_start_is_not_that_of_the_last_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "Popen", lambda *args, **options: SimpleNamespace(wait=lambda: 1))
    job = make_job(tmp_path, "run", "x", [])
    job.start()
    (job.folder / "log.txt").write_text("error: the disk is full\n")
    assert job.read_error() == "the disk is full"
    (job.folder / "process.json").write_text('{"pid": 999999999, "started": 0}')
    job.start()
    job.begin()
    assert job.read_error() == ""
    with (job.folder / "log.txt").open("a") as log:
        log.write("error: the oracle is down\n")
    assert job.read_error() == "the oracle is down" and "the disk is full" in job.read_log()
