"""The pages of jobs and runs: at work, stopped, failed, finished, with parts missing."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import pytest
from filelock import FileLock
from nicegui import ui

from flows.app.jobs.results import list_values
from flows.app.jobs.runs import collect_lines
from flows.report_server import find_run_file
from pipeline.report.model import read_report
from pipeline.workflows.records.failed_run import write_failed_run
from pipeline.workspace.storage.folders import lock_folder
from pipeline.workspace.work.jobs import Job, make_job
from tests.app.simulated_app import open_app

pytestmark = pytest.mark.anyio
OLD = Path(__file__).parent.parent / "old_formats" / "workspace"


def end(job: Job, code: int, log: str = "", **facts: str) -> None:
    (job.folder / "log.txt").write_text(log)
    (job.folder / "ended.json").write_text(json.dumps({"code": code, "finished": "2026-01-01T00:00:00+00:00", **facts}))


def test_a_card_gives_what_was_computed_before_what_is_predicted_of_it() -> None:
    report = read_report(next((OLD / "runs").glob("*-search")))
    [asked] = [objective.property for objective in report.request.objectives][:1]
    row = {f"{asked}_predicted": "2.5", f"{asked}_predicted_std": "0.25"}
    assert "2.50 ± 0.25, predicted" in list_values(row, report)[0]
    [known, *_] = list_values({**row, f"{asked}_computed": "1234.56"}, report)
    assert " 1,235" in known and "predicted" not in known


async def test_an_empty_workspace_leads_to_the_start(tmp_path: Path) -> None:
    async with open_app(tmp_path / "new") as user:
        await user.open("/runs")
        await user.should_see("No run yet")
        user.find("Begin with a file").click()
        await user.should_see("Find new molecules")


async def test_a_failed_job_gives_its_reason_and_can_be_tried_again(tmp_path: Path) -> None:
    job = make_job(tmp_path, "run", "mine", [], {}, goal="pIC50 as high as possible")
    end(job, 1, "2026-01-01 00:00:00+0000 warning: few\nerror: the disk is <b>full</b>\n")
    async with open_app(tmp_path) as user:
        await user.open("/runs")
        await user.should_see("failed")
        await user.should_see("the disk is <b>full</b>")
        await user.open(f"/job/{job.id}")
        await user.should_see("It did not work")
        await user.should_see("The disk is <b>full</b>.")
        await user.should_see("Try again")


async def test_a_failed_night_is_listed_with_its_reason_and_its_account(tmp_path: Path) -> None:
    folder = write_failed_run(tmp_path, "kin", "Crashed", "the disk is full", settings={})
    async with open_app(tmp_path) as user:
        await user.open("/runs")
        await user.should_see("crashed")
        await user.should_see("the disk is full")
        (link,) = user.find(folder.name).elements
        assert link.props["href"] == f"/files/failed/{folder.name}/report.html"
    assert find_run_file(tmp_path, link.props["href"].removeprefix("/files/")) == folder / "report.html"


async def test_a_stopped_job_can_be_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = make_job(tmp_path, "run", "mine", [], {})
    end(job, 130)
    started: list[str] = []
    monkeypatch.setattr("pipeline.workspace.work.jobs.Job.start", lambda job: started.append(job.id))
    async with open_app(tmp_path) as user:
        await user.open(f"/job/{job.id}")
        await user.should_see("It was stopped")
        user.find("Resume").click().click()
        for _ in range(100):
            await asyncio.sleep(0.02)
            if started:
                break
    assert started == [job.id]


@pytest.mark.parametrize("address", ["/job/none", "/run/none", "/start/none"])
async def test_an_address_of_nothing_says_so(tmp_path: Path, address: str) -> None:
    async with open_app(tmp_path) as user:
        await user.open(address)
        await user.should_see("no")


async def test_a_run_with_parts_missing_says_which_and_shows_the_rest(tmp_path: Path) -> None:
    run = next((OLD / "runs").glob("*/report.json")).parent
    shutil.copytree(run, tmp_path / "runs" / run.name)
    (tmp_path / "runs" / run.name / "report.json").write_text("{")
    (tmp_path / "runs" / run.name / "candidates.sdf").unlink()
    async with open_app(tmp_path) as user:
        await user.open(f"/run/{run.name}")
        await user.should_see("report.json cannot be read")
        await user.should_see("candidates.sdf is missing")
        await user.should_see("The best molecules")
        await user.should_see("Table (CSV)")
        await user.should_not_see("Structures (SDF)")


async def test_a_running_search_shows_its_steps_and_the_best_so_far(tmp_path: Path) -> None:
    job = make_job(tmp_path, "optimize", "mine", [], {})
    lines = [
        {"time": 1.0 + done, "stage": "optimize", "done": done, "total": 60, "figures": {"best ten": -5 + done / 10}}
        for done in (0, 10, 20, 30)
    ]
    (job.folder / "progress.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (job.folder / "process.json").write_text('{"pid": 999999999, "started": 0}')
    with FileLock(str(job.folder / ".lock")):
        async with open_app(tmp_path) as user:
            await user.open(f"/job/{job.id}")
            await user.should_see("ask the oracle", retries=40)
            await user.should_see("30 of 60")
            [chart] = user.find(ui.echart).elements
            assert chart.options["series"][0]["name"] == "mean score of the best ten so far"
            assert chart.options["series"][0]["data"][-1] == [30.0, -2.0]
            (job.folder / "ended.json").write_text('{"code": 1}')
            (job.folder / "log.txt").write_text("error: the oracle is down\n")
            await user.should_see("The oracle is down.", retries=40)
            await user.should_see("Try again")


async def test_molecules_are_shown_as_they_are_found_and_a_quiet_step_says_how_long_it_takes(tmp_path: Path) -> None:
    job = make_job(tmp_path, "run", "mine", [], {})
    lines = [
        {"time": 1000.0, "stage": "generate", "done": 0, "total": 5000},
        {"time": 1001.0, "molecules": [{"smiles": "CCO", "values": {"pKi": 8.25}}, {"smiles": "CCN", "values": {}}]},
    ]
    path = job.folder / "progress.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with FileLock(str(job.folder / ".lock")):
        async with open_app(tmp_path) as user:
            await user.open(f"/job/{job.id}")
            await user.should_see("The best so far", retries=30)
            await user.should_see("pKi 8.25")
            await user.should_see("at it for", retries=30)
            with path.open("a") as file:
                file.write(json.dumps({"time": 1003.0, "stage": "generate", "done": 5000, "total": 5000}) + "\n")
                file.write(json.dumps({"time": 1003.0, "molecules": [{"smiles": "CCS", "values": {"pKi": 9}}]}) + "\n")
            await user.should_see("pKi 9", retries=30)
            await user.should_not_see("pKi 8.25")
            await user.should_see("Preparing the next step", retries=30)


async def test_a_schedule_that_is_off_can_be_turned_on(tmp_path: Path) -> None:
    job = make_job(tmp_path, "serve", "nightly", [], {}, goal="every night at 02:00 (UTC), as a-run")
    async with open_app(tmp_path) as user:
        with FileLock(str(job.folder / ".lock")):
            await user.open(f"/job/{job.id}")
            await user.should_see("The schedule is on")
            await user.should_see("Waiting for the time of the next run")
        end(job, 0)
        await user.open(f"/job/{job.id}")
        await user.should_see("The schedule is off")
        await user.should_see("Turn on")


def test_an_unfinished_search_leads_to_its_job_or_nowhere(tmp_path: Path) -> None:
    for name in ("at.work", "stopped", "other"):
        (tmp_path / "optimizations" / f"{name}-1a2b3c4d").mkdir(parents=True)
    working, stopped = (make_job(tmp_path, "optimize", name, []) for name in ("at.work", "stopped"))
    with (
        FileLock(str(working.folder / ".lock")),
        lock_folder(tmp_path / "optimizations" / "at.work-1a2b3c4d", "searching"),
    ):
        lines = {line.id: line for line in collect_lines(tmp_path)}
    assert sorted(lines) == ["at.work", "other-1a2b3c4d", "stopped", "stopped-1a2b3c4d"]
    assert lines["at.work"].state == "at work" and lines["stopped-1a2b3c4d"].state == "unfinished"
    assert lines["stopped-1a2b3c4d"].address == f"/job/{stopped.id}" and lines["other-1a2b3c4d"].address == ""


async def test_a_list_with_an_unfinished_search_is_shown(tmp_path: Path) -> None:
    (tmp_path / "optimizations" / "mine-1a2b3c4d").mkdir(parents=True)
    async with open_app(tmp_path) as user:
        await user.open("/runs")
        await user.should_see("mine-1a2b3c4d")
        assert not [link for link in user.find(ui.link).elements if link.text == "mine-1a2b3c4d"]


async def test_a_search_that_was_stopped_says_so_and_offers_to_go_on(tmp_path: Path) -> None:
    folder = shutil.copytree(next((OLD / "runs").glob("*-search")), tmp_path / "runs" / "20260101-000000-search")
    ended = "stopped by Ctrl-C after 30 of 3,000 oracle calls; --continue goes on from here"
    report, manifest = (json.loads((folder / name).read_text()) for name in ("report.json", "manifest.json"))
    report["optimization"] |= {"ended": ended, "calls": 30, "budget": 3000}
    (folder / "report.json").write_text(json.dumps(report))
    (folder / "manifest.json").write_text(json.dumps({**manifest, "ended": ended}))
    config = json.loads((folder / "config.json").read_text())
    config["optimize"]["oracle_calls"] = 3000
    (folder / "config.json").write_text(json.dumps(config))
    job = make_job(tmp_path, "optimize", "search", [])
    end(job, 0, run=folder.name)
    async with open_app(tmp_path) as user:
        await user.open(f"/job/{job.id}")
        await user.should_see("when the search was stopped after 30 of 3,000 calls")
        assert {label.text for label in user.find(ui.label).elements} >= {"stopped"}
        user.find(kind=ui.button, content="Go on").click()
        await user.should_see("none of its 30 answers is asked for again")
        calls = next(n for n in user.find(ui.number).elements if n.props["label"] == "Times the oracle is asked")
        assert calls.value == 2970


async def test_a_job_that_the_system_ended_says_what_helps(tmp_path: Path) -> None:
    job = make_job(tmp_path, "run", "mine", [], {})
    end(job, -9)
    async with open_app(tmp_path) as user:
        await user.open(f"/job/{job.id}")
        await user.should_see("ended by the system, often for lack of memory")
        await user.should_see("Resume")
        (job.folder / "stopped").touch()
        await user.open(f"/job/{job.id}")
        await user.should_not_see("lack of memory")
