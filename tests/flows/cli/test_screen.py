"""The command `screen`: from a catalogue to an order list, and its sentences for bad input."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from command_line import CommandLine, Done, refused


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("library") / "catalogue.csv"
    with path.open("w", newline="") as file:
        rows = [[f"V-{n}{m}", f"{'C' * n}c1ccc(cc1)C(=O)N{'C' * m}"] for n in range(1, 6) for m in range(2, 7)]
        csv.writer(file).writerows([["Catalog ID", "SMILES"], *rows, ["V-bad", "xx"]])
    return path


def test_a_catalogue_is_screened(first_run: Done, chem_vae: CommandLine, workspace: Path, catalogue: Path) -> None:
    order = catalogue.with_name("order.csv")
    done = chem_vae(
        "screen",
        catalogue,
        "--minimize",
        "potency",
        "-n",
        "4",
        "-w",
        workspace,
        "-o",
        order,
        "--allow-unusual",
        "all",
        "--within",
        "mw=:400",
        "--outside-domain",
    )
    assert done.returncode == 0, done.stderr
    assert "library: 26 rows of catalogue: 1 unreadable" in done.stdout and "library-rejected.csv" in done.stdout
    assert "Catalog ID" in done.stdout and "screen: 26/26" in done.stderr
    with order.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows and all(row["Catalog ID"].startswith("V-") for row in rows)
    folder = Path(next(s for s in done.stdout.splitlines() if s.startswith("report: ")).removeprefix("report: ")).parent
    assert folder.name.endswith("-screen") and (folder / "library-rejected.csv").is_file()


def test_bad_requests_are_refused(chem_vae: CommandLine, first_run: Done, workspace: Path, catalogue: Path) -> None:
    refused(chem_vae("screen", "-w", workspace), "name the library", "chem-vae screen catalogue.csv")
    refused(chem_vae("screen", catalogue, "-w", workspace, "-q"), "say what is wanted")
    refused(chem_vae("screen", catalogue, "--maximize", "potencyy", "-w", workspace, "-q"), "potency")
    refused(chem_vae("screen", "catalog", "--minimize", "potency", "-w", workspace, "-q"), "moses-sample")
