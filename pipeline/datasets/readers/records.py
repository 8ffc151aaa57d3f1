"""Splits the lines of a text table into cells."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from pipeline.chemistry.standardization.smiles_text import split_name
from pipeline.chemistry.standardization.standardize import Rejection
from pipeline.datasets.readers import Layout
from pipeline.datasets.readers.text_files import LONGEST_LINE, is_blank, read_lines
from pipeline.workspace.presentation.formatting import count_things

WHITE_SPACE = " "
"""The delimiter of a table whose cells are apart by any white space; None stands for a list of SMILES and names."""
_LONGEST_CELL = (
    100  # lines that one quoted cell may take; a quote that is not closed by then is a character like others
)
_QUOTED = re.compile(r'"((?:[^"]+|"")*+)')

Record = list[str]


def read_records(
    path: Path, delimiter: str | None, layout: Layout | None, notes: list[str], encoding: str | None = None
) -> Iterator[Record | Rejection]:
    """Split the lines of a file into cells, those above the rows that the layout knows left out.

    Delimiter None splits a line into a structure and a name. A blank line is []. A cell that begins with a quote may go on
    over line breaks and delimiters to the quote that closes it (RFC 4180), if the row then has as many cells as it should;
    any other quote is a character.
    """
    stream = read_lines(path, notes, encoding)
    for _ in range(layout.header_lines if layout else 0):
        next(stream, None)
    waiting: list[str | Rejection] = []
    rows = lines = 0
    while (line := waiting.pop(0) if waiting else next(stream, None)) is not None:
        if isinstance(line, Rejection):
            yield line
        elif is_blank(line):
            yield []
        elif len(line) >= LONGEST_LINE:
            yield Rejection(-1, line[:1000], "read", f"a line of more than {LONGEST_LINE:,} characters")
        elif delimiter is None:
            yield line.split(None, 1) if "|" not in line else [cell for cell in split_name(line) if cell]
        elif delimiter == WHITE_SPACE:
            yield line.split()
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
                    if layout is None or is_whole(found[0], layout):
                        record, rows, lines = found[0], rows + 1, lines + len(parts)
                        parts = parts[:1]
                    break
            waiting[:0] = parts[1:]
            yield record
    if rows:
        notes.append(
            f"{count_things(rows, 'row', 'has', 'have')} line breaks in quoted cells: {lines:,} lines were read as {'this row' if rows == 1 else 'these rows'}"
        )


def read_head(path: Path, delimiter: str | None, count: int, encoding: str | None = None) -> list[Record | Rejection]:
    """Read the first records of a file, blank ones included, up to `count` that hold something."""
    found: list[Record | Rejection] = []
    filled = 0
    for record in islice(read_records(path, delimiter, None, [], encoding), 100_000):
        found.append(record)
        filled += bool(record)
        if filled == count:
            break
    return found


def is_whole(record: Record, layout: Layout) -> bool:
    """Whether a record has a cell for each column, empty cells beyond the last column left out, which may hold no line break."""
    width = len(layout.names) - (layout.cell_name is not None)
    return len(record) == width or (
        len(record) > width and not any(cell.strip() or "\n" in cell for cell in record[width:])
    )


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
