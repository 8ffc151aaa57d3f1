from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from chem_vae.errors import DataError, UserError
from pipeline.datasets.readers import Hints
from pipeline.datasets.readers.row_numbers import RowNumbers
from pipeline.datasets.readers.source import Chunk, Source, find_format

MOLECULES = ["CCOc1ccccc1C(=O)N", "CC(=O)Nc1ccc(O)cc1", "Cc1ccc(S(N)(=O)=O)cc1", "O=C(O)c1ccccc1OC"]


def save(path: Path, fill: Callable[[Any], None] | None = None, rows: list[list[Any]] | None = None) -> Path:
    book = Workbook()
    sheet = book.active
    for row in rows or []:
        sheet.append(row)
    if fill is not None:
        fill(sheet)
    book.save(path)
    return path


def read(path: Path, hints: Hints | None = None) -> tuple[Source, Chunk]:
    source = Source.open(path, hints)
    (chunk,) = source.chunks()
    assert source.count() == len(chunk), "no row is lost"
    assert sorted([*chunk.rows, *(r.row for r in chunk.rejections)]) == list(range(len(chunk)))
    return source, chunk


TABLE: list[list[Any]] = [["smiles", "pIC50", "note"], *([s, 5 + i / 4, f"cpd {i}"] for i, s in enumerate(MOLECULES))]


@pytest.mark.parametrize("name", ["a.xlsx", "a.xlsm", "b.csv", "c"])
def test_a_workbook_is_read_whatever_its_name(tmp_path: Path, name: str) -> None:
    book = save(tmp_path / "a.xlsx", rows=TABLE)
    path = book.rename(tmp_path / name)
    source, chunk = read(path)
    assert find_format(path) == "xlsx" and source.smiles_column == "smiles"
    assert [note[:26] for note in source.notes] == ["the file holds a workbook,"] * (name == "b.csv")
    assert chunk.inputs == MOLECULES
    assert chunk.columns == {"pIC50": ["5", "5.25", "5.5", "5.75"], "note": [f"cpd {i}" for i in range(4)]}
    assert RowNumbers.of_layout(source.layout).number(0) == 2
    assert list(source.chunks()) == [chunk], "a source can be read again"


def test_values_are_kept_and_what_a_spreadsheet_did_to_them_is_said(tmp_path: Path) -> None:
    def fill(sheet: Any) -> None:
        sheet["B2"].number_format = "0%"  # 7.5 stays 7.5
        sheet["B3"] = datetime(2024, 5, 7)
        sheet["B4"] = "#N/A"
        sheet["B4"].data_type = "e"
        sheet["B5"] = "=B2*2"
        sheet.row_dimensions[3].hidden = True

    rows: list[list[Any]] = [["smiles", "pIC50"], *([s, 7.5] for s in MOLECULES)]
    source, chunk = read(save(tmp_path / "a.xlsx", fill, rows))
    assert chunk.columns["pIC50"] == ["7.5", "2024-05-07", "", ""]
    dates, errors, hidden, formulas = source.notes
    assert "cells of 'pIC50' that are dates: 1 (2024-05-07 in B3)" in dates
    assert "cells of 'pIC50' with an error of the spreadsheet: 1 (#N/A in B4)" in errors
    assert "rows that the sheet hides or filters out: 1" in hidden and len(chunk.inputs) == 4
    assert "formulas without a saved value: 1" in formulas


def test_what_came_as_a_number_is_told_from_text_and_looks_as_in_the_spreadsheet(tmp_path: Path) -> None:
    cells = [129.0, "4.672", datetime(2024, 5, 7), True]
    rows: list[list[Any]] = [["smiles", "y"], *([s, cell] for s, cell in zip(MOLECULES, cells, strict=True))]
    _, chunk = read(save(tmp_path / "a.xlsx", rows=rows))
    assert chunk.columns["y"] == ["129", "4.672", "2024-05-07", "TRUE"] and set(map(type, chunk.columns["y"])) == {str}
    assert chunk.numbers == {"y": [True, False, False, False]}


def test_a_formula_has_its_saved_value(tmp_path: Path) -> None:
    path = save(tmp_path / "a.xlsx", lambda sheet: sheet.__setitem__("B2", "=5+2.5"), TABLE)
    cached = tmp_path / "b.xlsx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(cached, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, re.sub(rb"<f>5\+2.5</f><v ?/?>(</v>)?", b"<f>5+2.5</f><v>7.5</v>", data))
    source, chunk = read(cached)
    assert chunk.columns["pIC50"][0] == "7.5" and source.notes == []


def test_empty_rows_and_columns_and_a_title_around_the_table(tmp_path: Path) -> None:
    def fill(sheet: Any) -> None:
        sheet["C3"] = "Assay results, May 2024"
        sheet.merge_cells("C3:E3")
        for i, row in enumerate(TABLE):
            for j, value in enumerate(row):
                sheet.cell(5 + i, 3 + j, value)
        sheet["C12"] = MOLECULES[0]  # below an empty row
        sheet["A13"] = "stray"
        sheet["C13"] = MOLECULES[1]
        sheet["H6"] = "a remark"
        sheet.cell(40, 3).number_format = "0.00"  # formatted but empty

    source, chunk = read(save(tmp_path / "a.xlsx", fill))
    assert chunk.inputs == [*MOLECULES, MOLECULES[0]]
    assert chunk.columns["pIC50"] == ["5", "5.25", "5.5", "5.75", ""]
    numbers = RowNumbers.of_layout(source.layout)
    assert [(numbers.number(r.row), r.reason) for r in chunk.rejections] == [
        (10, "empty row"),
        (11, "empty row"),
        (13, "a value left of the table's first column"),
    ]
    assert any("Assay results, May 2024" in note for note in source.notes)


