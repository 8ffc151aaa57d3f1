"""The walk of docs/tutorial/app.md: from a spreadsheet of measured molecules to a shortlist as an SD file, clicked in a browser.

    python -m tests.browser.walk                     # JAK1 inhibitors, the usual settings; prints the minutes
    python -m tests.browser.walk --pictures docs/tutorial

The spreadsheet is a series of MoleculeACE 3.0.0 (van Tilborg et al. 2022, doi:10.1021/acs.jcim.2c01073; from ChEMBL, CC BY-SA 3.0), which is
fetched as `benchmarks/measured.py` does and is not part of this project.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import resource
import shutil
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

from openpyxl import Workbook
from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright
from rdkit import Chem

from pipeline.workspace.remote.wheels import download_package
from tests.browser.running_app import run_app
from tests.browser.watched_page import CHROMIUM, FLAGS

SERIES, TARGET = "CHEMBL2835_Ki", "JAK1"
PACKAGE = "MoleculeACE==3.0.0"
VIEW = {"width": 1180, "height": 820}
LONGEST = 7_200_000.0
"""Milliseconds that a run may take."""
CHOSEN = 8
"""The molecules that are put on the shortlist."""
Take = Callable[[str], None]
"""Takes a picture of the page under a name."""


def fetch_series(series: str, path: Path) -> Path:
    """Fetch a series of MoleculeACE and write it as a chemist's workbook: a number, SMILES, Ki in nM."""
    with tempfile.TemporaryDirectory() as folder:
        download_package(PACKAGE, Path(folder))
        with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
            text = wheel.read(f"MoleculeACE/Data/benchmark_data/{series}.csv").decode()
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["compound", "SMILES", "Ki (nM)"])
    for number, row in enumerate(csv.DictReader(io.StringIO(text)), start=1):
        sheet.append([f"{TARGET}-{number:03d}", row["smiles"], float(row["exp_mean [nM]"])])
    book.save(path)
    return path


def walk(page: Page, address: str, spreadsheet: Path, shortlist: Path, take: Take = lambda name: None) -> int:
    """Click from a spreadsheet to an SD file of a shortlist, as someone does who has read nothing.

    Args:
        page: A page of a browser.
        address: The address of an app with an empty workspace.
        spreadsheet: The file to drop.
        shortlist: The SD file to write.
        take: Takes a picture under a name.

    Returns:
        The number of molecules on the shortlist.
    """
    page.goto(address)
    expect(page.get_by_role("button", name="Choose a file")).to_be_visible()
    take("1-drop")
    page.set_input_files("input[type=file]", spreadsheet)
    page.wait_for_url("**/start/*", timeout=60_000)
    expect(page.get_by_text("What do you want?")).to_be_visible(timeout=300_000)
    take("2-understood")
    page.get_by_text("What do you want?").scroll_into_view_if_needed()
    page.wait_for_timeout(800)
    page.evaluate("document.querySelectorAll('.step')[1].closest('section').scrollIntoView()")
    take("3-goal")
    page.get_by_role("button", name="Find molecules").click()
    page.wait_for_url("**/job/*", timeout=60_000)
    finished = page.get_by_role("heading", name="The best molecules")
    first = page.locator(".small-mols .mol-card").nth(3)
    expect(finished.or_(first).first).to_be_visible(timeout=LONGEST)
    if not finished.is_visible():
        page.wait_for_timeout(1500)
        take("4-at-work")
    expect(finished).to_be_visible(timeout=LONGEST)
    take("5-result")
    page.get_by_role("link", name="Library", exact=True).click()
    expect(page.locator(".mol-card").first).to_be_visible(timeout=60_000)
    page.wait_for_timeout(1000)
    boxes = page.get_by_role("checkbox", name="choose")
    number = min(CHOSEN, boxes.count())
    for place in range(number):
        boxes.nth(place).click()
    note = page.get_by_label("Note, such as the reason")
    note.fill("first batch")
    note.evaluate("field => field.closest('section').scrollIntoView()")
    page.wait_for_timeout(600)  # the last tick is drawn
    take("6-shortlist")
    page.get_by_role("button", name="Shortlist").click()
    expect(page.locator(".chip.shortlisted").nth(number - 1)).to_be_visible(timeout=60_000)
    page.get_by_label("Status").click()
    page.get_by_role("option", name="shortlisted").click()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.locator(".mol-card")).to_have_count(number, timeout=60_000)
    with page.expect_download() as download:
        page.get_by_role("button", name="SDF", exact=True).click()
    download.value.save_as(shortlist)
    take("7-sdf")
    return number


def keep_picture(page: Page, path: Path) -> None:
    """Keep a picture of what is seen of a page, in 64 colors: small enough for a repository."""
    drawn = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    drawn.quantize(64, dither=Image.Dither.NONE).save(path, optimize=True)


def main() -> None:
    """Walk with a real measured set and the usual settings, and print the minutes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", default=SERIES)
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--keep", type=Path, help="a folder that keeps the workspace and the shortlist")
    args = parser.parse_args()
    chromium = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM)))
    with tempfile.TemporaryDirectory() as beside:
        folder = args.keep or Path(beside)
        for needed in filter(None, (folder, args.pictures)):
            needed.mkdir(parents=True, exist_ok=True)
        spreadsheet = fetch_series(args.series, folder / f"{TARGET} Ki.xlsx")
        times: list[tuple[str, float]] = []
        with run_app(folder, settings=None) as address, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            page = browser.new_context(viewport=VIEW, accept_downloads=True).new_page()  # type: ignore[arg-type]
            started = time.monotonic()

            def take(name: str) -> None:
                times.append((name, time.monotonic() - started))
                print(f"{times[-1][1] / 60:6.2f} min  {name}", flush=True)
                if args.pictures is not None:
                    keep_picture(page, args.pictures / f"{name}.png")

            number = walk(page, address, spreadsheet, folder / "shortlist.sdf", take)
            seconds = time.monotonic() - started
            browser.close()
        found = [mol for mol in Chem.SDMolSupplier(str(folder / "shortlist.sdf")) if mol is not None]
        assert len(found) == number, "the SD file has what was shortlisted"
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{seconds / 60:.1f} minutes from the page to the SD file with {number} molecules")
    print(f"{(used.ru_utime + used.ru_stime) / 60:.1f} minutes of processor in the app; load {os.getloadavg()}")


if __name__ == "__main__":
    main()
