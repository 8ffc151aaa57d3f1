"""Makes new structures from known ones, by crossing two molecules or mutating one.

This follows the genetic algorithm on molecular graphs of Jensen 2019, doi:10.1039/C8SC05372C: parents are cut at a single bond
outside rings, or at two bonds of one ring, and pieces of the two are joined; `pipeline.chemistry.variation.mutations` has the small changes.
This room does not know the objectives that molecules are made for.
"""

from __future__ import annotations

import functools
import itertools
import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rdkit import Chem, rdBase
from rdkit.Chem import Mol, RWMol

from chem_vae.errors import UserError
from pipeline.chemistry.filters.structure_filters import learn_usual, name_first_unusual_of_each
from pipeline.chemistry.variation.graph_edits import (
    ORDERS,
    Elements,
    clear_chirality,
    kekulize,
    read_elements,
    refresh,
    remove_atoms,
)
from pipeline.chemistry.variation.mutations import mutate

_ATTEMPTS = 10  # at one child
_CUT = Chem.MolFromSmarts("[*]-;!@[*]")


class _RingCut(NamedTuple):
    """A ring cut at two bonds, so that the molecule falls in two pieces: one that is kept and another."""

    ends: tuple[int, int]
    """The ends of the kept piece, at the first bond and at the second."""
    orders: tuple[int, int]
    """The orders of the two bonds."""
    arc: int
    """Atoms of the ring in the kept piece."""
    others: tuple[int, int]
    """The ends of the piece that is not kept."""


@dataclass(frozen=True)
class _Parent:
    """A molecule that children are made of, and all that is asked of it again and again."""

    smiles: str
    mol: RWMol
    """The molecule in Kekulé form; it is only copied, never changed."""
    size: int
    charge: int
    ring_sizes: frozenset[int]
    stereo: bool
    neighbors: tuple[tuple[int, ...], ...]
    cuts: tuple[tuple[int, int], ...]
    """Single bonds outside rings."""
    ring_cuts: tuple[_RingCut, ...]

    @functools.cached_property
    def odd(self) -> frozenset[str]:
        """The unusual structures of this molecule; its children may have them, those of other parents may not."""
        return learn_usual([Chem.MolFromSmiles(self.smiles)])

    def side(self, keep: int, *partners: tuple[int, int]) -> list[int] | None:
        """List the atoms on the side of `keep` when the bonds (pairs of atoms) are cut; None where it stays in one piece."""
        cut = {frozenset(pair) for pair in partners}
        seen, stack = {keep}, [keep]
        while stack:
            here = stack.pop()
            for other in self.neighbors[here]:
                if other not in seen and frozenset((here, other)) not in cut:
                    seen.add(other)
                    stack.append(other)
        return None if len(seen) == self.size else list(seen)


def vary(
    parents: Sequence[str],
    n: int,
    seed: int,
    *,
    elements: Sequence[str] | Mapping[str, float] = ("C", "N", "O", "F", "S", "Cl", "Br"),
    max_atoms: int = 50,
    min_atoms: int = 4,
    crossover: float = 0.5,
    rank_weight: float = 0.1,
    allowed: Collection[str] | None = None,
) -> list[tuple[str | None, str]]:
    """Make n children of parents by crossover and mutation.

    No child is among the parents, none comes twice, none has a charge that no parent of it has, and none has anything unusual
    (`pipeline.chemistry.filters.structure_filters`) but what is allowed. Double bonds of children have no geometry;
    stereocenters stay where nothing next to them changes. The same arguments give the same children.

    Args:
        parents: Canonical SMILES, best first. The parent of rank r (from 0) is drawn with weight 1 / (rank_weight *
            len(parents) + r), as in weighted retraining (Tripp et al. 2020, arXiv:2006.09191).
        n: The number of children.
        seed: The seed of all draws.
        elements: Symbols, or symbols with weights by which mutations draw them; a child has no other.
        max_atoms: The most heavy atoms of a child.
        min_atoms: The fewest heavy atoms of a child.
        crossover: The share of children that two parents make; half of them are mutated as well.
        rank_weight: How little the rank of a parent counts.
        allowed: What a child may have although it is unusual; what its parents have when None.

    Returns:
        n pairs: the canonical SMILES of a child, or None where no attempt gave a sound one, and the parent that gave most
        of its atoms.

    Raises:
        UserError: If no parent can be read, or if `elements` cannot be used.
    """
    palette = read_elements(elements)
    rng = random.Random(seed)
    with rdBase.BlockLogs():
        pool = [parent for parent in map(_read, parents) if parent is not None]
        if not pool:
            raise UserError(
                "none of the parents is a molecule of one piece with two atoms or more: there is nothing to vary"
            )
        limits = _Limits(palette, _match_others(palette.numbers), min_atoms, max_atoms, allowed)
        shift = max(rank_weight * len(pool), 1e-9)
        bounds, total = [], 0.0
        for rank in range(len(pool)):
            total += 1 / (shift + rank)
            bounds.append(total)
        seen = {parent.smiles for parent in pool}
        mixed = [len(pool) > 1 and rng.random() < crossover for _ in range(n)]
        children: list[tuple[str | None, str]] = [(None, pool[0].smiles)] * n
        left = list(range(n))
        for _ in range(_ATTEMPTS):  # at all that are missing, so that they are checked together
            tried: list[_Child | None] = []
            for row in left:
                parent, other = rng.choices(pool, cum_weights=bounds, k=2)
                tried.append(_cross(parent, other, limits, rng) if mixed[row] else _mutate(parent, limits, rng))
                children[row] = (None, parent.smiles)
            for row, child, smiles in zip(left, tried, _write_sound(tried, limits), strict=True):
                if child is not None and smiles is not None and smiles not in seen:
                    seen.add(smiles)
                    children[row] = (smiles, child.parent.smiles)
            left = [row for row in left if children[row][0] is None]
        return children


