"""The app in a real browser: from a dropped file to a downloaded SD file, with the keyboard, and without a fault of access."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect
from rdkit import Chem

from tests.browser.running_app import drop, run_app, write_spreadsheet
from tests.browser.watched_page import PHONE, WatchedPage

OLD = Path(__file__).parent.parent / "old_formats" / "workspace"


@pytest.fixture(scope="session")
def spreadsheet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of 200 molecules with a measured column whose name is HTML, and a row that is none."""
    return write_spreadsheet(tmp_path_factory.mktemp("data") / "made up.csv", "<img src=x onerror=alert(1)>")


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an app in a process of its own, whose runs train a tiny model."""
    folder = tmp_path_factory.mktemp("app")
    shutil.copytree(OLD / "runs", folder / "workspace" / "runs")
    with run_app(folder) as address:
        yield address
    assert not list(folder.glob(".nicegui"))


@pytest.mark.slow
def test_from_a_dropped_file_to_a_downloaded_sd_file(
    open_page: Callable[..., WatchedPage], app: str, spreadsheet: Path, tmp_path: Path
) -> None:
    watched = open_page(own=(app, app.replace("http", "ws")))
    page = watched.open(app)
    assert watched.list_faults() == []
    drop(page, spreadsheet)
    expect(page.get_by_text("<img src=x onerror=alert(1)>").first).to_be_visible()
    page.get_by_text("1 rejected row with the reason").click()
    expect(page.get_by_text("c1ccccc", exact=True)).to_be_visible()
    assert watched.list_faults() == []
    page.get_by_label("Molecules", exact=True).fill("12")
    page.get_by_label("Molecules", exact=True).blur()
    page.get_by_role("button", name="Find molecules").click()
    page.wait_for_url("**/job/*")
    job = page.url
    expect(page.get_by_role("heading", name="At work")).to_be_visible()
    page.goto("about:blank")  # closing the page does not end the work
    time.sleep(1)
    page.goto(job)
    expect(page.get_by_text("The best molecules")).to_be_visible(timeout=240_000)
    assert watched.list_faults() == []
    with page.expect_download() as download:
        page.get_by_role("button", name="Structures (SDF)").click()
    download.value.save_as(tmp_path / "found.sdf")
    molecules = [mol for mol in Chem.SDMolSupplier(str(tmp_path / "found.sdf")) if mol is not None]
    assert 0 < len(molecules) <= 12
    page.get_by_role("button", name="Run again with changes").click()
    expect(page.get_by_role("heading", name="Run again with changes")).to_be_visible()
    page.get_by_text("Another setting").click()
    page.get_by_label("Setting").fill("number of molecules to look")
    page.get_by_role("option", name="Number of molecules to look at").click()
    page.get_by_label("Value").fill("300")
    page.get_by_role("button", name="Add").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("switch", name="look at 300 molecules")).to_be_checked()
    page.keyboard.press("Escape")
    page.goto(f"{app}/runs")
    expect(page.get_by_text("finished").first).to_be_visible()
    assert watched.list_faults() == []
    with page.expect_popup() as report:
        page.get_by_role("link", name=re.compile("made-up")).first.click()
        page.get_by_role("button", name="Open the report").click()
    expect(report.value.locator("h1").first).to_be_visible()
    report.value.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_first_page_fits_a_phone_and_can_be_used_with_the_keyboard(
    open_page: Callable[..., WatchedPage], app: str, scheme: str
) -> None:
    watched = open_page(own=(app, app.replace("http", "ws")), viewport=PHONE, color_scheme=scheme)
    page = watched.open(app)
    expect(page.get_by_role("heading", name="Find new molecules")).to_be_visible()
    expect(page.get_by_role("button", name="Choose a file")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert watched.list_faults() == []
    with page.expect_file_chooser():
        for _ in range(12):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.innerText || ''").strip().endswith("Choose a file"):
                page.keyboard.press("Enter")
                break


def test_the_library_is_searched_by_a_drawing(open_page: Callable[..., WatchedPage], app: str) -> None:
    watched = open_page(own=(app, app.replace("http", "ws")))
    page = watched.open(f"{app}/library")
    expect(page.locator(".mol-card").first).to_be_visible(timeout=20_000)
    everything = page.locator(".mol-card").count()
    assert watched.list_faults() == []
    page.get_by_role("button", name="Draw it", exact=True).first.click()
    expect(page.locator("openchemlib-editor")).to_be_visible(timeout=20_000)
    page.evaluate(
        """async () => {
            const library = await import('/libraries/openchemlib.js');
            document.querySelector('openchemlib-editor').setMolecule(library.Molecule.fromSmiles('C1=CC=CC=C1'));
        }"""
    )
    page.get_by_role("button", name="Use it").click()
    expect(page.get_by_label("Contains (SMARTS)")).to_have_value("[#6]1:[#6]:[#6]:[#6]:[#6]:[#6]:1")
    expect(
        page.locator(".mol-card, .muted")
        .filter(has_text="CV-")
        .or_(page.get_by_text("No molecule of the library"))
        .first
    ).to_be_visible()
    page.goto(f"{app}/library")
    expect(page.locator(".mol-card")).to_have_count(everything)
    page.wait_for_timeout(500)  # the list is drawn anew
    page.get_by_role("checkbox", name="choose").first.click()
    expect(page.get_by_text("1 molecule ticked.")).to_be_visible()
    page.get_by_label("Note, such as the reason").fill("<b>made</b> easily")
    page.get_by_role("button", name="Shortlist").click()
    expect(page.locator(".chip.shortlisted").first).to_be_visible()
    page.locator(".mol-card a").first.click()
    expect(page.get_by_text("<b>made</b> easily")).to_be_visible()
    assert watched.list_faults() == []


@pytest.mark.parametrize("address", ["/explore", "/optimize", "/schedule", "/runs", "/library"])
def test_every_page_fits_a_phone_without_a_fault_of_access(
    open_page: Callable[..., WatchedPage], app: str, address: str
) -> None:
    watched = open_page(own=(app, app.replace("http", "ws")), viewport=PHONE, color_scheme="dark")
    page = watched.open(f"{app}{address}")
    expect(page.locator("h1")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert watched.list_faults() == []


def test_a_second_app_on_the_port_is_told_where_the_first_one_is(app: str, tmp_path: Path) -> None:
    port = app.rpartition(":")[2]
    command = [sys.executable, "-m", "flows.cli", "ui", "--no-browser", "--port", port, "--workspace", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert f"an app of another workspace is open already at {app}/" in done.stderr and "--port" in done.stderr


def test_the_library_is_a_table_with_sliders_that_the_keyboard_moves(
    open_page: Callable[..., WatchedPage], app: str
) -> None:
    watched = open_page(own=(app, app.replace("http", "ws")))
    page = watched.open(f"{app}/library")
    expect(page.locator(".mol-card").first).to_be_visible(timeout=20_000)
    everything = page.locator(".mol-card").count()
    page.get_by_role("button", name="table", exact=True).click()
    expect(page.locator(".library-table tbody tr")).to_have_count(everything)
    assert watched.list_faults() == []
    head = page.get_by_role("button", name="logp, computed")
    head.focus()
    page.keyboard.press("Enter")
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("logp, computed")
    head.focus()
    page.keyboard.press("Enter")
    expect(page.locator("th[aria-sort=ascending]")).to_contain_text("logp, computed")
    lowest = page.locator(".library-table tbody tr").first.get_by_role("link")
    before = lowest.inner_text()
    page.get_by_text("Values", exact=True).click()
    slider = page.get_by_label("logP (Crippen), computed").locator("[tabindex='0']").first
    slider.focus()
    for _ in range(40):
        page.keyboard.press("Control+ArrowRight")
    expect(lowest).not_to_have_text(before, timeout=10_000)
    assert watched.list_faults() == []


def test_a_curve_is_dragged_and_moved_by_the_keyboard(open_page: Callable[..., WatchedPage], app: str) -> None:
    watched = open_page(own=(app, app.replace("http", "ws")))
    page = watched.open(f"{app}/optimize")
    page.get_by_role("button", name="One more objective").click()
    curve = page.locator(".curve")
    expect(curve).to_be_visible()
    told = page.locator(".objective").nth(1).locator(".muted.small").last
    before = told.inner_text()
    box = curve.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] * 0.26, box["y"] + box["height"] * 0.5
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y, steps=6)
    page.mouse.up()
    expect(told).not_to_have_text(before)
    page.wait_for_timeout(400)  # the last moves are on their way
    dragged = told.inner_text()
    page.mouse.move(x + 200, y)
    page.wait_for_timeout(400)
    assert told.inner_text() == dragged, "the end stays where it was let go"
    page.locator(".curve-slider [tabindex='0']").first.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    expect(told).not_to_have_text(dragged)
    assert watched.list_faults() == []
