"""Decides by the first rows of a table whether it has a header, and which column holds the SMILES."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rdkit import Chem, rdBase

from chem_vae.errors import DataError
from pipeline.chemistry.standardize import LONGEST_INPUT
from pipeline.datasets.readers import Hints

SMILES_NAMES = (
    "smiles", "canonical_smiles", "canonicalsmiles", "isomeric_smiles", "smiles_string", "smi", "structure", "mol", "molecule",
)  # fmt: skip
"""The names of a SMILES column, in lower case; the first that a file has is taken."""
LOOK = 50  # rows that are looked at to find the header and the SMILES column


def is_header(names: list[str], below: Sequence[list[str]], hints: Hints, is_list: bool) -> bool:
    """Whether the first line is a header: it is none where one of its cells is a molecule in a column of molecules, or a
    number in a column of numbers."""
    if has_known_name(names, hints) or hints.smiles_column is not None:
        return True
    if is_list:  # SMILES first, then anything
        return not is_smiles(names[0]) and bool(below) and is_smiles(below[0][0])
    if len(names) == 1:
        return not is_smiles(names[0])
    rows = [row for row in below[:20] if len(row) == len(names)]
    for i, name in enumerate(names):
        cells = [row[i] for row in rows if row[i].strip()]
        if len(name) > 2 and is_smiles(name) and 2 * sum(map(is_smiles, cells)) >= len(cells):
            return False
        if _is_number(name) and cells and all(map(_is_number, cells)):
            return False
    return True


def has_known_name(names: Sequence[str], hints: Hints) -> bool:
    """Whether one of the names is that of a SMILES column, or one that the user names."""
    told = {hints.smiles_column, *hints.columns}
    return any(_folded(name) in SMILES_NAMES or name in told for name in names)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def find_molecules(path: Path, rows: Sequence[list[str]], width: int) -> int:
    """Find the SMILES column of a file without a header: the first whose cells are molecules. Raises DataError."""
    columns = [[row[i] for row in rows if i < len(row)] for i in range(width)]
    for accept in (_mostly_molecules, _all_molecules):
        for i, cells in enumerate(columns):
            if accept(cells):
                return i
    if width == 1:
        return 0
    raise DataError(
        f"no column of {path.name} holds SMILES; it was read as having no header. Name the column with `smiles_column` "
        "(column1, column2, ...), or set `header` to true"
    )


def number_duplicates(names: list[str]) -> tuple[list[str], list[str]]:
    """Number the later ones of equal names (name.1), and name empty ones by their place.

    Returns:
        The names, and those that were doubled.
    """
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
    """Find the place of the SMILES column: by its name, or as the first column whose cells are molecules.

    Args:
        path: The file, for messages.
        names: The columns.
        doubled: The names that several columns have.
        head: The first rows.
        wanted: The name that the user gave.

    Raises:
        DataError: If there is none, or if two columns have its name.
    """
    if wanted is not None:
        if wanted not in names:
            near = [n for n in names if n.casefold() == wanted.casefold()]
            hint = f"; did you mean {near[0]!r}?" if near else "."
            raise DataError(f"{path.name} has no column {wanted!r}{hint} It has: {', '.join(names)}")
        index = list(names).index(wanted)
    else:
        folded = list(map(_folded, names))
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


def _folded(name: str) -> str:
    return re.sub(r"[\s-]+", "_", name.casefold())


def _mostly_molecules(values: list[Any]) -> bool:
    texts = [v for v in values[:LOOK] if isinstance(v, str) and v.strip()]
    good = [v for v in texts if is_smiles(v)]
    # "C", "N", "I" or "CO" may be any code: molecules of a data set are longer on the whole
    return bool(texts) and 2 * len(good) > len(texts) and sum(map(len, good)) > 3 * len(good)


def _all_molecules(values: Sequence[str]) -> bool:
    return all(len(value) > 2 and is_smiles(value) for value in values)


def is_smiles(text: str) -> bool:
    """Whether RDKit reads the text as SMILES; its chemistry is not looked at."""
    with rdBase.BlockLogs():
        text = text.strip()
        return (
            bool(text)
            and text.isascii()
            and len(text) <= LONGEST_INPUT
            and Chem.MolFromSmiles(text, sanitize=False) is not None
        )
