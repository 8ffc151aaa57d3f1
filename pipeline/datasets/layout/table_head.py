"""Decides by the first rows of a table where its header is, and names its columns."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.datasets.layout.cell_kinds import hold_molecules, is_broken_smiles, is_number, is_smiles, is_structure
from pipeline.datasets.layout.smiles_column import SMILES_NAMES, fold_name
from pipeline.datasets.readers import Hints
from pipeline.workspace.presentation.csv_tables import restore_formula

_MOST_ABOVE = 20  # lines of a title or of comments above a header


@dataclass(frozen=True)
class Head:
    """The beginning of a table.

    Args:
        above: Rows of a title or of comments above the header, and blank ones, which are no data.
        header: Whether the row after them is the header.
        names: The columns, each with a name of its own.
        doubled: The names that several columns have.
        notes: Sentences for the user on what was decided.
    """

    above: int
    header: bool
    names: tuple[str, ...]
    doubled: tuple[str, ...]
    notes: tuple[str, ...]


def find_head(rows: Sequence[Sequence[str]], hints: Hints, is_list: bool = False, needs_note: bool = True) -> Head:
    """Find the header of a table, and name its columns.

    Args:
        rows: The first rows, blank ones included as [].
        hints: What the user says of the file.
        is_list: Whether the file is a list of SMILES, each with a name or none.
        needs_note: Whether a file without a header is worth a note.
    """
    notes: list[str] = []
    above = _count_rows_above(rows, hints, is_list)
    if skipped := [" ".join(row)[:60].strip() for row in rows[:above] if row]:
        notes.append(f"lines above the header that are no data: {'; '.join(map(repr, skipped[:3]))}")
    filled = [[cell.strip() for cell in row] for row in rows[above:] if row]
    first, below = filled[0], filled[1:]
    header = hints.header if hints.header is not None else is_header(first, below, hints, is_list)
    shown = ", ".join(name[:30] for name in first[:6])
    widths = [len(_drop_empty(row)) for row in below] or [len(first)]
    if not header:
        width = max(len(_drop_empty(first)), statistics.mode(widths)) if not is_list else max(map(len, filled))
        if hints.header is None and needs_note:
            notes.append(
                f"the file has no header: its first line is data ({shown}); set `header` to true (--header) if it is not"
            )
        return Head(above, False, tuple(f"column{i}" for i in range(1, width + 1)), (), tuple(notes))
    if hints.header is None and not has_known_name(first, hints):
        notes.append(
            f"the first line was read as the header ({shown}); set `header` to false (--no-header) if it is data"
        )
    names = [" ".join(name.split()) if "\n" in name else name for name in first]
    while (
        len(names) > 1
        and not names[-1]
        and not any(row[len(names) - 1 : len(names)] not in ([], [""]) for row in below)
    ):
        names.pop()  # each line ends with a delimiter
    if is_list:
        names += ["name"] * (max(map(len, filled)) - len(names))
    elif below and statistics.mode(widths) == len(names) + 1:
        names = _name_surplus(names, below, notes)
    unique, doubled = number_duplicates([restore_formula(name) for name in names])
    if doubled:
        notes.append(f"columns named twice got a number: {', '.join(doubled)}")
    return Head(above, True, tuple(unique), tuple(doubled), tuple(notes))


def is_header(names: Sequence[str], below: Sequence[Sequence[str]], hints: Hints, is_list: bool) -> bool:
    """Whether the first row is a header: it is none where one of its cells is a molecule, also a broken one, in a column of
    molecules, or a number in a column of numbers."""
    if has_known_name(names, hints) or hints.smiles_column is not None:
        return True
    if is_list:  # SMILES first, then anything
        return not _is_molecule(names[0]) and bool(below) and is_smiles(below[0][0].split(" |")[0])
    if len(names) == 1:
        return not _is_molecule(names[0])
    rows = [row for row in below[:20] if len(row) == len(names)] or list(below[:20])
    for i, name in enumerate(names):
        cells = [row[i] for row in rows if i < len(row) and row[i]]
        if len(name) > 2 and _is_molecule(name) and 2 * sum(map(is_structure, cells)) >= len(cells):
            return False
        if is_number(name) and cells and all(map(is_number, cells)):
            return False
    return True


def has_known_name(names: Sequence[str], hints: Hints) -> bool:
    """Whether one of the names is that of a SMILES column, or one that the user names."""
    told = {hints.smiles_column, *hints.columns}
    return any(fold_name(name) in SMILES_NAMES or name in told for name in names)


def number_duplicates(names: list[str]) -> tuple[list[str], list[str]]:
    """Number the later ones of equal names (name.1), and name empty ones by their place.

    Returns:
        The names, and those that were doubled.
    """
    seen: set[str] = set()
    counts: dict[str, int] = {}
    unique, doubled = [], dict[str, None]()
    for i, name in enumerate(names):
        name = name or f"column{i + 1}"
        made, number = name, counts.get(name, 0)
        while made in seen:
            number += 1
            made = f"{name}.{number}"
        counts[name] = number
        if number:
            doubled[name] = None
        seen.add(made)
        unique.append(made)
    return unique, list(doubled)


def _count_rows_above(rows: Sequence[Sequence[str]], hints: Hints, is_list: bool) -> int:
    """Count the rows above the header or the first row of data: blank ones, comments, a title."""
    start = next((i for i, row in enumerate(rows) if row), 0)
    if hints.header is False:
        return start
    widths = [len(_drop_empty(row)) for row in rows if row]
    usual = statistics.mode(widths)
    for i, row in enumerate(rows[:_MOST_ABOVE]):
        if not row:
            continue
        if len(_drop_empty(row)) >= min(2, usual) and has_known_name([cell.strip() for cell in row], hints):
            return i
        if any(_is_molecule(cell.strip()) and len(cell.strip()) > 2 for cell in row):
            break
    for i, row in enumerate(rows[:_MOST_ABOVE]):
        if not row:
            continue
        is_comment = row[0].lstrip().startswith("#")
        is_title = (
            not is_list and usual > 1 and len([cell for cell in row if cell.strip()]) == 1 and not _is_molecule(row[0])
        )
        if not (is_comment or is_title) or i + 1 == len(rows):
            return i
    return start


def _name_surplus(names: list[str], below: Sequence[Sequence[str]], notes: list[str]) -> list[str]:
    """Name the first column where the header lacks it, as R writes tables: the molecules then stand one cell to the right."""
    columns = [[row[i] for row in below if i < len(row)] for i in range(len(names) + 1)]
    named = [i for i, name in enumerate(names) if fold_name(name) in SMILES_NAMES]
    if named and hold_molecules(columns[named[0] + 1]) and not hold_molecules(columns[named[0]]):
        notes.append("the header has no name for the first column, which was called 'row'")
        return ["row", *names]
    return names


def _drop_empty(row: Sequence[str]) -> Sequence[str]:
    """Return a row without the empty cells at its end."""
    end = len(row)
    while end and not row[end - 1].strip():
        end -= 1
    return row[:end]


def _is_molecule(text: str) -> bool:
    return is_structure(text) or is_broken_smiles(text.split(None, 1)[0] if text.split() else "")
