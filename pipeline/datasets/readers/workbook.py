"""Opens workbooks (.xlsx, .xlsm), and reads the cells of a sheet and writes them as text."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, time
from pathlib import Path
from typing import Any

from chem_vae.errors import DataError
from pipeline.datasets.readers.sheet_xml import SheetFacts
from pipeline.datasets.readers.text_files import check_ratio
from pipeline.workspace.presentation.csv_tables import restore_formula

_LARGEST = 4 << 30  # bytes that a workbook may unpack to

Cell = Any
"""A cell of openpyxl; an empty one has the value None."""


class ErrorCell:
    """An error value of a cell, such as #N/A."""

    def __init__(self, text: str) -> None:
        self.text = text


def write_cell(cell: Cell) -> str:
    """Write a cell as text; an error is nothing."""
    if cell is None or isinstance(cell, ErrorCell):
        return ""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, datetime) and cell.time() == time():
        return cell.date().isoformat()
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    return restore_formula(cell) if isinstance(cell, str) else str(cell)


def is_number(cell: Cell) -> bool:
    """Tell whether a cell holds a number; a date and a logical value are none."""
    return isinstance(cell, int | float) and not isinstance(cell, bool)


def read_cells(path: Path, sheet: str, facts: SheetFacts) -> Iterator[tuple[int, list[Cell]]]:
    """Read the rows of a sheet from the first one on.

    Args:
        path: The workbook.
        sheet: The sheet's name.
        facts: What its file says of merged cells.

    Yields:
        The number of each row, from 1, and its values; the value of a merged cell stands in each of its rows.

    Raises:
        DataError: If the workbook is damaged.
    """
    kept: dict[int, tuple[int, Cell]] = {}  # column -> the last row of a merged cell, and its value
    starts = {(merged.row, merged.column): merged.last_row for merged in facts.merged if merged.last_row > merged.row}
    with open_book(path) as book:
        for number, row in enumerate(_read_lines(path, book, sheet), start=1):
            cells = [ErrorCell(str(cell.value)) if cell.data_type == "e" else cell.value for cell in row]
            for i, cell in enumerate(cells):
                if cell is not None and (last := starts.get((number, i + 1))):
                    kept[i] = (last, cell)
            if kept:
                for i, (last, value) in list(kept.items()):
                    if last < number:
                        del kept[i]
                    elif any(cell is not None for cell in cells):
                        cells += [None] * (i + 1 - len(cells))
                        cells[i] = value
            yield number, cells


def _read_lines(path: Path, book: Any, sheet: str) -> Iterator[Sequence[Cell]]:
    try:
        lines = book[sheet]
        lines.reset_dimensions()  # what a program wrote there may be wrong
        yield from lines.iter_rows()
    except Exception as error:  # openpyxl raises many kinds of errors for a damaged file
        raise DataError(f"{path.name} is a damaged workbook: {error or type(error).__name__}") from None


@contextmanager
def open_book(path: Path) -> Iterator[Any]:
    """Open a workbook, whatever its file's name is."""
    from openpyxl import load_workbook  # here: takes long to load

    with path.open("rb") as file:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of styles and extensions that do not concern values
                book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
        except Exception as error:  # openpyxl raises many kinds of errors for a damaged file
            raise DataError(f"{path.name} is a damaged workbook: {error or type(error).__name__}") from None
        with closing(book):
            yield book


def check_size(path: Path) -> None:
    """Check that a file is a workbook that does not unpack to more than one can hold.

    Raises:
        DataError: If it is none, or if it does.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise DataError(f"{path.name} is a damaged workbook: {error}") from None
    check_ratio(path, size)
    if size > _LARGEST:
        raise DataError(
            f"{path.name} unpacks to {size >> 30:,} GB, more than a workbook can hold; save the sheet as CSV"
        )
