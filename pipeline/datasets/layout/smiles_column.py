"""Finds the column of a table that holds the molecules, by its cells first and by its name second."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

from rdkit import Chem, rdBase

from chem_vae.errors import DataError, NoSmilesColumnError, UnclearColumnError
from pipeline.chemistry.standardization.smiles_text import split_name
from pipeline.datasets.layout.cell_kinds import (
    describe_kind,
    hold_drawn_molecules,
    hold_molecules,
    is_smiles,
    take_filled,
)

SMILES_NAMES = (
    "smiles", "canonical_smiles", "canonicalsmiles", "isomeric_smiles", "smiles_string", "smi", "structure", "mol", "molecule",
)  # fmt: skip
"""The names of a SMILES column, in lower case, the best first."""
_PLAIN = SMILES_NAMES[:6]  # these say that a column holds SMILES; the others may stand over names
_NEAREST = {"nearest_training_smiles", "nearest_measured_smiles"}  # columns of the tables that this project writes
_REMEDY = {
    "InChI": "turn them into SMILES first (RDKit: Chem.MolToSmiles(Chem.MolFromInchi(text)))",
    "InChIKeys": "an InChIKey is a hash, which holds no structure: look the SMILES up (PubChem, ChEMBL)",
    "CAS numbers": "look the SMILES up (PubChem, CAS Common Chemistry)",
    "SELFIES": "turn them into SMILES first (selfies.decoder)",
    "reactions": "give the molecules of one side in a column of their own",
    "mol blocks": "write them as an SDF file",
    "names": "look the SMILES up (PubChem, OPSIN)",
}

Cells = Sequence[Sequence[str | None]]
"""Some cells of each column."""


@dataclass(frozen=True)
class SmilesColumn:
    """The column of the molecules.

    Args:
        index: Its place.
        notes: Sentences for the user on how it was chosen.
        has_names: Whether some of its cells hold a name behind the SMILES.
    """

    index: int
    notes: tuple[str, ...] = ()
    has_names: bool = False

    def name_names(self, names: Sequence[str]) -> str | None:
        """Return the column that the names behind the SMILES go into; None where there are none."""
        if not self.has_names:
            return None
        return name_column_behind(names[self.index], names)


def name_column_behind(smiles: str, names: Collection[str]) -> str:
    """Name the column of the names that stand behind the SMILES in their cells, unlike all others of a table.

    >>> name_column_behind("smiles", ["smiles"]), name_column_behind("smiles", ["smiles", "name"])
    ('name', 'smiles name')
    """
    numbered = (f"{smiles} name.{i}" for i in count(1))
    return next(name for name in chain(("name", f"{smiles} name"), numbered) if name not in names)


def fold_name(name: str) -> str:
    """Return a column's name in the form of `SMILES_NAMES`."""
    return re.sub(r"[\s-]+", "_", name.strip().lstrip("#").strip().casefold())


def find_smiles_column(
    path: Path, names: Sequence[str], doubled: Sequence[str], columns: Cells, wanted: str | None
) -> SmilesColumn:
    """Find the SMILES column: the one that the user names, or the one whose cells are molecules.

    Args:
        path: The file, for messages.
        names: The columns.
        doubled: The names that several columns have.
        columns: The first cells of each column.
        wanted: The name that the user gave.

    Raises:
        DataError: If there is none, or if two columns have its name.
        UserError: If several columns hold different molecules, which is a question to the user.
    """
    if wanted is not None:
        index, notes = _find_wanted(path, names, wanted), list[str]()
        if (kind := describe_kind(columns[index])) in _REMEDY and not hold_molecules(columns[index]):
            notes.append(f"the column {wanted!r} seems to hold {kind}, not SMILES")
    else:
        index, notes = _choose(path, names, columns)
    if names[index] in doubled:
        raise DataError(f"{path.name} has two columns named {names[index]!r}, the SMILES column; rename one of them")
    return SmilesColumn(index, tuple(notes), hold_names(columns[index]))


def hold_names(cells: Sequence[str | None]) -> bool:
    """Whether a cell of a column of SMILES holds a name behind the SMILES."""
    for text in take_filled(cells):
        structure, name = split_name(text)
        if name and not name.startswith("|") and is_smiles(structure.split(" |")[0]):
            return True
    return False


def _find_wanted(path: Path, names: Sequence[str], wanted: str) -> int:
    if wanted in names:
        return list(names).index(wanted)
    near = [name for name in names if fold_name(name) == fold_name(wanted)]
    hint = f"; did you mean {near[0]!r}?" if near else "."
    raise DataError(f"{path.name} has no column {wanted!r}{hint} It has: {list_names(names)}")


