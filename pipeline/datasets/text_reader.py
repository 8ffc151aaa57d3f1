"""Text tables (CSV, TSV, SMI, TXT): how a file is laid out, and its lines as rows, whatever they hold."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from rdkit import Chem, rdBase

from chem_vae.errors import DataError
from pipeline.chemistry.standardize import LONGEST_INPUT, Rejection

SMILES_NAMES = (
    "smiles",
    "canonical_smiles",
    "canonicalsmiles",
    "isomeric_smiles",
    "smiles_string",
    "smi",
    "structure",
    "mol",
    "molecule",
)
CUT = (EOFError, zlib.error, gzip.BadGzipFile)  # what a damaged gzip file raises
Row = tuple[int, str | None, Any]  # number, SMILES or mol block, the other cells
_LONGEST_LINE = 1 << 20  # characters: what is longer is no line of a table
_LONGEST_QUOTE = 100  # lines that one quoted field may go on for
_LOOK = 50  # rows looked at to find the SMILES column


@dataclass(frozen=True)
class Layout:
    """How a file is laid out: `smiles` is the place of the SMILES column in `names` (None: mol blocks)."""

    names: tuple[str, ...] = ()
    smiles: int | None = None
    doubled: tuple[str, ...] = ()  # names that several columns have; the later ones got a number
    notes: tuple[str, ...] = ()
    delimiter: str | None = None  # None: white space
    header_lines: int = 0
    header: bool = True
    ragged: bool = False  # cells may be missing at a row's end
    rows: int | None = None  # where the file says it


def open_binary(path: Path) -> IO[bytes]:
    """The file's bytes, unpacked where they are gzip by their first two bytes, whatever the name says."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if packed else path.open("rb")  # type: ignore[return-value]


def lines(path: Path, notes: list[str]) -> Iterator[str | Rejection]:
    """Lines without their ends.

    UTF-8 or UTF-16; a line that is not is taken as Latin-1, and a note says so. A cut is a Rejection.
    """
    with open_binary(path) as binary:
        try:
            start = binary.read(4)
        except CUT as error:
            raise DataError(f"{path.name} is damaged from its beginning on: {error}") from None
        binary.seek(0)
        wide = start[:2] in (b"\xff\xfe", b"\xfe\xff")
        encoding, errors = ("utf-16", "replace") if wide else ("utf-8-sig", "surrogateescape")
        text = io.TextIOWrapper(binary, encoding=encoding, errors=errors)
        latin = 0
        try:
            while line := text.readline(_LONGEST_LINE):
                if len(line) == _LONGEST_LINE and not line.endswith("\n"):
                    while (more := text.readline(_LONGEST_LINE)) and not more.endswith("\n"):
                        pass
                line = line[:-1] if line.endswith("\n") else line
                if not line.isascii():
                    try:
                        line.encode("utf-8")
                    except UnicodeEncodeError:
                        raw = line.encode("utf-8", "replace" if wide else "surrogateescape")
                        line = raw.decode("utf-8" if wide else "latin-1")
                        latin += 1
                yield line
        except CUT as error:
            notes.append(f"the file is cut: {error}")
            yield Rejection(-1, "", "read", f"the file is cut here: {error}")
        finally:
            if latin:
                notes.append(f"{latin} lines are not {encoding.removesuffix('-sig').upper()} and were read as Latin-1")


def _records(path: Path, delimiter: str | None, notes: list[str]) -> Iterator[list[str] | Rejection]:
    """Lines split into fields; delimiter None splits at white space, into at most two. An empty line is []."""
    stream = lines(path, notes)
    waiting: list[str | Rejection] = []
    while (line := waiting.pop(0) if waiting else next(stream, None)) is not None:
        if isinstance(line, Rejection):
            yield line
        elif not line.strip():
            yield []
        elif delimiter is None:
            yield line.split(None, 1)
        elif '"' not in line:
            yield line.split(delimiter)
        else:
            parts, quotes = [line], line.count('"')
            while quotes % 2 and len(parts) < _LONGEST_QUOTE:
                more = waiting.pop(0) if waiting else next(stream, None)
                if more is None or isinstance(more, Rejection):
                    if more is not None:
                        waiting.insert(0, more)
                    break
                parts.append(more)
                quotes += more.count('"')
            if quotes % 2:  # never closed: the quote is a character like others
                waiting[:0] = parts[1:]
                yield line.split(delimiter)
            else:
                try:
                    yield next(
                        csv.reader(
                            ["\n".join(parts)] if len(parts) == 1 else [p + "\n" for p in parts], delimiter=delimiter
                        )
                    )
                except (csv.Error, StopIteration) as error:
                    yield Rejection(-1, line, "read", f"not a line of the table: {error}")


