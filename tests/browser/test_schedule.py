"""A schedule that is made in the app fires: with a real Prefect server, in a real browser."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from pipeline.workspace.work.jobs import list_jobs
from tests.browser.running_app import drop, run_app, write_spreadsheet
from tests.browser.watched_page import WatchedPage

sys.path.append(str(Path(__file__).parents[1] / "flows"))
from tests.flows.command_line import environment
from tests.flows.real_server import run_server


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of an app that knows a Prefect server, and its workspace."""
    folder = tmp_path_factory.mktemp("scheduled")
    (folder / "server").mkdir()
    with run_server(folder / "server") as server:
        variables = {"PREFECT_API_URL": server.url, "PREFECT_HOME": environment(folder)["PREFECT_HOME"]}
        with run_app(folder, **variables) as address:
            try:
                yield address, folder / "workspace"
            finally:
                for job in list_jobs(folder / "workspace"):
                    job.stop(at_once=True)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_schedule_made_in_the_app_fires(
    open_page: Callable[..., WatchedPage], app: tuple[str, Path], tmp_path: Path
) -> None:
    address, workspace = app
    watched = open_page(own=(address, address.replace("http", "ws")))
    page = watched.open(address)
    drop(page, write_spreadsheet(tmp_path / "mine.csv", "pIC50"))
    page.get_by_label("Molecules", exact=True).fill("5")
    page.get_by_role("button", name="Find molecules").click()
    expect(page.get_by_text("The best molecules")).to_be_visible(timeout=400_000)
    first = {folder.name for folder in workspace.glob("runs/[!.]*")}
    page.get_by_role("button", name="Every night").click()
    expect(page.get_by_role("heading", name="Who does it?")).to_be_visible()
    assert watched.list_faults() == []
    page.get_by_label("Days").click()
    page.get_by_role("option", name="every so many minutes").click()
    page.get_by_label("Minutes from one to the next").fill("1")
    page.get_by_role("button", name="Set up the schedule").click()
    expect(page.get_by_role("heading", name="The schedule is on")).to_be_visible(timeout=20_000)
    expect(page.locator(".stage").filter(has_text="write the report")).to_be_visible(timeout=400_000)
    expect(page.locator(".stage").filter(has_text="write the report")).to_contain_text("done", timeout=60_000)
    assert watched.list_faults() == []
    page.get_by_role("button", name="Stop", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="The schedule is off")).to_be_visible(timeout=120_000)
    second = {folder.name for folder in workspace.glob("runs/*") if (folder / "manifest.json").is_file()} - first
    assert second, "the schedule fired and made a run of its own"
    page.goto(f"{address}/runs")
    expect(page.get_by_role("link", name=min(second))).to_be_visible()
    page.goto(f"{address}/schedule")
    expect(page.get_by_role("cell", name="every minute")).to_be_visible()
