"""Reads several files, which the pattern of a source fits, as one: row after row in the order of their names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from chem_vae.atomic_files import read_json
from chem_vae.errors import DataError
from pipeline.chemistry.standardization.standardize import Rejection
from pipeline.datasets.layout.smiles_column import name_column_behind
from pipeline.datasets.readers import READERS, Caution, Cells, Hints, Layout, Reader, Row
from pipeline.datasets.readers.file_kinds import JOINED, find_format
from pipeline.datasets.readers.file_notes import explain_format, explain_hints
from pipeline.datasets.readers.spellings import fold_spelling
from pipeline.workspace.remote.remote_files import LIST
from pipeline.workspace.storage.integrity import is_inner_path

_TOLD = 20  # files whose rows are told


@dataclass(frozen=True)
class _Part:
    """One of the files: its name for the user, and how it is read."""

    name: str
    path: Path
    reader: Reader
    layout: Layout


@dataclass(frozen=True)
class _JoinedLayout(Layout):
    parts: tuple[_Part, ...] = ()
    wanted: tuple[str, ...] = ()
    """The columns that the user names."""


class JoinedReader:
    """Reads a list of files that lie beside it; the columns are all that one of them has, by their names."""

    suffixes: tuple[str, ...] = ()  # `find_format` knows the list
    line_based = False  # the layout says it

    def find_layout(self, path: Path, hints: Hints) -> Layout:
        """Find the layout of every file, and the columns of all.

        Raises:
            DataError: If the list or a file is damaged, or if the files do not fit together.
        """
        parts, notes, kinds = list[_Part](), list[str](), dict[str, None]()
        for name, file in _read_list(path):
            if not file.stat().st_size:
                notes.append(f"{name} is empty")
                continue
            if (kind := find_format(file)) == JOINED:
                raise DataError(f"{name} is itself a list of files")
            parts.append(_Part(name, file, READERS[kind], READERS[kind].find_layout(file, hints)))
            notes += [f"{name}: {note}" for note in explain_format(file, kind)]
            kinds[kind] = None
        if not parts:
            raise DataError(f"all files of {path.name.removesuffix(LIST)} are empty")
        notes += explain_hints(kinds, hints)
        first = parts[0]
        for part in parts[1:]:
            _check_fit(first, part)
        smiles = None if first.layout.smiles is None else first.layout.names[first.layout.smiles]
        names = list(dict.fromkeys(name for part in parts for name in _list_columns(part.layout)))
        if smiles is not None:
            for part in parts:
                if smiles in _list_columns(part.layout):
                    raise DataError(
                        f"{smiles!r} holds the SMILES of {first.name}, but not those of {part.name}; say which column does with "
                        "--smiles-column"
                    )
            names.insert(min(first.layout.smiles or 0, len(names)), smiles)
        behind = None
        if smiles is not None and any(part.layout.cell_name is not None for part in parts):
            behind = name_column_behind(smiles, names)
        doubled = tuple(dict.fromkeys(name for part in parts for name in part.layout.doubled))
        asked = set(map(fold_spelling, hints.columns))
        for part in parts:
            own = _list_columns(part.layout)
            spelled = asked.intersection(map(fold_spelling, own))  # which `merge_spellings` speaks of
            missing = [n for n in names if n not in (smiles, *own) and fold_spelling(n) not in spelled]
            if missing:
                notes.append(f"{part.name} has no column {', '.join(map(repr, missing))}: its cells are empty")
            notes += [f"{part.name}: {note}" for note in part.layout.notes]
        return _JoinedLayout(
            (*names, *([behind] if behind is not None else [])),
            None if smiles is None else names.index(smiles),
            doubled,
            tuple(notes),
            header=first.layout.header,
            cell_name=behind,
            flagged=sum(part.layout.flagged for part in parts),
            unflagged=sum(part.layout.unflagged for part in parts),
            line_based=first.reader.line_based,
            has_numbers=any(part.layout.has_numbers for part in parts),
            fields=tuple(dict.fromkeys(name for part in parts for name in part.layout.fields)),
            parts=tuple(parts),
            wanted=hints.columns,
        )

    def read_rows(self, path: Path, layout: Layout, notes: list[str]) -> Iterator[Row | Rejection]:
        """Read the rows of all files, numbered on from file to file."""
        assert isinstance(layout, _JoinedLayout)
        told: list[str] = []
        before = 0
        same = {name: [name, *(o for o, taken in layout.spellings.items() if taken == name)] for name in layout.wanted}
        without: dict[str, list[str]] = {name: [] for name in same}
        for part in layout.parts:
            own: list[str] = []
            unseen = set(same)
            order = _list_columns(part.layout)
            wanted = [name for i, name in enumerate(layout.names) if i != layout.smiles and name != layout.cell_name]
            row = -1
            for item in part.reader.read_rows(part.path, part.layout, own):
                if isinstance(item, Rejection):
                    row = item.row
                    yield replace(item, row=before + row)
                    continue
                row = item[0]
                if unseen:
                    by_name = item[2] if isinstance(item[2], Mapping) else dict(zip(order, item[2], strict=True))
                    unseen -= {n for n in unseen if any((by_name.get(other) or "").strip() for other in same[n])}
                yield before + row, item[1], _arrange(item[2], order, wanted)
            for name in unseen if row >= 0 else ():
                without[name].append(part.name)
            notes += [f"{part.name}: {note}" for note in own]
            told.append(f"{part.name} (rows {before + 1:,} to {before + row + 1:,})" if row >= 0 else part.name)
            before += row + 1
        for name, files in without.items():
            if 0 < len(files) < len(told):
                notes.append(Caution(f"no row of {_list_files(files)} has a value of {name!r}, which other files have"))
        notes.append(f"{len(told):,} files were read as one: {_list_files(told)}")

    def count_rows(self, path: Path, layout: Layout) -> int:
        """Count the rows (or lines) of all files."""
        return sum(part.reader.count_rows(part.path, part.layout) for part in _get_parts(layout))


def _read_list(path: Path) -> Iterator[tuple[str, Path]]:
    """Yield the name of each file for the user, and its path; the files lie in the folder of the list."""
    try:
        found = read_json(path)["files"]
        entries = [(str(entry["name"]), entry["file"]) for entry in found]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path.name} is no list of files: {error}") from None
    for name, file in entries:
        if not is_inner_path(file) or "/" in file or not (path.parent / file).is_file():
            raise DataError(f"{path.name} lists {name[:80]!r}, which is not beside it")
        if (path.parent / file).is_symlink():
            raise DataError(f"{path.name} lists the link {name[:80]!r}, and a file outside of its folder is not read")
        yield name, path.parent / file


def _check_fit(first: _Part, other: _Part) -> None:
    """Check that two files can be read as one.

    Raises:
        DataError: If they cannot.
    """
    one, two = first.layout, other.layout
    if (one.smiles is None) != (two.smiles is None) or first.reader.line_based != other.reader.line_based:
        raise DataError(f"{first.name} and {other.name} are of different formats; give them one after the other")
    if one.header != two.header:
        with_, without = (first, other) if one.header else (other, first)
        raise DataError(
            f"the first line of {with_.name} names the columns, and that of {without.name} does not; say which is right with "
            "--header or --no-header"
        )
    if not one.header and len(one.names) != len(two.names):
        raise DataError(
            f"{first.name} has {len(one.names)} columns and {other.name} has {len(two.names)}, without names for them"
        )


def _list_files(names: Sequence[str]) -> str:
    more = f" and {len(names) - _TOLD:,} more" if len(names) > _TOLD else ""
    return f"{', '.join(names[:_TOLD])}{more}"


def _list_columns(layout: Layout) -> list[str]:
    """List the columns of a file beside its SMILES, in the order of its cells."""
    return [name for i, name in enumerate(layout.names) if i != layout.smiles and name != layout.cell_name]


def _arrange(cells: Cells, order: Sequence[str], wanted: Sequence[str]) -> Cells:
    """Put the cells of a row into the order of the joined columns; None where its file has no such column."""
    if isinstance(cells, Mapping) or list(order) == list(wanted):
        return cells
    by_name = dict(zip(order, cells, strict=True))
    return [by_name.get(name) for name in wanted]


def _get_parts(layout: Layout) -> tuple[_Part, ...]:
    assert isinstance(layout, _JoinedLayout)
    return layout.parts


READERS.add(JOINED, JoinedReader())
