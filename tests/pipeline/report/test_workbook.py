"""The workbook of a run: a drawing in each row, numbers as numbers, texts as texts, and what each column means."""

from __future__ import annotations

from pathlib import Path

import pytest
from openpyxl import load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from chem_vae.errors import DataError
from pipeline import report
from pipeline.report import workbook
from tests.pipeline.report.samples import SMILES, as_report, candidates, full_report


def test_a_workbook_has_drawings_all_columns_and_their_meaning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = candidates().assign(note=["=1+2", "plain", "", "\x00", "ß"])
    report.write(tmp_path / "run", as_report(full_report()), frame)
    monkeypatch.setattr(workbook, "MOST_DRAWN", 4)
    assert workbook.write_workbook(tmp_path / "run", tmp_path / "found.xlsx") == len(SMILES)
    book = load_workbook(tmp_path / "found.xlsx")
    sheet, meanings = book["candidates"], book["columns"]
    head = [cell.value for cell in sheet[1]]
    assert head == ["structure", *frame.columns]
    rows = [dict(zip(head, [cell.value for cell in row], strict=True)) for row in sheet.iter_rows(min_row=2)]
    assert [row["smiles"] for row in rows] == SMILES and [row["rank"] for row in rows] == [1, 2, 3, 4, 5]
    assert [row["logp_computed"] for row in rows] == frame["logp_computed"].tolist()
    note = sheet.cell(2, head.index("note") + 1)
    assert note.value == "=1+2" and note.data_type == "s"  # no formula
    assert len(sheet._images) == 4 and rows[4]["structure"] == "not drawn"
    assert [cell.value for cell in meanings["A"]][1:] == list(frame.columns)
    assert sheet.freeze_panes == "C2"


def test_a_sheet_is_not_asked_for_its_last_row_once_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To answer it goes through all of its cells, so that a workbook of many rows took very long."""
    asked: list[str] = []

    def find_last_row(sheet: Worksheet) -> int:
        asked.append(sheet.title)
        return max(row for row, _ in sheet._cells) if sheet._cells else 1

    monkeypatch.setattr(Worksheet, "max_row", property(find_last_row))
    counts = []
    for count in (2, 5):
        report.write(tmp_path / str(count), as_report(full_report()), candidates(count))
        asked.clear()
        workbook.write_workbook(tmp_path / str(count), tmp_path / "found.xlsx")
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_a_folder_without_a_report_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"report\.json"):
        workbook.write_workbook(tmp_path, tmp_path / "found.xlsx")
    assert not (tmp_path / "found.xlsx").exists()


def test_names_of_the_users_stay_texts_and_what_was_measured_is_a_number(tmp_path: Path) -> None:
    known = as_report({**full_report(), "library": {"columns": ["=code"]}})
    frame = candidates(2).assign(nearest_measured_smiles="CCO", nearest_measured_similarity=[0.5, 1.0])
    frame["nearest_measured_pIC50"], frame["nearest_measured_id"] = ["6.25", ">7.5"], ["00129", "00130"]
    frame["=code"] = ["0006", "0007"]
    report.write(tmp_path / "run", known, frame)
    workbook.write_workbook(tmp_path / "run", tmp_path / "found.xlsx")
    sheet = load_workbook(tmp_path / "found.xlsx")["candidates"]
    columns = {cells[0]: list(cells[1:]) for cells in sheet.iter_cols(values_only=True)}
    assert columns["nearest_measured_id"] == ["00129", "00130"] and columns["=code"] == ["0006", "0007"]
    assert columns["nearest_measured_pIC50"] == [6.25, ">7.5"]
    assert columns["nearest_measured_similarity"] == [0.5, 1.0]
