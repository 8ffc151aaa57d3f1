"""Reads text tables (CSV, TSV, SMI, TXT): finds how a file is laid out, and splits its lines into rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chem_vae.errors import DataError
from pipeline.chemistry.standardization.standardize import Rejection
from pipeline.datasets.layout.cell_kinds import LOOK, is_smiles
from pipeline.datasets.layout.smiles_column import SmilesColumn, find_smiles_column, hold_names
from pipeline.datasets.layout.table_head import Head, find_head
from pipeline.datasets.readers import READERS, Hints, Layout, Row
from pipeline.datasets.readers.delimiters import describe_delimiter, find_delimiter, read_delimiter
from pipeline.datasets.readers.records import Record, is_whole, read_head, read_records
from pipeline.datasets.readers.text_files import LONGEST_LINE, count_lines, describe_encoding, is_blank, read_lines
from pipeline.workspace.presentation.csv_tables import restore_formula

_SEPARATOR_LINE = re.compile(r"\"?sep=(.)\"?[,;\t|]*", re.IGNORECASE)
_LOOK_FURTHER = 5_000  # records, where the first ones hold no molecule


@dataclass(frozen=True)
class TextReader:
    """Reads the text tables of one kind: "csv" (any usual delimiter), "tsv", "smi" (white space) or "txt" (any).

    The kind is what the file's name says; a file that is laid out as another kind is read as that.
    """

    kind: str
    suffixes: tuple[str, ...]
    line_based = True

    def find_layout(self, path: Path, hints: Hints) -> Layout:
        """Find encoding, delimiter, header and SMILES column by the first lines of a file.

        Args:
            path: The file.
            hints: What the user says; the rest is guessed, and a note says what was decided where it is not plain.

        Raises:
            DataError: If the file is empty or binary, or if no column holds SMILES.
            UserError: If several columns hold different molecules.
        """
        first = next(
            (
                line
                for line in read_lines(path, [], hints.encoding)
                if isinstance(line, Rejection) or not is_blank(line)
            ),
            None,
        )
        if first is None:
            raise DataError(f"{path.name} is empty: it has no line with anything in it")
        if isinstance(first, Rejection):
            raise DataError(f"{path.name} has no line that can be read")
        if len(first) >= LONGEST_LINE:
            raise DataError(f"the first line of {path.name} has more than {LONGEST_LINE:,} characters: it is no table")
        notes = describe_encoding(path, hints.encoding)
        separator = _SEPARATOR_LINE.fullmatch(first.strip(" "))
        delimiter = self._choose_delimiter(path, hints, separator[1] if separator else None, notes)
        head = self._read_head(path, delimiter, LOOK + 1, hints)
        if separator:
            at = next(i for i, record in enumerate(head) if record)
            head[at] = []
        if any("\0" in cell for record in head[:1] for cell in record):
            raise DataError(f"{path.name} is not text: its first line holds binary data")
        if not any(head):
            raise DataError(f"{path.name} has no row: its first line only names the separator")
        found = find_head(
            head, hints, delimiter is None, delimiter is not None or (hints.header is None and self.kind != "smi")
        )
        start = found.above + found.header
        column = self._find_smiles(path, hints, delimiter, head[start:], found)
        names = list(found.names)
        if not found.header:
            names[column.index] = "smiles"
            if len(names) == 2:
                names[1 - column.index] = "name"
        if (cell_name := column.name_names(names)) is not None:
            names.append(cell_name)
        is_list = self.kind == "smi" and not found.header and column.index == 0
        notes += [*found.notes, *(() if is_list else column.notes)]
        return Layout(
            tuple(names), column.index, found.doubled, tuple(notes), delimiter, found.header,
            sum(1 + sum(cell.count("\n") for cell in record) for record in head[:start]), True,
            hints.encoding, cell_name, start,
        )  # fmt: skip

    def read_rows(self, path: Path, layout: Layout, notes: list[str]) -> Iterator[Row | Rejection]:
        """Read every line after the header as a row or a rejection, empty lines at the end of the file left out."""
        smiles, width = layout.smiles or 0, len(layout.names) - (layout.cell_name is not None)
        row = blanks = short = 0
        for record in read_records(path, layout.delimiter, layout, notes, layout.encoding):
            if not record:
                blanks += 1
                continue
            for _ in range(blanks):
                yield Rejection(row, "", "read", "empty line")
                row += 1
            blanks = 0
            if not isinstance(record, Rejection) and len(record) > width and layout.delimiter is not None:
                record = _close_bars(record, smiles, layout.delimiter)
            if isinstance(record, Rejection):
                yield Rejection(row, record.input, "read", record.reason)
            elif is_whole(record, layout) or (
                smiles < len(record) < width and not any("\0" in cell for cell in record)
            ):
                if len(record) < width and layout.delimiter is not None:
                    short += 1
                cells = record[:width] + [""] * (width - len(record))
                text = cells.pop(smiles)
                yield row, text, [restore_formula(cell) for cell in cells] if "'" in "".join(cells) else cells
            else:
                yield Rejection(row, "\t".join(record), "read", _explain(record, width))
            row += 1
        if short:
            notes.append(
                f"rows with fewer than {width} cells: {short:,}; the missing ones at the end are taken as empty"
            )

    def count_rows(self, path: Path, layout: Layout) -> int:
        """Count the lines after the header, up to the last one that is not blank."""
        return max(count_lines(path, layout.encoding) - layout.header_lines, 0)

    def _choose_delimiter(self, path: Path, hints: Hints, separator: str | None, notes: list[str]) -> str | None:
        if hints.delimiter is not None:
            return read_delimiter(hints.delimiter)
        delimiter = separator or find_delimiter(path, self.kind, hints.encoding)
        usual = {"csv": (",",), "tsv": ("\t",), "smi": (None, "\t")}.get(self.kind, (None, "\t", ","))
        if delimiter not in usual:
            if delimiter is None:
                notes.append("the file was read as a list of SMILES, each with a name or none")
            else:
                notes.append(
                    f"the cells are separated by {describe_delimiter(delimiter)}, as the first rows show "
                    "(choose with --delimiter)"
                )
        return delimiter

    def _read_head(self, path: Path, delimiter: str | None, count: int, hints: Hints) -> list[Record]:
        """Read the first records, up to the first one that cannot be read."""
        head: list[Record] = []
        for record in read_head(path, delimiter, count, hints.encoding):
            if isinstance(record, Rejection):
                break
            head.append(record)
        return head

    def _find_smiles(
        self, path: Path, hints: Hints, delimiter: str | None, rows: list[Record], found: Head
    ) -> SmilesColumn:
        width = len(found.names)

        def turn(records: list[Record]) -> list[list[str]]:
            return [[record[i] for record in records if i < len(record)] for i in range(width)]

        columns = turn(rows)
        if hints.smiles_column is not None:
            return find_smiles_column(path, found.names, found.doubled, columns, hints.smiles_column)
        if delimiter is None or width == 1:
            return SmilesColumn(0, (), delimiter is not None and hold_names(columns[0]))
        try:
            return find_smiles_column(path, found.names, found.doubled, turn_equal(rows, width), None)
        except DataError:
            if not found.header:  # short molecules, which could be any code
                for i, cells in enumerate(columns):
                    if 2 * sum(len(cell) > 2 and is_smiles(cell) for cell in cells) > len(cells):
                        return SmilesColumn(i)
            more = self._read_head(path, delimiter, _LOOK_FURTHER, hints)[found.above + found.header :]
            if len(more) <= len(rows):
                raise
            return find_smiles_column(path, found.names, found.doubled, turn_equal(more, width), None)


def turn_equal(records: list[Record], width: int) -> list[list[str]]:
    """Turn records into columns of equal length, with empty cells where a record is short."""
    return [[record[i] if i < len(record) else "" for record in records] for i in range(width)]


def _close_bars(record: Record, smiles: int, delimiter: str) -> Record:
    """Join the cells of a CXSMILES without quotes, which the delimiter between its bars has cut into several."""
    end = smiles + 1
    while end < len(record) and delimiter.join(record[smiles:end]).count("|") == 1:
        end += 1
    return [*record[:smiles], delimiter.join(record[smiles:end]), *record[end:]]


def _explain(record: Record, width: int) -> str:
    if any("\0" in cell for cell in record):
        return "binary data"
    surplus = [cell.strip() for cell in record[width:] if cell.strip()]
    more = f"; the surplus is {surplus[0][:40]!r}" if surplus else ""
    return f"{len(record)} fields where there should be {width}{more}"


for _kind, _suffixes in (
    ("csv", (".csv",)), ("tsv", (".tsv", ".tab")), ("smi", (".smi", ".smiles", ".cxsmiles", ".ism", ".can")),
    ("txt", (".txt", ".dat", ".asc", ".prn")),
):  # fmt: skip
    READERS.add(_kind, TextReader(_kind, _suffixes))
