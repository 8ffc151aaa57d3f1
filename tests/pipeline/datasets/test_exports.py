"""Rejected and changed rows are written out with the numbers of a spreadsheet, and no text becomes a formula."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
import pytest
from openpyxl import load_workbook

from chem_vae.errors import UserError
from pipeline.datasets.config import IngestConfig
from pipeline.datasets.dataset import Dataset
from pipeline.datasets.exports import list_changed, list_rejected, write_table_file
from pipeline.datasets.ingest import ingest

TABLE = """smiles,code,reason
CCCCO,A-1,fine
not one,A-2,"two
lines"
CCCC(=O)[O-].[Na+],A-3,a salt
C1CC,=cmd|'/c calc'!A1,open ring
,A-5,empty
"""


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    path = tmp_path / "a.csv"
    path.write_text(TABLE)
    return ingest(IngestConfig(source=str(path), compute=("mw",), validation_fraction=0, test_fraction=0), tmp_path)


def test_rejected_rows_have_the_numbers_of_a_spreadsheet_and_the_users_columns(dataset: Dataset) -> None:
    table = list_rejected(dataset)
    assert list(table.columns) == ["row", "input", "stage", "reason", "code", "reason.source"]
    assert table["row"].tolist() == [3, 5, 6], "the row with a line break counts once, the header is row 1"
    assert table["code"].tolist() == ["A-2", "=cmd|'/c calc'!A1", "A-5"]
    assert table["reason.source"][0] == "two\nlines"
    assert list_rejected(dataset, 1)["row"].tolist() == [3]


def test_changed_rows(dataset: Dataset) -> None:
    (row,) = list_changed(dataset).to_dict("records")
    assert row["row"] == 4 and row["input"] == "CCCC(=O)[O-].[Na+]" and row["smiles"] == "CCCC(=O)O"
    assert "uncharged" in row["changes"].split("; ")


def test_a_spreadsheet_gets_text_and_no_formula(dataset: Dataset, tmp_path: Path) -> None:
    table = list_rejected(dataset)
    write_table_file(table, tmp_path / "out.xlsx")
    sheet = load_workbook(tmp_path / "out.xlsx").active
    assert sheet is not None
    cells = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert cells[0] == list(table.columns) and cells[2][4] == "=cmd|'/c calc'!A1"
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "inlineStr", "n"}
    write_table_file(table, tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        assert [row["code"] for row in csv.DictReader(file)][1] == "'=cmd|'/c calc'!A1"


def test_control_characters_and_empty_tables_can_be_written(tmp_path: Path) -> None:
    write_table_file(pd.DataFrame({"a": ["x\x00y", None], "b": [1, 2]}), tmp_path / "a.xlsx")
    write_table_file(pd.DataFrame({"row": []}), tmp_path / "b.xlsx")
    with pytest.raises(UserError, match=r"must end in \.csv or \.xlsx"):
        write_table_file(pd.DataFrame({"a": [1]}), tmp_path / "a.txt")


def test_a_dataset_of_an_older_version_lists_its_rejections(tmp_path: Path) -> None:
    old = Path(__file__).parents[2] / "old_formats" / "workspace" / "datasets"
    (folder,) = (f for f in old.iterdir() if f.is_dir())
    dataset = Dataset.open(folder)
    assert list(list_rejected(dataset).columns) == ["row", "input", "stage", "reason"]
    assert "accepted" in dataset.summary()
    with pytest.raises(UserError, match="older version"):
        list_changed(dataset)
