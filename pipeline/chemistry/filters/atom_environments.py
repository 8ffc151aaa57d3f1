"""Computes stable keys of the environment of each atom, and of each ring system, of a molecule.

A key is a 64-bit number made from the graph alone, by a fixed mixing of integers: it depends on no version of RDKit, Python or NumPy.
Stereochemistry and isotopes do not count, and a charge that a proton explains does not count either (an ammonium has the key of
its amine), so that the protonation of the input makes nothing rare.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rdkit.Chem import Atom, Mol, rdMolDescriptors, rdmolops

Words = NDArray[np.uint64]

_WORD = np.uint64
_HALF, _TAIL, _FACTOR, _STEP = _WORD(32), _WORD(29), _WORD(0xD6E8FEB86659FD93), _WORD(0x9E3779B97F4A7C15)
_ELEMENT, _NO_SURROUNDINGS = _WORD(0x7F), _WORD(0xFFF)  # bits of the code of an atom
_AROMATIC, _RING, _RING_BOND = _WORD(1 << 20), _WORD(1 << 21), _WORD(16)
_ROUNDS = 4  # bonds that the key of a ring system looks from each atom

_codes: dict[int, int] = {}  # of atoms without charge, by RDKit's hash of the same facts: it is much faster to get


class Environments(NamedTuple):
    """Keys of the environments and ring systems of a molecule with n atoms."""

    radius_1: Words
    """(n,), for each atom: the atom and its neighbors."""
    radius_2: Words
    """(n,), for each atom: the atom, its neighbors and theirs."""
    ring_atoms: Words
    """(n,), for each atom of a ring system: the atom within its system."""
    rings: tuple[tuple[int, ...], ...]
    """The atoms of each ring."""

    @property
    def ring_systems(self) -> list[tuple[int, list[int]]]:
        """The key and the atoms of each ring system: rings that share an atom or more, without substituents."""
        return [(int(self.ring_atoms[system].sum()), system) for system in _join_rings(self.rings)]


def compute_environments(mol: Mol) -> Environments:
    """Compute the keys of all atom environments and ring systems of a sanitized molecule.

    Args:
        mol: The molecule, without explicit hydrogen atoms.

    Returns:
        An atom is known by its element, charge, hydrogens, neighbors, aromaticity and whether it is in a ring; a bond by its
        order and whether it is in a ring. In a ring system an atom is known by its element, charge and aromaticity, and by
        the element that is bound to it from outside by a double bond.
    """
    return compute_all_environments([mol])[0]


def compute_all_environments(mols: Sequence[Mol]) -> list[Environments]:
    """Compute what `compute_environments` computes of many molecules, which is several times as fast as one by one."""
    if not mols:
        return []
    sizes = [mol.GetNumAtoms() for mol in mols]
    ends = np.cumsum(sizes)
    codes = np.fromiter(chain.from_iterable(map(_encode_atoms, mols)), dtype=_WORD, count=int(ends[-1]))
    sources, targets, doubled, ring_bonds = [], [], [], []
    in_rings: list[int] = []
    rings_of = [mol.GetRingInfo().AtomRings() for mol in mols]
    for mol, first, rings in zip(mols, (ends - sizes).tolist(), rings_of, strict=True):
        orders = rdmolops.GetAdjacencyMatrix(mol, useBO=True)
        source, target = orders.nonzero()
        doubled.append(orders[source, target])
        sources.append(source + first)
        targets.append(target + first)
        bonds = np.zeros(orders.shape, dtype=bool)
        if rings:
            around = list(chain.from_iterable(rings))
            after = list(chain.from_iterable(ring[1:] + ring[:1] for ring in rings))
            bonds[around, after] = bonds[after, around] = True
            in_rings += [first + atom for atom in around]
        ring_bonds.append(bonds[source, target])
    source, target, inside = np.concatenate(sources), np.concatenate(targets), np.concatenate(ring_bonds)
    kinds = (2 * np.concatenate(doubled)).astype(_WORD)
    codes[source[kinds == 3]] |= _AROMATIC
    codes[in_rings] |= _RING
    marks: Words = kinds + inside.astype(_WORD) * _RING_BOND
    first = _spread(_mix(codes), source, target, marks)
    second = _spread(first, source, target, marks)
    outward = (kinds == 4) & ~inside
    keys = codes & (_NO_SURROUNDINGS | _AROMATIC)
    np.add.at(keys, source[outward], (codes[target[outward]] & _ELEMENT) << _HALF)
    source, target, marks = source[inside], target[inside], kinds[inside]
    keys = _mix(keys)
    for _ in range(_ROUNDS):
        keys = _spread(keys, source, target, marks)
    parts = (np.split(words, ends[:-1]) for words in (first, second, keys))
    return [Environments(*found) for found in zip(*parts, rings_of, strict=True)]


def _encode_atoms(mol: Mol) -> list[int]:
    """Write element, charge, neighbors and hydrogens of each atom as one number."""
    codes = []
    for index, known in enumerate(rdMolDescriptors.GetConnectivityInvariants(mol, includeRingMembership=False)):
        code = _codes.get(known)
        if code is None:
            atom = mol.GetAtomWithIdx(index)
            code = _encode_atom(atom)
            if not atom.GetFormalCharge():
                _codes[known] = code
        codes.append(code)
    return codes


def _encode_atom(atom: Atom) -> int:
    charge, hydrogens = atom.GetFormalCharge(), atom.GetTotalNumHs()
    if charge > 0 and hydrogens:
        charge, hydrogens = charge - 1, hydrogens - 1
    elif charge < 0 and all(neighbor.GetFormalCharge() <= 0 for neighbor in atom.GetNeighbors()):
        charge, hydrogens = charge + 1, hydrogens + 1
    return atom.GetAtomicNum() | (charge + 8) << 8 | atom.GetDegree() << 12 | hydrogens << 16


def _mix(words: Words) -> Words:
    """Scramble 64-bit words one to one."""
    words = words + _STEP
    words ^= words >> _HALF
    words *= _FACTOR
    words ^= words >> _TAIL
    return words


def _spread(keys: Words, source: NDArray[np.intp], target: NDArray[np.intp], marks: Words) -> Words:
    """Return the keys of environments that reach one bond further."""
    sums = _mix(keys)
    np.add.at(sums, source, _mix(keys[target] ^ marks))
    return sums


def _join_rings(rings: tuple[tuple[int, ...], ...]) -> list[list[int]]:
    """Join rings that share an atom."""
    systems: list[set[int]] = []
    for ring in rings:
        joined, rest = set(ring), []
        for system in systems:
            if joined.isdisjoint(system):
                rest.append(system)
            else:
                joined |= system
        systems = [*rest, joined]
    return [sorted(system) for system in systems]
