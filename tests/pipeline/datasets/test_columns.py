"""What the columns of a source are for, and what is said where they hold nothing to learn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from chem_vae.errors import DataError
from pipeline.datasets.config import IngestConfig
from pipeline.datasets.ingest import ingest

MOLECULES = ["CCO", "CCN", "CCCO", "CCCN"]


def read(folder: Path, cells: list[Any], molecules: list[str] = MOLECULES, **more: Any) -> None:
    """Ingest a workbook with a measured column."""
    book = Workbook()
    for row in [["SMILES", "y"], *zip(molecules, cells, strict=True)]:
        book.active.append(row)
    book.save(folder / "mess.xlsx")
    given = {"source": str(folder / "mess.xlsx"), "smiles_column": "SMILES", "compute": (), "properties": ["y"], **more}
    ingest(IngestConfig.model_validate(given), folder)


@pytest.mark.parametrize("rows", [2, 100])
def test_an_error_says_what_the_reader_noticed_of_the_file(tmp_path: Path, rows: int) -> None:
    formula = "formulas without a saved value: {}.*open the workbook in a spreadsheet program and save it"
    with pytest.raises(DataError, match=f"no row of mess.xlsx has a value of the property 'y'.*{formula.format(4)}"):
        read(tmp_path, ["=1+1"] * 4, shard_rows=rows)
    with pytest.raises(DataError, match=f"'y' holds text.*first value is 'good'.*{formula.format(2)}"):
        read(tmp_path, ["good", "bad", "=1+1", "=1+1"], shard_rows=rows)
    with pytest.raises(DataError, match=f"all 4 rows of mess.xlsx were rejected.*{formula.format(1)}"):
        read(tmp_path, [1, 2, 3, "=1+1"], ["C1", "XX", "*", "X"], shard_rows=rows)


def test_an_error_stays_alone_where_nothing_was_noticed(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no row of mess.xlsx has a value of the property 'y'$"):
        read(tmp_path, [None] * 4)
