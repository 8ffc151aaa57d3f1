"""What can be done with runs: compare them, run one again, repeat one on a schedule."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from nicegui import ui

from chem_vae.errors import UserError
from flows.app.jobs.rerun import can_repeat
from flows.app.jobs.schedule import make_cron, make_schedule_options
from pipeline.workspace.work.jobs import list_jobs, open_job
from tests.app.simulated_app import open_app

pytestmark = pytest.mark.anyio
OVERALL = {"library": "/data/lib.sqlite", "publish": "s3://bucket/pub", "fail_under": 2, "dask": "local"}
OLD = Path(__file__).parent.parent / "old_formats" / "workspace"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace with runs, whose data are there for the first of them."""
    shutil.copytree(OLD / "runs", tmp_path / "runs")
    (tmp_path / "my.csv").write_text("SMILES,pIC50\nCCO,1\n")
    settings = find_run(tmp_path) / "config.json"
    found = json.loads(settings.read_text())
    found["ingest"] = {**(found.get("ingest") or {}), "source": str(tmp_path / "my.csv")}
    settings.write_text(json.dumps({**found, **OVERALL}))
    return tmp_path


def find_run(workspace: Path) -> Path:
    return sorted(path.parent for path in workspace.glob("runs/*/report.json"))[0]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of jobs that would have been started."""
    ids: list[str] = []
    monkeypatch.setattr("pipeline.workspace.work.jobs.Job.start", lambda job: ids.append(job.id))
    return ids


async def test_two_runs_are_compared(workspace: Path) -> None:
    names = [path.parent.name for path in sorted(workspace.glob("runs/*/report.json"))][:2]
    async with open_app(workspace) as user:
        await user.open("/runs")
        for name in names:
            await user.should_see(name)
        user.find("Compare those ticked").click()
        await user.should_see("Tick two runs or more")
        await user.open(f"/compare?runs={','.join(names)}")
        await user.should_see("Candidates in common")
        await user.open(f"/compare?runs={names[0]}")
        await user.should_see("two")
        await user.open("/compare?runs=none,other")
        await user.should_see("none")


async def test_a_run_is_made_again_with_changes(workspace: Path, started: list[str]) -> None:
    run = find_run(workspace)
    async with open_app(workspace) as user:
        await user.open(f"/run/{run.name}")
        user.find("Run again with changes").click()
        await user.should_see("The data and what was wanted stay as they are")
        number = next(n for n in user.find(ui.number).elements if n.props["label"] == "Molecules")
        with user:
            number.set_value(7)
        user.find(kind=ui.button, content="Start the run").click().click()
        await asyncio.sleep(0.4)
        assert len(started) == 1
    job = open_job(workspace, started[0])
    before = json.loads((run / "config.json").read_text())
    assert job.settings["generate"]["n"] == 7
    assert job.settings["generate"]["objectives"] == before["generate"]["objectives"]
    assert job.settings["generate"]["seed"] != before["generate"]["seed"]
    assert OVERALL.items() <= job.settings.items(), "it is published, too, and has the same limit"


@pytest.mark.parametrize("goes_on", [True, False])
async def test_a_search_is_made_again(workspace: Path, started: list[str], goes_on: bool) -> None:
    search = next(workspace.glob("runs/*-search"))
    async with open_app(workspace) as user:
        await user.open(f"/run/{search.name}")
        await user.should_not_see("Every night")
        user.find("Run again with changes").click()
        await user.should_see("The oracle and what was wanted stay as they are")
        calls = next(n for n in user.find(ui.number).elements if n.props["label"] == "Times the oracle is asked")
        with user:
            calls.set_value(None)
        user.find(kind=ui.button, content="Start the run").click()
        await user.should_see("give a number")
        with user:
            calls.set_value(70)
            switches = user.find(ui.switch).elements
            next(s for s in switches if "structural alerts" in s.text).set_value(True)
            next(s for s in switches if "none of its 30 answers is asked for again" in s.text).set_value(goes_on)
        user.find(kind=ui.button, content="Start the run").click()
        await asyncio.sleep(0.4)
    job = open_job(workspace, started[0])
    before = json.loads((search / "config.json").read_text())["optimize"]
    asked = job.settings["optimize"]
    assert job.kind == "optimize" and job.name == "search-2"
    assert job.facts["arguments"][:2] == ["--continue" if goes_on else "--model", search.name]
    assert asked["oracle_calls"] == (100 if goes_on else 70) and asked["objectives"] == before["objectives"]
    assert (asked["seed"] == before["seed"]) is goes_on
    assert not asked["seeds"] and {"alerts": ["PAINS", "BRENK"]} in asked["constraints"]


@pytest.mark.parametrize("oracle", [{"function": "docking:dock"}, {"program": ["dock"]}, {"registered": "dock"}])
async def test_a_search_whose_oracle_is_not_known_cannot_be_made_again(workspace: Path, oracle: dict[str, Any]) -> None:
    search = next(workspace.glob("runs/*-search"))
    settings = json.loads((search / "config.json").read_text())
    settings["optimize"]["oracle"] = oracle
    (search / "config.json").write_text(json.dumps(settings))
    async with open_app(workspace) as user:
        await user.open(f"/run/{search.name}")
        await user.should_see("The best molecules")
        await user.should_not_see("Run again with changes")


async def test_the_remedy_of_a_warning_is_a_button(workspace: Path, started: list[str]) -> None:
    run = find_run(workspace)
    report = json.loads((run / "report.json").read_text())
    report["cautions"] = [
        "9 of 10 candidates carry structural alerts: ask for molecules without them: --without-alerts PAINS,BRENK",
        "8 of 10 candidates are heavier: limit the weight: --within mw=:502",
    ]
    (run / "report.json").write_text(json.dumps(report))
    async with open_app(workspace) as user:
        await user.open(f"/run/{run.name}")
        await user.should_see("limit the weight: “molecular weight at most 502”")
        await user.should_not_see("--")
        user.find(kind=ui.button, content="Molecular weight at most 502").click()
        await user.should_see("The data and what was wanted stay as they are")
        user.find(kind=ui.button, content="Start the run").click()
        await asyncio.sleep(0.4)
    job = open_job(workspace, started[0])
    assert {"property": "mw", "at_most": 502.0} in job.settings["generate"]["constraints"]
    assert not any("alerts" in constraint for constraint in job.settings["generate"]["constraints"])


async def test_a_schedule_is_set_up_by_the_command(workspace: Path, started: list[str]) -> None:
    run = find_run(workspace)
    async with open_app(workspace) as user:
        await user.open(f"/schedule?run={run.name}")
        radio = next(iter(user.find(ui.radio).elements))
        with user:
            radio.set_value("pool")
        await user.should_see("prefect worker start")
        time = next(i for i in user.find(ui.input).elements if i.props["label"] == "Time")
        with user:
            time.set_value("25:00")
        user.find("Set up the schedule").click()
        await user.should_see("is no time of the day")
        with user:
            time.set_value("03:30")
            next(i for i in user.find(ui.input).elements if i.props["label"] == "Time zone").set_value("Europe/Berlin")
        user.find("Set up the schedule").click()
        await asyncio.sleep(0.4)
    [job] = list_jobs(workspace, ["deploy"])
    assert started == [job.id]
    assert job.facts["arguments"][:4] == ["--cron", "30 3 * * *", "--timezone", "Europe/Berlin"]
    assert job.facts["arguments"][-2:] == ["--pool", "chem-vae"]
    assert job.settings["generate"]["seed"] == "date" and OVERALL.items() <= job.settings.items()


async def test_this_computer_keeps_a_schedule_by_itself(workspace: Path, started: list[str]) -> None:
    async with open_app(workspace) as user:
        await user.open(f"/schedule?run={find_run(workspace).name}")
        await user.should_not_see("prefect worker start")
        days = next(s for s in user.find(ui.select).elements if s.props["label"] == "Days")
        with user:
            days.set_value("minutes")
        minutes = next(n for n in user.find(ui.number).elements if n.props["label"].startswith("Minutes"))
        with user:
            minutes.set_value(5)
        user.find("Set up the schedule").click()
        await asyncio.sleep(0.4)
        await user.open("/schedule")
        await user.should_see("every 5 minutes")
    [job] = list_jobs(workspace, ["serve"])
    assert started == [job.id]
    assert job.facts["arguments"][:3] == ["--interval", "300", "--timezone"] and "--pool" not in job.facts["arguments"]


@pytest.mark.parametrize("minutes", [None, 0, 0.5, 1e9])
def test_an_interval_that_is_none_is_refused(minutes: float | None) -> None:
    with pytest.raises(UserError, match="how many minutes"):
        make_schedule_options("minutes", "", minutes)


def test_a_run_without_its_data_cannot_be_made_again(workspace: Path) -> None:
    assert can_repeat(find_run(workspace))
    (workspace / "my.csv").unlink()
    assert not can_repeat(find_run(workspace))


@pytest.mark.parametrize(("source", "can"), [("moses-sample", True), ("my.csv", False), ("moses-sampel", False)])
def test_a_run_on_a_named_dataset_can_be_made_again(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, source: str, can: bool
) -> None:
    """A job works in a folder of its own, where a file of the app's folder is not."""
    monkeypatch.chdir(workspace)
    settings = find_run(workspace) / "config.json"
    settings.write_text(json.dumps({**json.loads(settings.read_text()), "ingest": {"source": source}}))
    assert can_repeat(find_run(workspace)) is can


@pytest.mark.parametrize("time", ["", "2", "24:00", "02:60", "aa:bb", "-1:00", "²:00"])
def test_what_is_no_time_is_refused(time: str) -> None:
    with pytest.raises(UserError, match="no time of the day"):
        make_cron(time, "*")
