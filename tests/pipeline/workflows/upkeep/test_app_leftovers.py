"""Old jobs and uploads of the app go; what runs, what a schedule needs and what a run was made of stays."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from filelock import FileLock

from chem_vae.atomic_files import write_json
from pipeline.workflows.records.run_folder import create_run, finish_run
from pipeline.workflows.upkeep.collect_garbage import Retention, collect_garbage, delete_garbage
from pipeline.workspace.uploads import make_upload
from pipeline.workspace.work.jobs import ENDED, Job, make_job

DAY = 86_400.0
LATER = time.time() + 40 * DAY


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHEM_VAE_CACHE", str(tmp_path_factory.mktemp("cache")))


def add_upload(workspace: Path, name: str) -> Path:
    path = make_upload(workspace, name)
    path.write_text("SMILES,pIC50\nCCO,5\n")
    return path


def add_job(workspace: Path, kind: str, source: Path | None = None, *, ended: bool = True) -> Job:
    job = make_job(workspace, kind, kind, [], {"ingest": {"source": str(source)}} if source else {})
    if ended:
        write_json(job.folder / ENDED, {"code": 0, "finished": datetime.now(UTC).isoformat(timespec="seconds")})
    return job


def list_going(workspace: Path, now: float = LATER, **limits: int) -> set[str]:
    return {path.name for entry in collect_garbage(workspace, Retention(**limits), now) for path in entry.paths}  # type: ignore[arg-type]


def test_nothing_young_goes(tmp_path: Path) -> None:
    add_job(tmp_path, "ingest", add_upload(tmp_path, "my.csv"))
    assert list_going(tmp_path, time.time() + 29 * DAY) == set()


def test_old_jobs_go_and_uploads_that_nothing_else_needs(tmp_path: Path) -> None:
    alone, scheduled, used = (add_upload(tmp_path, f"{name}.csv") for name in ("alone", "scheduled", "used"))
    old = [add_job(tmp_path, kind, alone) for kind in ("ingest", "run", "serve", "optimize")]
    stopped = add_job(tmp_path, "run", ended=False)
    add_job(tmp_path, "deploy", scheduled)
    finish_run(create_run(tmp_path, "kept", {"ingest": {"source": str(used)}}), {"name": "kept"})
    going = list_going(tmp_path)
    assert going == {alone.parent.name, stopped.id, *(job.id for job in old)}
    freed, left = delete_garbage(collect_garbage(tmp_path, Retention(), LATER), tmp_path)
    assert freed > 0 and left == []
    assert {path.name for path in (tmp_path / "uploads").iterdir()} == {scheduled.parent.name, used.parent.name}
    assert len(list((tmp_path / "jobs").iterdir())) == 1
    assert list_going(tmp_path) == set()


def test_an_upload_goes_with_the_last_run_that_needs_it(tmp_path: Path) -> None:
    used = add_upload(tmp_path, "used.csv")
    for finished in ("2026-01-01T00:00:00+00:00", "2026-01-02T00:00:00+00:00"):
        settings = {"ingest": {"source": str(used) if "01-01" in finished else "other.csv"}}
        finish_run(create_run(tmp_path, "a", settings), {"name": "a", "finished": finished})
    assert used.parent.name not in list_going(tmp_path)
    assert used.parent.name in list_going(tmp_path, keep_runs=1)


def test_a_job_at_work_stays_with_its_upload_however_old(tmp_path: Path) -> None:
    source = add_upload(tmp_path, "my.csv")
    job = add_job(tmp_path, "run", source, ended=False)
    for path in (job.folder, *job.folder.iterdir()):
        os.utime(path, (0, 0))
    with FileLock(str(job.folder / ".lock")):
        assert list_going(tmp_path) == set()
        garbage = collect_garbage(tmp_path, Retention(), LATER)
    found = collect_garbage(tmp_path, Retention(), LATER)
    assert garbage == [] and {entry.kind for entry in found} == {"job", "upload"}
    with FileLock(str(job.folder / ".lock")):  # started again meanwhile
        _, left = delete_garbage([entry for entry in found if entry.kind == "job"], tmp_path)
    assert job.folder.is_dir() and "started again" in left[0]


@pytest.mark.parametrize("content", [b"", b"{", b'{"format": "other"}'])
def test_a_job_that_cannot_be_read_is_left_alone(tmp_path: Path, content: bytes) -> None:
    job = add_job(tmp_path, "run")
    (job.folder / "job.json").write_bytes(content)
    assert list_going(tmp_path) == set()
