"""Writes what is unusual in a molecule as two cells of a table, names and atoms, and reads such cells."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from rdkit import Chem

from pipeline.chemistry.filters.structure_filters import locate_unusual
from pipeline.chemistry.molecule import Molecule, Structure, parse_mol

SEPARATOR = ";"


def write_unusual(structure: Structure, usual: Collection[str] = ()) -> tuple[str, str]:
    """Find what is unusual in a molecule, and write the names and the atoms as text.

    Args:
        structure: The SMILES as it stands in the row of the table, or the molecule that has it.
        usual: What is usual all the same, as `pipeline.chemistry.filters.structure_filters.locate_unusual` takes it.

    Returns:
        The names, as in "enol; peroxide", and for each name the atoms to mark, as in "2 3 4; 7 8": their numbers in the SMILES,
        from 0 on. Both are "" where nothing is unusual, or where RDKit cannot read the SMILES.
    """
    mol = parse_mol(structure)
    found = {} if mol is None else locate_unusual(mol, usual)
    if found and isinstance(structure, Molecule) and not _has_order_of_smiles(structure):
        return write_unusual(structure.smiles, usual)
    atoms = (" ".join(map(str, indices)) for indices in found.values())
    return f"{SEPARATOR} ".join(found), f"{SEPARATOR} ".join(atoms)


def _has_order_of_smiles(molecule: Molecule) -> bool:
    """Tell whether the atoms of a parsed molecule stand in the order of its SMILES, as they mostly do."""
    if Chem.MolToSmiles(molecule.mol) != molecule.smiles:
        return False
    order = molecule.mol.GetPropsAsDict(True, True)["_smilesAtomOutputOrder"]
    return list(order) == list(range(molecule.mol.GetNumAtoms()))


def read_names(cell: Any) -> list[str]:
    """Read the names in a cell; none where it is empty or missing."""
    return [name.strip() for name in cell.split(SEPARATOR) if name.strip()] if isinstance(cell, str) else []


def read_atoms(cell: Any) -> list[int]:
    """Read the numbers of the atoms in a cell, each once and sorted; none where it is empty or missing."""
    words = cell.replace(SEPARATOR, " ").split() if isinstance(cell, str) else []
    return sorted({int(word) for word in words if word.isdecimal()})


def is_usual(cell: Any, allowed: Collection[str] = ()) -> bool:
    """Whether a cell with names holds none but the allowed ones; False where it was not filled in."""
    return isinstance(cell, str) and all(name in allowed for name in read_names(cell))
