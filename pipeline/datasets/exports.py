"""Lists the rejected and the changed rows of a dataset as tables that a spreadsheet opens."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from chem_vae.atomic_files import write_text, write_whole
from chem_vae.errors import UserError
from pipeline.datasets.dataset import Dataset
from pipeline.workspace.presentation.column_names import rename_taken
from pipeline.workspace.presentation.csv_tables import format_csv

_MOST_SHEET_ROWS = 1_048_576
_MOST_CELL = 32_767  # characters of a cell of a spreadsheet


def list_rejected(dataset: Dataset, most: int | None = None) -> pd.DataFrame:
    """List the rejected rows: number, input, stage, reason, and the user's own columns where the dataset keeps them.

    The first column is called as a row is ("row", or "record" of an SDF file); it counts as a spreadsheet does, the header
    as row 1.

    Args:
        dataset: The dataset.
        most: The number of rows to list at most; all when None.
    """
    table = dataset.rejections(cells=True).head(most or sys.maxsize)
    own = [json.loads(cells) if isinstance(cells, str) else {} for cells in table.pop("cells")]
    names = list(dict.fromkeys(name for cells in own for name in cells))
    taken = {*table.columns, dataset.row_numbers.word}
    shown = rename_taken(names, taken, "source")
    beside = {shown[name]: [cells.get(name) for cells in own] for name in names}
    return pd.concat([_number_rows(dataset, table), pd.DataFrame(beside, index=table.index)], axis=1)


def list_changed(dataset: Dataset) -> pd.DataFrame:
    """List the accepted molecules that standardization changed: number, input, smiles, changes.

    Raises:
        UserError: If the dataset was made by an older version, which kept no changes.
    """
    if "changes" not in dataset.columns:
        raise UserError(
            f"the dataset {dataset.folder.name} was made by an older version, which kept no changes: ingest its source again"
        )
    table = dataset.table(["row", "input", "smiles", "changes"])
    return _number_rows(dataset, table[table["changes"] != ""])


def _number_rows(dataset: Dataset, table: pd.DataFrame) -> pd.DataFrame:
    """Name and number the rows as their user finds them."""
    numbers = dataset.row_numbers
    return table.assign(row=table["row"].map(numbers.number)).rename(columns={"row": numbers.word})


def check_table_file(path: Path) -> None:
    """Check that `write_table_file` knows the kind of a file.

    Raises:
        UserError: If its name ends neither in .csv nor in .xlsx, or if its folder is missing.
    """
    if path.suffix.lower() not in _WRITERS:
        raise UserError(f"cannot write {path.name}: the name must end in .csv or .xlsx")
    if not path.absolute().parent.is_dir():
        raise UserError(f"there is no folder {path.parent} to write {path.name} into; make it first")


def write_table_file(table: pd.DataFrame, path: Path, others: Mapping[str, pd.DataFrame] | None = None) -> None:
    """Write a table as .csv or .xlsx, whole or not at all; no text of it is taken for a formula.

    Args:
        table: The table.
        path: The file.
        others: Further sheets of a workbook, by name; a .csv file does without them.

    Raises:
        UserError: If the name of the file has another ending, or if the table has more rows than a sheet.
    """
    check_table_file(path)
    more = others or {}
    title = path.stem if path.stem.casefold() not in map(str.casefold, more) else "table"
    _WRITERS[path.suffix.lower()]({title: table, **more}, path)


def _write_csv(sheets: Mapping[str, pd.DataFrame], path: Path) -> None:
    write_text(path, format_csv(next(iter(sheets.values()))))


def _write_xlsx(sheets: Mapping[str, pd.DataFrame], path: Path) -> None:
    # Here: only this needs openpyxl, which takes long to load.
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    rows = max(map(len, sheets.values()))
    if rows >= _MOST_SHEET_ROWS:
        raise UserError(f"{rows:,} rows are more than a sheet of {path.name} holds; give a name that ends in .csv")
    book = Workbook(write_only=True)

    def make_cell(sheet: Any, value: Any) -> Any:
        if not isinstance(value, str):
            return None if pd.isna(value) else value
        cell = WriteOnlyCell(sheet, value=ILLEGAL_CHARACTERS_RE.sub("\ufffd", value)[:_MOST_CELL])
        cell.data_type = "s"  # a text, also where it begins as a formula does
        return cell

    for title, table in sheets.items():
        sheet = book.create_sheet(re.sub(r"[\[\]:*?/\\]", " ", title)[:31])  # what the name of a sheet cannot hold
        sheet.append([make_cell(sheet, str(name)) for name in table.columns])
        for row in zip(*(table[name] for name in table.columns), strict=True):
            sheet.append([make_cell(sheet, value) for value in row])
    with write_whole(path) as partial:
        book.save(partial)


_WRITERS: dict[str, Callable[[Mapping[str, pd.DataFrame], Path], None]] = {".csv": _write_csv, ".xlsx": _write_xlsx}