@dataclass(frozen=True)
class _Limits:
    """Limits the elements, the size and the unusual structures of a child.

    `allowed` None allows the unusual structures that its parents have.
    """

    elements: Elements
    forbidden: Mol
    min_atoms: int
    max_atoms: int
    allowed: Collection[str] | None


@dataclass(frozen=True)
class _Child:
    """A structure that was made, not sanitized yet."""

    mol: RWMol
    parents: tuple[_Parent, ...]
    parent: _Parent
    """The parent that gave most of its atoms."""


def _mutate(parent: _Parent, limits: _Limits, rng: random.Random) -> _Child | None:
    child = Chem.RWMol(parent.mol)
    if not mutate(child, limits.elements, rng):
        return None
    if rng.random() < 0.2:
        refresh(child)
        if not mutate(child, limits.elements, rng):
            return None
    return _Child(child, (parent,), parent)


def _cross(one: _Parent, other: _Parent, limits: _Limits, rng: random.Random) -> _Child | None:
    """Cross two parents."""
    if one is other:
        return None
    joined = _join_rings(one, other, rng) if rng.random() < 0.3 else _join_chains(one, other, limits.max_atoms, rng)
    if joined is None:
        return None
    child, mine, theirs = joined
    if rng.random() < 0.5:
        refresh(child)
        if not mutate(child, limits.elements, rng):
            return None
    return _Child(child, (one, other), one if mine >= theirs else other)


_Joined = tuple[RWMol, int, int]  # with the numbers of atoms from either parent


def _join_chains(one: _Parent, other: _Parent, max_atoms: int, rng: random.Random) -> _Joined | None:
    if not one.cuts or not other.cuts:
        return None
    for _ in range(4):
        (stem, lost), (head, left) = rng.choice(one.cuts), rng.choice(other.cuts)
        if rng.random() < 0.5:
            stem, lost = lost, stem
        if rng.random() < 0.5:
            head, left = left, head
        mine, theirs = one.side(stem, (stem, lost)), other.side(head, (head, left))
        if mine is not None and theirs is not None and len(mine) + len(theirs) <= max_atoms:
            return _join(one, mine, other, theirs, [(stem, head, 1)])
    return None


def _join_rings(one: _Parent, other: _Parent, rng: random.Random) -> _Joined | None:
    if not one.ring_cuts or not other.ring_cuts:
        return None
    sizes = {5, 6} | one.ring_sizes | other.ring_sizes
    for _ in range(8):
        mine, theirs = rng.choice(one.ring_cuts), rng.choice(other.ring_cuts)
        if mine.arc + theirs.arc not in sizes or sorted(mine.orders) != sorted(theirs.orders):
            continue
        flipped = mine.orders != theirs.orders or (mine.orders[0] == mine.orders[1] and rng.random() < 0.5)
        ends = theirs.ends[::-1] if flipped else theirs.ends
        kept = one.side(mine.ends[0], *zip(mine.ends, mine.others, strict=True))
        added = other.side(theirs.ends[0], *zip(theirs.ends, theirs.others, strict=True))
        if kept is None or added is None or not {mine.ends[1]} <= set(kept) or not {theirs.ends[1]} <= set(added):
            continue
        bonds = [(a, b, order) for a, b, order in zip(mine.ends, ends, mine.orders, strict=True)]
        return _join(one, kept, other, added, bonds)
    return None


def _join(
    one: _Parent, mine: list[int], other: _Parent, theirs: list[int], bonds: list[tuple[int, int, int]]
) -> _Joined:
    """Join the kept atoms of two parents by bonds (an atom of the one, an atom of the other, order)."""
    child = Chem.RWMol(one.mol)
    child.InsertMol(other.mol)
    for a, b, order in bonds:
        clear_chirality(child.GetAtomWithIdx(a))
        clear_chirality(child.GetAtomWithIdx(one.size + b))
        child.AddBond(a, one.size + b, ORDERS[order])
    kept = {*mine, *(one.size + b for b in theirs)}
    remove_atoms(child, [index for index in range(child.GetNumAtoms()) if index not in kept])
    return child, len(mine), len(theirs)


