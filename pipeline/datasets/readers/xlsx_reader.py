"""Reads workbooks (.xlsx, .xlsm): finds the sheet that holds molecules, and reads its rows one after the other.

Only a few rows are in memory at a time, and the workbook's table of texts. Numbers keep their values, whatever their format;
formulas have the values that the spreadsheet program has saved.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path

from chem_vae.errors import DataError, UserError, unknown_name
from pipeline.chemistry.standardization.standardize import Rejection
from pipeline.datasets.layout.cell_kinds import LOOK
from pipeline.datasets.layout.smiles_column import find_smiles_column, quote_name
from pipeline.datasets.layout.table_head import find_head, number_duplicates
from pipeline.datasets.readers import READERS, Hints, Layout, NumberText, Row
from pipeline.datasets.readers.sheet_xml import SheetFacts, find_sheet_facts
from pipeline.datasets.readers.workbook import Cell, ErrorCell, check_size, is_number, open_book, read_cells, write_cell

_LOOK_FURTHER = 5_000  # rows, where the first ones hold no molecule
_DATES = (datetime, date, time, timedelta)


class XLSXReader:
    """Reads workbooks of Excel, LibreOffice and others."""

    suffixes: tuple[str, ...] = (".xlsx", ".xlsm")
    line_based = False

    def find_layout(self, path: Path, hints: Hints) -> Layout:
        """Find the sheet, its header and its SMILES column.

        Raises:
            DataError: If the file is damaged, or if no sheet holds SMILES.
            UserError: If there is no sheet of the name that the user gives, or if several sheets hold molecules.
        """
        check_size(path)
        with open_book(path) as book:
            states = {sheet.title: sheet.sheet_state for sheet in book.worksheets}
        if not states:
            raise DataError(f"{path.name} is a damaged workbook: it has no sheet")
        if hints.sheet is not None:
            near = [name for name in states if name.strip().casefold() == hints.sheet.strip().casefold()]
            if not near:
                raise unknown_name(f"sheet of {path.name}", hints.sheet, states)
            return self._lay_out(path, near[0], hints)
        found: dict[str, Layout | UserError] = {}
        reasons: list[str] = []
        for name in (name for name, state in states.items() if state == "visible"):
            try:
                found[name] = self._lay_out(path, name, hints)
            except DataError as error:
                reasons.append(f"sheet {name!r}: {error}")
            except UserError as error:  # several columns of molecules
                found[name] = error
        if not found:
            raise DataError(
                f"no sheet of {path.name} holds SMILES. {'; '.join(reasons[:3]) or 'All sheets are hidden'}"
            )
        if len(found) > 1:
            options = ", ".join(f"--sheet {quote_name(name)}" for name in found)
            raise UserError(f"{path.name} has {len(found)} sheets of molecules; say which one to read: {options}")
        ((name, layout),) = found.items()
        if isinstance(layout, UserError):
            raise layout
        if len(states) == 1:
            return layout
        others = ", ".join(repr(other) for other in states if other != name)
        note = f"the molecules are those of the sheet {name!r}; not read: {others} (choose with --sheet)"
        return replace(layout, notes=(note, *layout.notes))

    def read_rows(self, path: Path, layout: Layout, notes: list[str]) -> Iterator[Row | Rejection]:
        """Read every row below the header down to the last one that holds something, each as a row or as a rejection."""
        facts = find_sheet_facts(path, str(layout.sheet))
        account = _Account(facts, layout)
        smiles, row, lost = layout.smiles or 0, 0, "the sheet ends before this row"
        width = len(layout.names) - (layout.cell_name is not None)
        try:
            for number, cells in read_cells(path, str(layout.sheet), facts):
                if number <= layout.rows_above:
                    continue
                if number > facts.last_row:
                    break
                if not any(cell is not None for cell in cells):
                    yield Rejection(row, "", "read", "empty row")
                elif stray := account.find_stray_cell(cells, number):
                    yield Rejection(row, stray, "read", "a value left of the table's first column")
                else:
                    texts = account.write_row(cells, number, width)
                    text = texts.pop(smiles)
                    yield row, str(text), texts
                row += 1
        except DataError as error:
            lost = str(error)
            notes.append(lost)
        while row + layout.rows_above < facts.last_row:
            yield Rejection(row, "", "read", lost)
            row += 1
        notes += account.list_notes()

    def count_rows(self, path: Path, layout: Layout) -> int:
        """Count the rows below the header in the file of the sheet itself, down to the last one that holds something."""
        return max(find_sheet_facts(path, str(layout.sheet)).last_row - layout.rows_above, 0)

    def _lay_out(self, path: Path, sheet: str, hints: Hints) -> Layout:
        for count in (LOOK + 20, _LOOK_FURTHER):
            facts = find_sheet_facts(path, sheet)
            cells = [row for _, row in islice(read_cells(path, sheet, facts), count)]
            rows = [[write_cell(cell) for cell in row] for row in cells]
            if not any(any(row) for row in rows):
                raise DataError(f"the sheet {sheet!r} of {path.name} is empty")
            width = max(
                len(row) - next((i for i, cell in enumerate(reversed(row)) if cell.strip()), len(row)) for row in rows
            )
            table = [(row + [""] * width)[:width] if any(cell.strip() for cell in row) else [] for row in rows]
            first = _count_empty_columns(table)
            table = [row[first:] for row in table]
            head = find_head(table, hints)
            names, _ = number_duplicates([*head.names, *[""] * (width - first - len(head.names))])
            start = head.above + head.header
            columns = [[row[i] if i < len(row) else "" for row in table[start:]] for i in range(len(names))]
            try:
                column = find_smiles_column(path, names, head.doubled, columns, hints.smiles_column)
                break
            except DataError:
                if count == _LOOK_FURTHER or len(rows) < count:
                    raise
        if not head.header:
            names[column.index] = "smiles"
        if (cell_name := column.name_names(names)) is not None:
            names.append(cell_name)
        return Layout(
            tuple(names), column.index, head.doubled, (*head.notes, *column.notes), None, head.header, start, True, None,
            cell_name, start, sheet, first, has_numbers=True,
        )  # fmt: skip


def _count_empty_columns(table: list[list[str]]) -> int:
    """Count the columns left of the table: those in which hardly a row has a value."""
    filled = [row for row in table if row]
    for i in range(len(filled[0])):
        if 5 * sum(bool(row[i].strip()) for row in filled) > len(filled) or filled[0][i].strip():
            return i
    return 0


class _Account:
    """Writes the cells of a sheet as text, and counts what the user should know of."""

    def __init__(self, facts: SheetFacts, layout: Layout) -> None:
        self.facts, self.layout = facts, layout
        self.dates: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.examples: dict[str, str] = {}
        self.bad: dict[str, str] = {}
        self.filled: Counter[str] = Counter()
        self.beyond = 0
        self.across = {(cell.row, cell.column): cell.name for cell in facts.merged if cell.last_column > cell.column}
        self.merged_rows = {row for row, _ in self.across}
        self.over_columns: list[str] = []

    def find_stray_cell(self, cells: list[Cell], number: int) -> str:
        """Return the text of a cell left of the table; "" where there is none."""
        return next((write_cell(cell) for cell in cells[: self.layout.first_column] if cell is not None), "")

    def write_row(self, cells: list[Cell], number: int, width: int) -> list[str]:
        """Return the cells of a row of the table as text."""
        from openpyxl.utils import get_column_letter  # here: takes long to load

        start = self.layout.first_column
        table = cells[start : start + width]
        self.beyond += any(cell is not None for cell in cells[start + width :])
        if number in self.merged_rows:
            places = [start + i + 1 for i, cell in enumerate(table[: width - 1]) if cell is not None]
            self.over_columns += [self.across[number, i] for i in places if (number, i) in self.across]
        texts = []
        for i, cell in enumerate(table):
            has_error, text = isinstance(cell, ErrorCell), write_cell(cell)
            texts.append(NumberText(text) if is_number(cell) else text)
            self.filled[self.layout.names[i]] += cell is not None
            if has_error or isinstance(cell, _DATES):
                name = self.layout.names[i]
                (self.errors if has_error else self.dates)[name] += 1
                where = f"{cell.text if has_error else text} in {get_column_letter(start + i + 1)}{number}"
                (self.bad if has_error else self.examples).setdefault(name, where)
        return texts + [""] * (width - len(texts))

    def list_notes(self) -> list[str]:
        """Return a sentence for each thing that was seen."""
        notes = [
            f"cells of {name!r} that are dates: {count:,} ({self.examples[name]}). A spreadsheet turns a value such as 7.5 or 3-4 into a "
            "date; set the column's format to a number or a text and type these values again"
            for name, count in self.dates.items()
            if 10 * count < 9 * self.filled[name]  # else it is a column of dates
        ]
        notes += [
            f"cells of {name!r} with an error of the spreadsheet: {count:,} ({self.bad[name]}); they were taken as empty"
            for name, count in self.errors.items()
        ]
        facts = self.facts
        if facts.hidden_rows:
            notes.append(f"rows that the sheet hides or filters out: {facts.hidden_rows:,}; they were read too")
        if over_rows := [cell.name for cell in facts.merged if cell.last_row > cell.row]:
            notes.append(
                f"cells that are merged over rows: {len(over_rows):,} (such as {over_rows[0]}); each of these rows has their value"
            )
        if self.over_columns:
            notes.append(
                f"cells that are merged over columns: {len(self.over_columns):,} (such as {self.over_columns[0]}); only the first of "
                "these columns has their value"
            )
        if facts.formulas_without_value:
            notes.append(
                f"formulas without a saved value: {facts.formulas_without_value:,}; they were taken as empty: open the workbook in "
                "a spreadsheet program and save it"
            )
        if self.beyond:
            notes.append(f"rows with cells right of the table, which were left out: {self.beyond:,}")
        return notes


READERS.add("xlsx", XLSXReader())