def look(path: Path, kind: str, wanted: str | None) -> Layout:
    """The layout by a file's first lines. `wanted`: the SMILES column's name. Raises DataError where there is none."""
    first = next((record for record in _records(path, "\0", []) if record), None)
    if first is None:
        raise DataError(f"{path.name} is empty: it has no line with anything in it")
    if isinstance(first, Rejection):
        raise DataError(f"{path.name} has no line that can be read")
    delimiter, notes = _delimiter(kind, first[0])
    head: list[list[str]] = []
    blank = 0
    for record in _records(path, delimiter, []):
        if isinstance(record, Rejection) or len(head) > _LOOK:
            break
        if record:
            head.append(record)
        elif not head:
            blank += 1
    names = [name.strip() for name in head[0]]
    if any("\0" in name for name in names):
        raise DataError(f"{path.name} is not text: its first line holds binary data")
    listed = delimiter is None or kind == "txt"  # SMILES first, then anything
    if listed:
        known = names[0].casefold() in SMILES_NAMES or (wanted is not None and wanted in names)
        header = known or (not parses(names[0]) and len(head) > 1 and parses(head[1][0]))
    else:
        header = wanted is not None or not _is_molecule_row(names, head[1:])
    if not header:
        if wanted is not None:
            raise DataError(f"{path.name} has no header, so it has no column {wanted!r}; leave `smiles_column` out")
        width = max(map(len, head))
        if not listed:
            notes.append("the file has no header; its first line is a molecule")
        more = ("name",) if width == 2 else tuple(f"column{i}" for i in range(2, width + 1))
        return Layout(("smiles", *more), 0, (), tuple(notes), delimiter, blank, False, listed)
    if listed:
        names += ["name"] * (max(map(len, head)) - len(names))
    unique, doubled = number_doubles(names)
    index = 0 if listed and wanted is None else find_smiles(path, unique, doubled, head[1:], wanted)
    if doubled:
        notes.append(f"columns named twice got a number: {', '.join(doubled)}")
    return Layout(tuple(unique), index, tuple(doubled), tuple(notes), delimiter, blank + 1, True, listed)


def _is_molecule_row(names: list[str], rows: list[list[str]]) -> bool:
    """Whether the first line is a molecule and no header: no known name, and a molecule at the head of a column of them."""
    if any(name.casefold() in SMILES_NAMES for name in names):
        return False
    if len(names) == 1:
        return parses(names[0])
    below = [row for row in rows if len(row) == len(names)]
    return any(
        len(name) > 2 and parses(name) and bool(below) and all(parses(row[i]) for row in below[:20])
        for i, name in enumerate(names[:1])
    )


def _delimiter(kind: str, line: str) -> tuple[str | None, list[str]]:
    if kind == "csv":
        best = max(",;\t|", key=line.count)  # the first of those that occur equally often
        return (best, [] if best == "," else [f"fields are separated by {best!r}, not by a comma"])
    if kind == "tsv" or (kind == "txt" and "\t" in line):
        return "\t", []
    return None, []


def rows(path: Path, layout: Layout, notes: list[str]) -> Iterator[Row | Rejection]:
    """Every line after the header as a row or a rejection; what was odd about the file as a whole is added to
    `notes`."""
    smiles, width = layout.smiles or 0, len(layout.names)
    records = _records(path, layout.delimiter, notes)
    for _ in range(layout.header_lines):
        next(records, None)
    row = blanks = 0
    for record in records:
        if not record:
            blanks += 1
            continue
        for _ in range(blanks):  # those at the file's end never come here
            yield Rejection(row, "", "read", "empty line")
            row += 1
        blanks = 0
        if isinstance(record, Rejection):
            yield Rejection(row, record.input, "read", record.reason)
        elif len(record) == width or (layout.ragged and smiles < len(record) < width):
            cells = record + [""] * (width - len(record))
            text = cells.pop(smiles)
            yield row, text, cells
        else:
            text = "\t".join(record)
            reason = "binary data" if "\0" in text else f"{len(record)} fields where the header has {width}"
            yield Rejection(row, text, "read", reason)
        row += 1


def number_doubles(names: list[str]) -> tuple[list[str], list[str]]:
    """The names with later doubles numbered (name.1), and the doubled names."""
    seen: set[str] = set()
    unique, doubled = [], []
    for i, name in enumerate(names):
        name = name or f"column{i + 1}"
        made, number = name, 0
        while made in seen:
            number += 1
            made = f"{name}.{number}"
        if number and name not in doubled:
            doubled.append(name)
        seen.add(made)
        unique.append(made)
    return unique, doubled


def find_smiles(
    path: Path, names: Sequence[str], doubled: Sequence[str], head: Sequence[Sequence[str | None]], wanted: str | None
) -> int:
    """The place of the SMILES column: by its name, or the first column whose cells are molecules. Raises DataError."""
    if wanted is not None:
        if wanted not in names:
            near = [n for n in names if n.casefold() == wanted.casefold()]
            hint = f"; did you mean {near[0]!r}?" if near else "."
            raise DataError(f"{path.name} has no column {wanted!r}{hint} It has: {', '.join(names)}")
        index = names.index(wanted)
    else:
        folded = [re.sub(r"[\s-]+", "_", n.casefold()) for n in names]
        by_name = [folded.index(n) for n in SMILES_NAMES if n in folded]
        columns = by_name[:1] or [
            i for i in range(len(names)) if _mostly_molecules([r[i] for r in head if len(r) == len(names)])
        ]
        if not columns:
            raise DataError(
                f"no column of {path.name} holds SMILES; name it with `smiles_column`. It has: {', '.join(names)}"
            )
        index = columns[0]
    if names[index] in doubled:
        raise DataError(f"{path.name} has two columns named {names[index]!r}, the SMILES column; rename one of them")
    return index


def _mostly_molecules(values: list[Any]) -> bool:
    texts = [v for v in values[:_LOOK] if isinstance(v, str) and v.strip()]
    good = [v for v in texts if parses(v)]
    # "C", "N", "I" or "CO" may be any code: molecules of a data set are longer on the whole
    return bool(texts) and 2 * len(good) > len(texts) and sum(map(len, good)) > 3 * len(good)


def parses(text: str) -> bool:
    """Whether RDKit reads the text as SMILES (its chemistry is not looked at)."""
    with rdBase.BlockLogs():
        text = text.strip()
        return (
            bool(text)
            and text.isascii()
            and len(text) <= LONGEST_INPUT
            and Chem.MolFromSmiles(text, sanitize=False) is not None
        )
