"""Reads text tables (CSV, TSV, SMI, TXT): finds how a file is laid out, and splits its lines into rows."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chem_vae.errors import DataError
from pipeline.chemistry.standardize import Rejection
from pipeline.datasets.readers import READERS, Hints, Layout, Row
from pipeline.datasets.table_head import LOOK, find_molecules, find_smiles, has_known_name, is_header, number_duplicates
from pipeline.datasets.text_files import count_lines, is_blank, read_lines

_LONGEST_CELL = (
    100  # lines that one quoted cell may take; a quote that is not closed by then is a character like others
)
_QUOTED = re.compile(r'"((?:[^"]+|"")*+)')

Record = list[str]


@dataclass(frozen=True)
class TextReader:
    """Reads the text tables of one kind: "csv" (any usual delimiter), "tsv", "smi" (white space) or "txt" (tab or white
    space)."""

    kind: str
    suffixes: tuple[str, ...]
    line_based = True

    def find_layout(self, path: Path, hints: Hints) -> Layout:
        """Find delimiter, header and SMILES column by the first lines of a file.

        Args:
            path: The file.
            hints: What the user says; the rest is guessed, and a note says what was decided where it is not plain.

        Raises:
            DataError: If the file is empty or binary, or if no column holds SMILES.
        """
        first = next((line for line in read_lines(path, []) if isinstance(line, Rejection) or not is_blank(line)), None)
        if first is None:
            raise DataError(f"{path.name} is empty: it has no line with anything in it")
        if isinstance(first, Rejection):
            raise DataError(f"{path.name} has no line that can be read")
        delimiter, notes = self._find_delimiter(first)
        blank, head = 0, list[Record]()
        for record in _read_records(path, delimiter, None, []):
            if isinstance(record, Rejection) or len(head) > LOOK:
                break
            if record:
                head.append(record)
            blank += not head
        names, below = [name.strip() for name in head[0]], head[1:]
        if any("\0" in name for name in names):
            raise DataError(f"{path.name} is not text: its first line holds binary data")
        header = hints.header if hints.header is not None else is_header(names, below, hints, delimiter is None)
        shown = ", ".join(name[:30] for name in names[:6])
        widths = [len(record) for record in head]
        width = max(widths) if self._is_ragged(delimiter) else len(names) if header else statistics.mode(widths)
        if header:
            if hints.header is None and delimiter and not has_known_name(names, hints):
                notes.append(f"the first line was read as the header ({shown}); set `header` to false if it is data")
            unique, doubled = number_duplicates(names + ["name"] * (width - len(names)))
        else:
            if hints.header is None and delimiter:
                notes.append(
                    f"the file has no header: its first line is data ({shown}); set `header` to true if it is not"
                )
            unique, doubled, below = [f"column{i}" for i in range(1, width + 1)], [], head
        if delimiter is None and hints.smiles_column is None:
            index = 0
        elif not header and hints.smiles_column is None:
            index = find_molecules(path, below, width)
        else:
            index = find_smiles(path, unique, doubled, below, hints.smiles_column)
        if not header:
            unique[index] = "smiles"
            if width == 2:
                unique[1 - index] = "name"
        if doubled:
            notes.append(f"columns named twice got a number: {', '.join(doubled)}")
        lines = blank + 1 + sum(name.count("\n") for name in head[0]) if header else blank
        return Layout(
            tuple(unique), index, tuple(doubled), tuple(notes), delimiter, header, lines, self._is_ragged(delimiter)
        )

    def read_rows(self, path: Path, layout: Layout, notes: list[str]) -> Iterator[Row | Rejection]:
        """Read every line after the header as a row or a rejection, empty lines at the end of the file left out."""
        smiles, width = layout.smiles or 0, len(layout.names)
        records = _read_records(path, layout.delimiter, layout, notes)
        row = blanks = 0
        for record in records:
            if not record:
                blanks += 1
                continue
            for _ in range(blanks):
                yield Rejection(row, "", "read", "empty line")
                row += 1
            blanks = 0
            if isinstance(record, Rejection):
                yield Rejection(row, record.input, "read", record.reason)
            elif _fits(record, layout):
                cells = record + [""] * (width - len(record))
                text = cells.pop(smiles)
                yield row, text, cells
            else:
                text = "\t".join(record)
                reason = "binary data" if "\0" in text else f"{len(record)} fields where there should be {width}"
                yield Rejection(row, text, "read", reason)
            row += 1

    def count_rows(self, path: Path, layout: Layout) -> int:
        """Count the lines after the header, up to the last one that is not blank."""
        return max(count_lines(path) - layout.header_lines, 0)

    def _find_delimiter(self, line: str) -> tuple[str | None, list[str]]:
        if self.kind == "csv":
            line = _QUOTED.sub("", line)
            best = max(",;\t|", key=line.count)  # the first of those that occur equally often
            return best, [] if best == "," else [f"fields are separated by {best!r}, not by a comma"]
        return "\t" if self.kind == "tsv" or (self.kind == "txt" and "\t" in line) else None, []

    def _is_ragged(self, delimiter: str | None) -> bool:
        return delimiter is None or self.kind == "txt"


def _read_records(
    path: Path, delimiter: str | None, layout: Layout | None, notes: list[str]
) -> Iterator[Record | Rejection]:
    """Split the lines of a file into cells, those of a header that the layout knows left out.

    Delimiter None splits at white space, into at most two cells. A blank line is []. A cell that begins with a quote may go
    on over line breaks and delimiters to the quote that closes it (RFC 4180), if the row then has as many cells as it
    should; any other quote is a character.
    """
    stream = read_lines(path, notes)
    for _ in range(layout.header_lines if layout else 0):
        next(stream, None)
    waiting: list[str | Rejection] = []
    rows = lines = 0
    while (line := waiting.pop(0) if waiting else next(stream, None)) is not None:
        if isinstance(line, Rejection):
            yield line
        elif is_blank(line):
            yield []
        elif delimiter is None:
            yield line.split(None, 1)
        elif '"' not in line:
            yield line.split(delimiter)
        else:
            alone = _split(line, delimiter)
            assert alone is not None  # a line has no line break
            record, is_open = alone
            parts = [line]
            while is_open and len(parts) < _LONGEST_CELL:
                more = waiting.pop(0) if waiting else next(stream, None)
                if more is None or isinstance(more, Rejection):
                    waiting[:0] = [] if more is None else [more]
                    break
                parts.append(more)
                if '"' not in more:
                    continue
                found = _split("\n".join(parts), delimiter)
                if found is None:  # what looked like the closing quote stands in the middle of a cell
                    break
                if not found[1]:
                    if layout is None or _fits(found[0], layout):
                        record, rows, lines = found[0], rows + 1, lines + len(parts)
                        parts = parts[:1]
                    break
            waiting[:0] = parts[1:]
            yield record
    if rows:
        notes.append(f"{rows:,} rows have line breaks in quoted cells: {lines:,} lines were read as these rows")


def _split(text: str, delimiter: str) -> tuple[Record, bool] | None:
    """Split a record at the delimiters outside of quoted cells.

    Returns:
        The cells, and whether a quoted cell is still open at the end of the text; None where a line break stands outside of
        quoted cells.
    """
    cells: Record = []
    at, is_open = 0, False
    while True:
        if text.startswith('"', at):
            match = _QUOTED.match(text, at)
            assert match is not None
            end = match.end() + 1
            while text.startswith(" ", end):
                end += 1
            if match.end() == len(text):
                is_open = True
            elif end == len(text) or text.startswith(delimiter, end):
                cells.append(match[1].replace('""', '"'))
                if end == len(text):
                    return cells, is_open
                at = end + 1
                continue
        end = text.find(delimiter, at)
        cell = text[at:] if end < 0 else text[at:end]
        if "\n" in cell:
            return (cells, True) if is_open else None
        cells.append(cell)
        if end < 0:
            return cells, is_open
        at = end + 1


def _fits(record: Record, layout: Layout) -> bool:
    width = len(layout.names)
    return len(record) == width or (layout.ragged and (layout.smiles or 0) < len(record) < width)


for _kind, _suffixes in (
    ("csv", (".csv",)), ("tsv", (".tsv", ".tab")), ("smi", (".smi", ".smiles")), ("txt", (".txt",)),
):  # fmt: skip
    READERS.add(_kind, TextReader(_kind, _suffixes))
