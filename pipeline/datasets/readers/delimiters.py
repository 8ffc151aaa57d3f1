"""Finds the delimiter of a text table: the one that splits the first rows alike, and leaves a column of molecules."""

from __future__ import annotations

import statistics
from pathlib import Path

from chem_vae.errors import UserError
from pipeline.chemistry.standardization.standardize import Rejection
from pipeline.datasets.layout.cell_kinds import is_smiles
from pipeline.datasets.layout.smiles_column import SMILES_NAMES, fold_name
from pipeline.datasets.readers.records import WHITE_SPACE, Record, read_head

_NAMED = {
    "comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "pipe": "|", "bar": "|", "space": WHITE_SPACE,
    "whitespace": WHITE_SPACE, "white space": WHITE_SPACE, "colon": ":",
}  # fmt: skip
_SHOWN = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "'|'", WHITE_SPACE: "white space", ":": "a colon"}
_LOOK = 20  # records


def read_delimiter(text: str) -> str:
    """Return the character that a user means by `;`, `tab`, `\\t`, `comma` or `space`.

    Raises:
        UserError: If it is none.
    """
    found = _NAMED.get(text.casefold(), text)
    if len(found) != 1 or found.isalnum() or found in '"\n\r\0':
        raise UserError(f"the delimiter {text!r} is no single character; give ',', ';', '|', tab or space")
    return found


def describe_delimiter(delimiter: str) -> str:
    """Return a delimiter in words."""
    return _SHOWN.get(delimiter, repr(delimiter))


def find_delimiter(path: Path, kind: str, encoding: str | None) -> str | None:
    """Find the character between the cells of a text file; None for a list of SMILES, each with a name or none.

    Args:
        path: The file.
        kind: What its name says: "csv", "tsv", "smi" or "txt".
        encoding: Its encoding, where the user gives it.
    """
    heads = {d: _read_filled(path, d, encoding) for d in (",", ";", "\t", "|")}
    usual = {"csv": ",", "tsv": "\t"}.get(kind, "\t")
    scores = {d: _score(records, d) for d, records in heads.items() if _split_most(records) or _is_named(records)}
    best = max(scores, key=lambda d: (scores[d], d == usual), default=None)
    words = _read_filled(path, WHITE_SPACE, encoding)
    alone = _share_of_molecules([record[:1] for record in words])
    if kind in ("smi", "txt"):
        tabs = heads["\t"]
        if best == "\t" and min(map(len, tabs)) > 1 and scores["\t"][1]:
            return "\t"
        if best is not None and scores[best][1] and alone < 0.5:
            return best
        if alone < 0.5 and best is None and _share_of_molecules([record[1:2] for record in words]) > 0.5:
            return WHITE_SPACE  # names first
        if alone >= 0.5 or best is None or not scores[best][0]:
            return WHITE_SPACE if _is_aligned(words) else None
        return best
    if best is None and _is_aligned(words, least=2):
        return WHITE_SPACE
    return best or usual


def _read_filled(path: Path, delimiter: str, encoding: str | None) -> list[Record]:
    records = [r for r in read_head(path, delimiter, _LOOK + 1, encoding) if r and not isinstance(r, Rejection)]
    if records and "".join(records[0]).casefold().startswith("sep=") and len(records[0]) <= 2:
        del records[0]
    return records


def _split_most(records: list[Record]) -> bool:
    """Whether at least half of the records have more than one cell, the last one left out where all end with a delimiter."""
    widths = [len(record) for record in records]
    return bool(records) and 2 * sum(width > 1 for width in widths) >= len(widths)


def _score(records: list[Record], delimiter: str) -> tuple[bool, bool, float, int]:
    """Whether a column is called SMILES, whether one holds molecules, how many records are alike, and how wide they are."""
    widths = [len(record) for record in records]
    usual = statistics.mode(widths)
    below = records[1:] or records
    columns = range(min(max(widths), 200))
    molecules = max(_share_of_molecules([record[i : i + 1] for record in below]) for i in columns) >= 0.5
    if delimiter == "|" and len(records[0]) == 1:  # the bars of CXSMILES
        return False, False, 0.0, 0
    return _is_named(records), molecules, round(widths.count(usual) / len(widths), 1), usual


def _is_named(records: list[Record]) -> bool:
    """Whether one of the first records has a cell that is the name of a SMILES column, beside other cells."""
    return any(fold_name(cell) in SMILES_NAMES for record in records[:5] for cell in record if len(record) > 1)


def _share_of_molecules(cells: list[Record]) -> float:
    filled = [cell[0].split(" |")[0] for cell in cells if cell and cell[0].strip()]
    filled = filled[:_LOOK]
    return sum(len(text) > 2 and is_smiles(text) for text in filled) / len(filled) if filled else 0.0


def _is_aligned(words: list[Record], least: int = 3) -> bool:
    """Whether lines are rows of a table with a header that names a SMILES column, apart by white space."""
    if len(words) < 2 or not any(fold_name(name) in SMILES_NAMES for name in words[0]):
        return False
    return len(words[0]) >= least and all(len(record) == len(words[0]) for record in words)
