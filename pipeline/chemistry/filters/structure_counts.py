"""Counts in how many molecules each atom environment and each ring system occurs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem, rdBase
from rdkit.Chem import Mol

from pipeline.chemistry.filters.atom_environments import Words, compute_environments
from pipeline.chemistry.standardization.cleanup import is_plain
from pipeline.chemistry.standardization.refusal import Rejection
from pipeline.chemistry.standardization.standardize import Standardizer

_PROTON_CHARGES = Chem.MolFromSmarts("[$([#7;+;!H0]),$([#7,#8,#16;-;!$(*~[+])])]")
_NONE = np.array([], dtype=np.uint64)
_AT_ONCE, _MERGED_AT_ONCE = 10_000, 16  # molecules; parts


class Counts(NamedTuple):
    """Keys of structures, ascending, and for each the number of molecules that have it."""

    keys: Words
    molecules: NDArray[np.int64]


class StructureCounts(NamedTuple):
    """Counts of the structures of a set of molecules; two of them can be added with `merge_counts`."""

    molecules: int
    """The number of molecules that were looked at."""
    rejected: int
    """The number of molecules that could not be read or standardized."""
    radius_1: Counts
    radius_2: Counts
    ring_systems: Counts


def count_smiles(smiles: Iterable[str]) -> StructureCounts:
    """Count the structures of molecules given as SMILES, which are standardized first; what cannot be is counted as rejected."""
    rejected, standardize = 0, Standardizer()

    def read() -> Iterator[Mol]:
        nonlocal rejected
        for text in smiles:
            mol = _standardize(text, standardize)
            if mol is None:
                rejected += 1
            else:
                yield mol

    counts = count_structures(read())
    return counts._replace(rejected=rejected)


def count_structures(mols: Iterable[Mol]) -> StructureCounts:
    """Count the structures of sanitized molecules, in how many of them each occurs."""
    iterator, parts = iter(mols), []
    while (part := _count_some(islice(iterator, _AT_ONCE))).molecules:
        parts.append(part)
        if len(parts) >= _MERGED_AT_ONCE:
            parts = [merge_counts(parts)]
    return merge_counts(parts)


def merge_counts(parts: Sequence[StructureCounts]) -> StructureCounts:
    """Add the counts of several sets of molecules."""
    return StructureCounts(
        sum(part.molecules for part in parts),
        sum(part.rejected for part in parts),
        _merge([part.radius_1 for part in parts]),
        _merge([part.radius_2 for part in parts]),
        _merge([part.ring_systems for part in parts]),
    )


def _standardize(smiles: str, standardize: Standardizer) -> Mol | None:
    """Standardize a molecule; one that only protons set apart from its standard form is spared the clean-up, which is slow."""
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
        if mol is None or not mol.GetNumAtoms():
            return None
        if is_plain(mol) or is_plain(_move_protons(mol)):
            return mol
    found = standardize(smiles)
    return None if isinstance(found, Rejection) else found.mol


def _move_protons(mol: Mol) -> Mol:
    """Make each charge zero that adding or removing a proton makes zero, in place."""
    for (index,) in mol.GetSubstructMatches(_PROTON_CHARGES):
        atom = mol.GetAtomWithIdx(index)
        hydrogens, charge = atom.GetTotalNumHs(), atom.GetFormalCharge()
        atom.SetFormalCharge(0)
        atom.SetNoImplicit(True)
        atom.SetNumExplicitHs(hydrogens - charge)
    mol.UpdatePropertyCache(strict=False)
    return mol


def _count_some(mols: Iterable[Mol]) -> StructureCounts:
    molecules, found = 0, ([_NONE], [_NONE], [_NONE])
    for mol in mols:
        environments = compute_environments(mol)
        molecules += 1
        found[0].append(np.unique(environments.radius_1))
        found[1].append(np.unique(environments.radius_2))
        found[2].append(np.array(sorted({key for key, _ in environments.ring_systems}), dtype=np.uint64))
    counted = (np.unique(np.concatenate(keys), return_counts=True) for keys in found)
    return StructureCounts(molecules, 0, *(Counts(keys, number) for keys, number in counted))


def _merge(parts: Sequence[Counts]) -> Counts:
    if not parts:
        return Counts(_NONE, np.array([], dtype=np.int64))
    keys, inverse = np.unique(np.concatenate([part.keys for part in parts]), return_inverse=True)
    molecules = np.zeros(len(keys), dtype=np.int64)
    np.add.at(molecules, inverse, np.concatenate([part.molecules for part in parts]))
    return Counts(keys, molecules)