def _write_sound(children: Sequence[_Child | None], limits: _Limits) -> list[str | None]:
    """Write the canonical SMILES of each child; None where it breaks a limit or a rule that its parents keep."""
    sound = [row for row, child in enumerate(children) if child is not None and _is_sound(child, limits)]
    some = [child for row in sound if (child := children[row]) is not None]
    allowed = [
        frozenset[str]().union(*(p.odd for p in child.parents)) if limits.allowed is None else limits.allowed
        for child in some
    ]
    written: list[str | None] = [None] * len(children)
    for row, child, odd in zip(sound, some, name_first_unusual_of_each([c.mol for c in some], allowed), strict=True):
        if odd is None:
            written[row] = _write(child)
    return written


def _is_sound(child: _Child, limits: _Limits) -> bool:
    """Sanitize a child, and say whether it keeps the limits of size, elements and charge."""
    mol = child.mol
    if not limits.min_atoms <= mol.GetNumAtoms() <= limits.max_atoms:
        return False
    if Chem.SanitizeMol(mol, catchErrors=True) != Chem.SanitizeFlags.SANITIZE_NONE:
        return False
    if mol.HasSubstructMatch(limits.forbidden):
        return False
    charge = Chem.GetFormalCharge(mol)
    return not charge or charge in {p.charge for p in child.parents}


def _write(child: _Child) -> str | None:
    if not any(p.stereo for p in child.parents):
        return str(Chem.MolToSmiles(child.mol))
    Chem.AssignStereochemistry(child.mol, cleanIt=True, force=True)
    again = Chem.MolFromSmiles(Chem.MolToSmiles(child.mol))  # once around: stereo can change on the second reading
    return None if again is None else str(Chem.MolToSmiles(again))


@functools.cache
def _match_others(numbers: tuple[int, ...]) -> Mol:
    """Make a pattern of any atom of another element than these."""
    return Chem.MolFromSmarts("[" + "&".join(f"!#{number}" for number in numbers) + "]")


@functools.lru_cache(maxsize=1500)  # some 40 kB each; a population and what it was shortly before
def _read(smiles: str) -> _Parent | None:
    mol = Chem.MolFromSmiles(smiles)
    if mol is None or mol.GetNumAtoms() < 2 or len(Chem.GetMolFrags(mol)) != 1:
        return None
    editable = kekulize(mol)
    rings = mol.GetRingInfo()
    neighbors: list[list[int]] = [[] for _ in range(mol.GetNumAtoms())]
    for bond in mol.GetBonds():
        neighbors[bond.GetBeginAtomIdx()].append(bond.GetEndAtomIdx())
        neighbors[bond.GetEndAtomIdx()].append(bond.GetBeginAtomIdx())
    charged = {atom.GetIdx() for atom in mol.GetAtoms() if atom.GetFormalCharge()}
    return _Parent(
        smiles=smiles,
        mol=editable,
        size=mol.GetNumAtoms(),
        charge=Chem.GetFormalCharge(mol),
        ring_sizes=frozenset(map(len, rings.AtomRings())),
        stereo="@" in smiles,
        neighbors=tuple(map(tuple, neighbors)),
        cuts=tuple((a, b) for a, b in mol.GetSubstructMatches(_CUT) if not {a, b} <= charged),
        ring_cuts=tuple(_list_ring_cuts(editable, charged)),
    )


def _list_ring_cuts(mol: RWMol, charged: set[int]) -> Iterator[_RingCut]:
    """List the pairs of bonds of a ring that stand in no other ring, from the view of either piece."""
    rings = mol.GetRingInfo()
    for ring in rings.AtomRings():
        size = len(ring)
        pairs = [(ring[i], ring[(i + 1) % size]) for i in range(size)]
        bonds = [mol.GetBondBetweenAtoms(*pair) for pair in pairs]
        usable = [
            i
            for i, bond in enumerate(bonds)
            if rings.NumBondRings(bond.GetIdx()) == 1
            and not set(pairs[i]) <= charged
            and bond.GetBondTypeAsDouble() < 3
        ]
        for first, second in itertools.combinations(usable, 2):
            orders = (int(bonds[first].GetBondTypeAsDouble()), int(bonds[second].GetBondTypeAsDouble()))
            inner, outer = (pairs[first][1], pairs[second][0]), (pairs[first][0], pairs[second][1])
            yield _RingCut(inner, orders, second - first, outer)
            yield _RingCut(outer, orders, size - (second - first), inner)
