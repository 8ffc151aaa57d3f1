"""The candidates as a workbook (.xlsx): a drawing in each row, all columns, and a sheet that says what each column means."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pandas as pd
from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.drawing.image import Image
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter

from chem_vae.atomic_files import to_plain, write_whole
from pipeline.chemistry.output.drawings import draw_png
from pipeline.report.candidate_data import CandidateData, collect_candidate_data
from pipeline.report.column_dictionary import make_dictionary
from pipeline.report.model import read_report
from pipeline.report.read_candidates import read_candidates
from pipeline.workspace.presentation.formatting import is_number

MOST_DRAWN = 1000
"""Rows that get a drawing: a drawing takes 2 kB and 10 ms."""
WIDTH, HEIGHT = 200, 120
"""The size of a drawing in pixels."""
_STRUCTURE = "structure"
_MOST_WIDTH = 40


def write_workbook(folder: Path, path: Path) -> int:
    """Write the candidates of a run's folder as a workbook, whole or not at all.

    Args:
        folder: The folder of the run.
        path: The workbook; its name ends in .xlsx.

    Returns:
        The number of candidates.

    Raises:
        DataError: If the folder has no whole report.
    """
    report = read_report(folder)
    data = collect_candidate_data(report, read_candidates(folder / "candidates.csv", report))
    book = Workbook()
    sheet: Any = book.active
    sheet.title = "candidates"
    _fill_candidates(sheet, data)
    _fill_dictionary(book.create_sheet("columns"), data)
    with write_whole(path) as partial:
        book.save(partial)
    return data.count


def _fill_candidates(sheet: Any, data: CandidateData) -> None:
    """Fill the sheet of the candidates, with a drawing in the first column."""
    names = [_STRUCTURE, *(column.column for column in data.columns)]
    _write_row(sheet, 1, names)
    for row in range(data.count):
        cells = [data.values[column.column][row] for column in data.columns]
        place = row + 2
        _write_row(sheet, place, ["" if row < MOST_DRAWN else "not drawn", *cells])
        if row < MOST_DRAWN:
            sheet.row_dimensions[place].height = 0.75 * (HEIGHT + 6)
            if png := draw_png(data.values["smiles"][row], WIDTH, HEIGHT):
                sheet.add_image(Image(io.BytesIO(png)), f"A{place}")
    for number, column in enumerate(data.columns, start=2):
        letter = get_column_letter(number)
        texts = [
            column.column,
            *(str(value) for value in data.values[column.column] if not is_number(value) and value is not None),
        ]
        sheet.column_dimensions[letter].width = min(_MOST_WIDTH, max(map(len, texts)) + 2)
        if column.decimals is not None:
            shown = "0" if column.decimals == 0 else "0." + "0" * column.decimals
            for cells_of in sheet[letter][1:]:
                cells_of.number_format = shown
    sheet.column_dimensions["A"].width = WIDTH / 7 + 1
    for row_of in sheet.iter_rows(min_row=2):
        for cell in row_of:
            cell.alignment = Alignment(vertical="center")
    sheet.freeze_panes = "C2"
    sheet.auto_filter.ref = sheet.dimensions
    _make_bold(sheet)


def _fill_dictionary(sheet: Any, data: CandidateData) -> None:
    """Fill the sheet that says what each column means."""
    dictionary = make_dictionary(data.columns)
    for place, cells in enumerate([list(dictionary.columns), *dictionary.itertuples(index=False)], start=1):
        _write_row(sheet, place, list(cells))
    for letter, width in zip("ABCD", (30, 90, 14, 12), strict=True):
        sheet.column_dimensions[letter].width = width
    _make_bold(sheet)


def _write_row(sheet: Any, place: int, values: list[Any]) -> None:
    """Write a row in which a text stays a text, also where it begins as a formula does.

    Its number is given: to ask a sheet for its last row takes as long as the sheet has cells.
    """
    for number, value in enumerate(values, start=1):
        known = to_plain(value)
        if known is None or (isinstance(known, float) and pd.isna(known)):
            continue
        cell = sheet.cell(place, number)
        if isinstance(known, str):
            cell.value = ILLEGAL_CHARACTERS_RE.sub("\ufffd", known)[:32_767]
            cell.data_type = "s"
        else:
            cell.value = known


def _make_bold(sheet: Any) -> None:
    for cell in sheet[1]:
        cell.font = Font(bold=True)
