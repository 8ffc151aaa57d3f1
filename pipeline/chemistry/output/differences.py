"""Finds the atoms in which two similar molecules differ."""

from __future__ import annotations

from functools import lru_cache

from rdkit.Chem import rdFMCS

from pipeline.chemistry.molecule import Structure, parse_mol

SECONDS = 1
"""The time that a search for the common substructure may take; what it has found by then counts."""


def find_different_atoms(structure: Structure | None, other: Structure | None) -> list[int]:
    """Find the atoms of one molecule that are not in its largest common substructure with another one.

    Args:
        structure: The molecule, or its SMILES.
        other: The molecule that it is compared with.

    Returns:
        The numbers of the atoms; none where one is no molecule, or where they have nothing in common.
    """
    if isinstance(structure, str) and isinstance(other, str):
        return list(_compare_smiles(structure, other))
    return _compare(structure, other)


@lru_cache(maxsize=1024)  # a report asks twice about each pair, and a search takes up to a second
def _compare_smiles(smiles: str, other: str) -> tuple[int, ...]:
    return tuple(_compare(smiles, other))


def _compare(structure: Structure | None, other: Structure | None) -> list[int]:
    mol, reference = parse_mol(structure), parse_mol(other)
    if mol is None or reference is None:
        return []
    found = rdFMCS.FindMCS([mol, reference], timeout=SECONDS, ringMatchesRingOnly=True, completeRingsOnly=True)
    if not found.numAtoms:
        return []
    common = set(mol.GetSubstructMatch(found.queryMol))
    return [atom for atom in range(mol.GetNumAtoms()) if atom not in common] if common else []