def test_cells_merged_over_rows_hold_their_value_in_each(tmp_path: Path) -> None:
    def fill(sheet: Any) -> None:
        sheet["C2"] = "series A"
        sheet.merge_cells("C2:C4")

    source, chunk = read(save(tmp_path / "a.xlsx", fill, TABLE))
    assert chunk.columns["note"] == ["series A", "series A", "series A", "cpd 3"]
    assert any("C2:C4" in note for note in source.notes)


def test_cells_merged_over_columns_are_counted_where_a_column_of_the_table_loses_a_value(tmp_path: Path) -> None:
    def fill(sheet: Any) -> None:
        for i, row in enumerate(TABLE):
            for j, value in enumerate([*row, f"lot {i}"]):
                sheet.cell(3 + i, 1 + j, value)
        sheet["A1"], sheet["E4"] = "Assay results", "a remark"
        for merged in (
            "A1:D1",
            "C3:D3",
            "B5:C6",
            "B7:C7",
            "D4:E4",
        ):  # a title, the head, two in the table, one beyond it
            sheet.merge_cells(merged)

    source, chunk = read(save(tmp_path / "a.xlsx", fill))
    assert chunk.columns["pIC50"] == ["5", "5.25", "5.25", "5.75"] and chunk.columns["note"] == ["cpd 0", "", "", ""]
    over_columns = [note for note in source.notes if "merged over columns" in note]
    assert len(over_columns) == 1 and "merged over columns: 2 (such as B5:C6)" in over_columns[0]
    assert any("merged over rows: 1 (such as B5:C6)" in note for note in source.notes)


def make_book(path: Path, **sheets: list[list[Any]]) -> Path:
    book = Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
        if name.startswith("hidden"):
            sheet.sheet_state = "hidden"
    book.save(path)
    return path


def test_the_sheet_of_molecules_is_found(tmp_path: Path) -> None:
    about = [["made by", "someone"], ["date", "May"]]
    path = make_book(tmp_path / "a.xlsx", About=about, Data=TABLE, hidden_old=TABLE, Empty=[])
    source, chunk = read(path)
    assert chunk.inputs == MOLECULES
    assert "sheet 'Data'; not read: 'About', 'hidden_old', 'Empty'" in source.notes[0]
    assert read(path, Hints(sheet="hidden_old"))[1].inputs == MOLECULES
    assert read(path, Hints(sheet="data"))[1].inputs == MOLECULES
    with pytest.raises(UserError, match=r"unknown sheet of a\.xlsx 'Dada'; did you mean 'Data'"):
        Source.open(path, Hints(sheet="Dada"))
    with pytest.raises(DataError, match="no column of a.xlsx holds SMILES"):
        Source.open(path, Hints(sheet="About"))
    path = make_book(tmp_path / "b.xlsx", **{"Run 1": TABLE, "Run2": TABLE})
    with pytest.raises(UserError, match="2 sheets of molecules.*--sheet 'Run 1', --sheet Run2"):
        Source.open(path)
    with pytest.raises(DataError, match="no sheet of c.xlsx holds SMILES"):
        Source.open(make_book(tmp_path / "c.xlsx", About=about, Empty=[]))


def test_a_sheet_without_a_header(tmp_path: Path) -> None:
    source, chunk = read(save(tmp_path / "a.xlsx", rows=[[f"c{i}", s, i] for i, s in enumerate(MOLECULES)]))
    assert chunk.inputs == MOLECULES and source.columns == ["column1", "column3"]


def test_damaged_workbooks_are_refused_in_a_sentence(tmp_path: Path) -> None:
    whole = save(tmp_path / "a.xlsx", rows=TABLE).read_bytes()
    (tmp_path / "cut.xlsx").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="damaged"):
        Source.open(tmp_path / "cut.xlsx")
    with zipfile.ZipFile(tmp_path / "a.xlsx") as old, zipfile.ZipFile(tmp_path / "less.xlsx", "w") as new:
        for name in old.namelist():
            if "sheet1" not in name:
                new.writestr(name, old.read(name))
    with pytest.raises(DataError, match="damaged"):
        Source.open(tmp_path / "less.xlsx")
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'
    with zipfile.ZipFile(tmp_path / "a.xlsx") as old, zipfile.ZipFile(tmp_path / "bomb.xlsx", "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, bomb + data if "workbook.xml" in name else data)
    with pytest.raises(DataError, match="damaged"):
        Source.open(tmp_path / "bomb.xlsx")


def test_other_office_formats_are_refused_with_the_remedy(tmp_path: Path) -> None:
    for name, members, words in (
        ("a.ods", ["mimetype", "content.xml"], "LibreOffice"),
        ("a.xlsb", ["xl/workbook.bin"], "xlsb"),
        ("a.numbers", ["Index/Document.iwa"], "Apple Numbers"),
        ("a.zip", ["data.csv"], "unpack it"),
    ):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for member in members:
                archive.writestr(member, "")
        with pytest.raises(UserError, match=words):
            Source.open(tmp_path / name)


def test_a_column_beyond_the_header_has_a_name_of_its_own(tmp_path: Path) -> None:
    rows: list[list[Any]] = [["column3", "smiles"], *([i, smiles, 7] for i, smiles in enumerate(MOLECULES))]
    _, chunk = read(save(tmp_path / "a.xlsx", rows=rows))
    assert chunk.columns == {"column3": list("0123"), "column3.1": ["7"] * 4}
