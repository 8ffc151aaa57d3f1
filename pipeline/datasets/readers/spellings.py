"""Finds columns that are one, but spelled differently by the records or files of a source: in capitals or blanks alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from chem_vae.errors import match_name
from pipeline.chemistry.standardization.standardize import Rejection
from pipeline.datasets.readers import Caution, Layout, Reader
from pipeline.workspace.presentation.formatting import count_things

Columns = dict[str, list[str | None]]


def fold_spelling(name: str) -> str:
    """Return a column's name without capitals and blanks.

    >>> fold_spelling("IC50 [nM]")
    'ic50[nm]'
    """
    return "".join(name.casefold().split())


def merge_spellings(path: Path, reader: Reader, layout: Layout, wanted: Collection[str]) -> Layout:
    """Read the columns that the user asks for in all their spellings, of which never two have a value in one row.

    Where two have, they may be two columns, and a caution counts the rows whose value is not read. The rows are only looked
    at where there are several spellings.

    Args:
        path: The file.
        reader: Reads its rows.
        layout: How it is laid out.
        wanted: The names that the user asks for.

    Returns:
        The layout with `spellings`, and with notes on them.
    """
    groups = {name: _find_same(name, _list_names(layout), wanted) for name in wanted}
    groups = {name: same for name, same in groups.items() if len(same) > 1}
    if not groups:
        return layout
    rows = _count_rows(path, reader, layout, {name for same in groups.values() for name in same})
    merged: dict[str, str] = {}
    notes = list(layout.notes)
    for name, same in groups.items():
        counts = {s: sum(n for filled, n in rows.items() if s in filled) for s in same}
        taken = match_name(name, same) or max(same, key=lambda s: counts[s])
        others = [s for s in same if s != taken and counts[s]]
        if not others:
            continue
        if all(len(filled.intersection(same)) < 2 for filled in rows):
            merged |= dict.fromkeys(others, taken)
            notes += [
                f"{s!r} ({count_things(counts[s], 'row')}) is read as another spelling of {taken!r}: no row has both"
                for s in others
            ]
            continue
        for other in others:
            if lost := sum(n for filled, n in rows.items() if other in filled and taken not in filled):
                notes.append(
                    Caution(
                        f"{count_things(lost, 'row', 'has', 'have')} {other!r}, which is not read: other rows have {taken!r} beside "
                        "it, so that they may be two columns; give them one name in the file if they are one"
                    )
                )
    return replace(layout, spellings=merged, notes=tuple(notes))


def merge_columns(columns: Columns, spellings: Mapping[str, str]) -> Columns:
    """Put the cells of each column into the one that it is another spelling of."""
    merged: Columns = {}
    for name, cells in columns.items():
        taken = spellings.get(name, name)
        before = merged.get(taken)
        merged[taken] = cells if before is None else list(map(_take_filled, before, cells))
    return merged


def _take_filled(one: str | None, other: str | None) -> str | None:
    return one if other is None or (one is not None and one.strip()) else other


def _list_names(layout: Layout) -> list[str]:
    """List the columns beside the SMILES, and the names behind them."""
    beside = [n for i, n in enumerate(layout.names) if i != layout.smiles and n != layout.cell_name]
    return beside or list(layout.fields)


def _find_same(name: str, names: Sequence[str], wanted: Collection[str]) -> list[str]:
    """Find the spellings of a name; what is itself asked for is none of another."""
    folded = fold_spelling(name)
    return [other for other in names if fold_spelling(other) == folded and (other == name or other not in wanted)]


def _count_rows(path: Path, reader: Reader, layout: Layout, looked_at: Collection[str]) -> Counter[frozenset[str]]:
    """Count the rows of a file by those of some columns in which they have a value."""
    own = _list_names(layout)
    rows: Counter[frozenset[str]] = Counter()
    for item in reader.read_rows(path, layout, []):
        if isinstance(item, Rejection):
            continue
        cells = item[2]
        by_name = cells if isinstance(cells, Mapping) else dict(zip(own, cells, strict=True))
        rows[frozenset(name for name in looked_at if (by_name.get(name) or "").strip())] += 1
    return rows
