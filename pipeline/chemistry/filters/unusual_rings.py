"""Finds rings that are strained beyond what chemists make: a double bond at a bridgehead (Bredt's rule), and a bridged aromatic ring."""

from __future__ import annotations

from collections.abc import Iterator

from rdkit import Chem
from rdkit.Chem import Mol, rdMolDescriptors

LARGEST_RING = 8
LARGE_RING, STRAINED = f"ring of more than {LARGEST_RING} atoms", "strained bridge"

_LEAST_BICYCLE = 9
"""Ring atoms beside the two bridgeheads from which on a bridgehead bears a double bond (F. S. Fawcett, doi:10.1021/cr60147a003)."""
_LEAST_META, _LEAST_PARA = 8, 9
"""Atoms of a chain that joins two atoms of an aromatic ring with one, and with two, others between them, without strain."""


def find_large_rings(mol: Mol) -> list[tuple[int, ...]]:
    """Find the rings of more than `LARGEST_RING` atoms."""
    return [ring for ring in mol.GetRingInfo().AtomRings() if len(ring) > LARGEST_RING]


def find_strained_bridges(mol: Mol) -> list[int]:
    """Find the bridgeheads with a double bond, and the aromatic atoms at which a short bridge spans their ring."""
    if not rdMolDescriptors.CalcNumBridgeheadAtoms(mol):
        return []
    found: list[int] = []
    for first, second, heads in _list_bridged(mol, [set(ring) for ring in mol.GetRingInfo().AtomRings()]):
        sizes = len(first), len(second), len(first | second) - 2
        for head in heads:
            for bond in mol.GetAtomWithIdx(head).GetBonds():
                if bond.GetIsAromatic():
                    if _is_short_bridge(mol, first, second):
                        found.append(head)
                        break
                elif bond.GetBondType() == Chem.BondType.DOUBLE and bond.IsInRing() and sizes[2] < _LEAST_BICYCLE:
                    found.append(head)
                    break
    return found


def _list_bridged(mol: Mol, rings: list[set[int]]) -> Iterator[tuple[set[int], set[int], list[int]]]:
    """Yield pairs of rings that share three atoms or more, with the ends of what they share."""
    for place, first in enumerate(rings):
        for second in rings[:place]:
            shared = first & second
            if len(shared) > 2:
                ends = [
                    index
                    for index in shared
                    if sum(atom.GetIdx() in shared for atom in mol.GetAtomWithIdx(index).GetNeighbors()) == 1
                ]
                yield first, second, ends


def _is_short_bridge(mol: Mol, first: set[int], second: set[int]) -> bool:
    """Whether one ring is aromatic and the other spans it with a chain too short to do so without strain."""
    shared = len(first & second)
    for ring, other in ((first, second), (second, first)):
        if all(mol.GetAtomWithIdx(index).GetIsAromatic() for index in ring) and len(ring) < 8:
            chain = len(other) - shared
            return chain < (_LEAST_META if min(shared, len(ring) - shared + 2) == 3 else _LEAST_PARA)
    return False
