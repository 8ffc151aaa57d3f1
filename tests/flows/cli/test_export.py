"""A run's candidates as one file of the form that its name says."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Done
from openpyxl import load_workbook

from chem_vae.errors import UserError
from flows.cli.export import check_output, export


@pytest.mark.parametrize("suffix", ["csv", "smi", "sdf"])
def test_each_form_holds_every_candidate(first_run: Done, workspace: Path, tmp_path: Path, suffix: str) -> None:
    run = next((workspace / "runs").glob("*-tiny"))
    count = export(run, tmp_path / f"found.{suffix}")
    text = (tmp_path / f"found.{suffix}").read_text()
    lines = {"csv": text.count("\n") - 1, "smi": text.count("\n"), "sdf": text.count("$$$$")}
    assert count == lines[suffix] > 0
    assert [path.name for path in tmp_path.iterdir()] == [f"found.{suffix}"]


def test_a_workbook_has_a_drawing_of_every_candidate(first_run: Done, workspace: Path, tmp_path: Path) -> None:
    run = next((workspace / "runs").glob("*-tiny"))
    count = export(run, tmp_path / "found.xlsx")
    sheet = load_workbook(tmp_path / "found.xlsx")["candidates"]
    assert sheet.max_row - 1 == len(sheet._images) == count > 0


def test_a_file_that_cannot_be_written_is_said_before_the_work(tmp_path: Path) -> None:
    for path, words in (
        (tmp_path / "found.doc", r"must end in \.csv, \.sdf, \.smi or \.xlsx"),
        (tmp_path / "no" / "found.csv", "no folder"),
    ):
        with pytest.raises(UserError, match=words):
            check_output(path)
    (tmp_path / "found.csv").mkdir()
    with pytest.raises(UserError, match="is a folder"):
        check_output(tmp_path / "found.csv")