def _choose(path: Path, names: Sequence[str], columns: Cells) -> tuple[int, list[str]]:
    folded = [fold_name(name) for name in names]
    by_name = sorted(
        (i for i, n in enumerate(folded) if n in SMILES_NAMES), key=lambda i: SMILES_NAMES.index(folded[i])
    )
    own = _NEAREST | ({"parent"} if "origin" in names else set())
    others = [i for i in range(len(names)) if i not in by_name and names[i] not in own]
    holding = [i for i in by_name if hold_molecules(columns[i])]
    holding += [i for i in others if hold_drawn_molecules(columns[i])]
    holding = holding or [i for i in others if hold_molecules(columns[i])]
    if len(holding) > 1:
        return _choose_among(path, names, columns, holding)
    if not holding:
        return _choose_by_name(path, names, columns, by_name)
    (index,) = holding
    notes = []
    if by_name and index not in by_name:
        other = by_name[0]
        held = describe_kind(columns[other]) or "no SMILES"
        notes.append(
            f"the SMILES are taken from the column {names[index]!r}, whose cells are molecules; {names[other]!r} holds {held}"
        )
    elif not by_name or (folded[index] not in _PLAIN):
        notes.append(f"the SMILES are taken from the column {names[index]!r}, whose cells are molecules")
    return index, notes


def _choose_by_name(path: Path, names: Sequence[str], columns: Cells, by_name: Sequence[int]) -> tuple[int, list[str]]:
    """Choose the column that is called SMILES though few of its cells are molecules, or refuse."""
    kinds = {i: describe_kind(columns[i]) for i in range(len(names))}
    if by_name:
        first = by_name[0]
        is_plain = fold_name(names[first]) in _PLAIN and (
            kinds[first] not in _REMEDY or not _are_certain(kinds[first], columns[first])
        )
        if is_plain or kinds[first] in ("nothing", ""):
            return first, []
    seen = [(i, kinds[i]) for i in (*by_name, *range(len(names))) if kinds[i] in _REMEDY]
    told = "; ".join(dict.fromkeys(f"{names[i]!r} seems to hold {kind}: {_REMEDY[kind]}" for i, kind in seen[:3]))
    likely = sorted(range(len(names)), key=lambda i: -sum(map(is_smiles, take_filled(columns[i]))))
    raise NoSmilesColumnError(
        f"no column of {path.name} holds SMILES{'. The column ' + told + '.' if told else '; name it with `smiles_column`'} "
        f"(--smiles-column). It has: {list_names(names)}".replace(". (--smiles-column). It", ". It"),
        [names[i] for i in likely],
    )


def _are_certain(kind: str, cells: Sequence[str | None]) -> bool:
    """Whether a column that is called SMILES can be refused as another kind: broken SMILES look like names too."""
    texts = take_filled(cells)
    return kind != "names" or (len(texts) > 9 and not any(re.search(r"[()=#@\[\]]|[A-Za-z]\d", text) for text in texts))


def _choose_among(path: Path, names: Sequence[str], columns: Cells, holding: Sequence[int]) -> tuple[int, list[str]]:
    """Choose among columns that hold molecules: only where all hold the same, of which the one with stereo is taken."""
    best, *others = holding
    forms = {i: [_write_flat(cell) for cell in columns[i]] for i in holding}
    if all(_are_same(forms[best], forms[i]) for i in others):
        marks = {
            i: sum(text.count("@") + text.count("/") + text.count("\\") for text in take_filled(columns[i]))
            for i in holding
        }
        chosen = max(holding, key=lambda i: (marks[i], -holding.index(i)))
        rest = ", ".join(repr(names[i]) for i in holding if i != chosen)
        why = "with stereo" if any(marks[chosen] > marks[i] for i in holding) else "as it comes first"
        return chosen, [
            f"the SMILES are taken from the column {names[chosen]!r}, {why}; {rest} holds the same molecules "
            "(choose with --smiles-column)"
        ]
    shown = "; ".join(
        f"--smiles-column {quote_name(names[i])} (such as {next(iter(take_filled(columns[i])))[:60]})" for i in holding
    )
    raise UnclearColumnError(
        f"{path.name} has {len(holding)} columns of different molecules; say which one to learn from: {shown}",
        [names[i] for i in holding],
    )


def _write_flat(cell: str | None) -> str:
    """Return the canonical SMILES without stereo; "" for none."""
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(split_name(cell)[0].split(" |")[0]) if cell and cell.strip() else None
        return Chem.MolToSmiles(mol, isomericSmiles=False) if mol is not None else ""


def _are_same(first: Sequence[str], second: Sequence[str]) -> bool:
    pairs = [(a, b) for a, b in zip(first, second, strict=True) if a and b]
    return bool(pairs) and all(a == b for a, b in pairs)


def quote_name(name: str) -> str:
    """Quote a name for a shell where it needs it."""
    return name if re.fullmatch(r"[\w.-]+", name) else "'" + name.replace("'", "'\\''") + "'"


def list_names(names: Sequence[str]) -> str:
    """List the first names of a table with commas, and how many more there are."""
    more = f" and {len(names) - 40:,} more" if len(names) > 40 else ""
    return ", ".join(name[:60] for name in names[:40]) + more
