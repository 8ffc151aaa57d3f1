"""Rows are named to the user as a spreadsheet or an SDF viewer counts them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.datasets.readers.row_numbers import RowNumbers
from pipeline.datasets.readers.source import Source


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.csv", "smiles,x\nCCO,1\nCCN,2\n", ["row 2", "row 3"]),
        ("a.csv", "\n\nsmiles,x\nCCO,1\n", ["row 4"]),
        ("a.csv", 'smiles,"two\nlines"\nCCO,"1\n2"\nCCN,3\n', ["row 2", "row 3"]),
        ("a.smi", "CCO first\n\nCCN second\n", ["row 1", "row 3"]),
    ],
)
def test_rows_of_a_table_are_those_of_a_spreadsheet(tmp_path: Path, name: str, text: str, expected: list[str]) -> None:
    path = tmp_path / name
    path.write_text(text)
    source = Source.open(path)
    numbers = RowNumbers.of_layout(source.layout)
    assert [numbers.name(row) for chunk in source.chunks() for row in chunk.rows] == expected


def test_records_of_an_sdf_file_count_from_one(tmp_path: Path) -> None:
    path = tmp_path / "a.sdf"
    path.write_text("\n\n\n  1  0  0  0  0  0  0  0  0  0999 V2000\n    0.0    0.0    0.0 C   0  0\nM  END\n$$$$\n")
    assert RowNumbers.of_layout(Source.open(path).layout).name(0) == "record 1"


def test_an_older_dataset_counts_from_zero() -> None:
    assert RowNumbers.of_manifest({}).name(7) == "row 7"
    assert RowNumbers.of_manifest({"row_numbers": RowNumbers(2).to_dict()}).name(7) == "row 9"
