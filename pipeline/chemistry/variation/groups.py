"""Cuts groups out of molecules, and knows in which surroundings each was seen: what may stand at an attachment point.

A group is bound at one point (a substituent), two (a linker) or more. Single bonds outside of rings are cut, as in matched
molecular pairs (Hussain & Rea 2010, doi:10.1021/ci900450m). With each group goes the site, which is the atom that it was bound
to and the neighbors of that atom, so that a group comes only where the data has it at such an atom.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rdkit import Chem
from rdkit.Chem import Atom, Bond, Mol

from pipeline.chemistry.variation.attachment_points import write_part

MOST_ATOMS = 14  # heavy atoms of a group
ENOUGH = 40  # groups seen at alike sites, below which less alike sites count too
_SHARES = (0.75, 0.2, 0.05)  # the weight of groups seen at such sites, at such atoms, anywhere
MOST_CUTS = 12  # bonds of one molecule that are cut in all combinations


class Site(NamedTuple):
    """The surroundings of an attachment point, without what is attached."""

    near: str
    """The atom and its neighbors."""
    atom: str
    """The atom alone."""

    @classmethod
    def of(cls, atom: Atom, beyond: int) -> Site:
        """Describe an atom without its neighbor `beyond`, which is what is attached."""
        others = [b for b in atom.GetBonds() if b.GetOtherAtomIdx(atom.GetIdx()) != beyond]
        others = [b for b in others if b.GetOtherAtom(atom).GetAtomicNum()]
        orders = sorted(int(b.GetBondTypeAsDouble() * 2) for b in others if b.GetBondTypeAsDouble() != 1)
        own = f"{_name(atom)}{'r' if atom.IsInRing() else ''}{orders}"
        return cls(own + "".join(sorted(_name(b.GetOtherAtom(atom)) for b in others)), own)


class Groups:
    """The groups of molecules by the sites at which they were seen.

    Args:
        mols: Sanitized molecules.
        points: The number of bonds of a group.
        most_atoms: The most heavy atoms of a group.
    """

    def __init__(self, mols: Iterable[Mol], points: int = 1, most_atoms: int = MOST_ATOMS) -> None:
        self.points = points
        self._near: defaultdict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
        self._atom: defaultdict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
        self._all: Counter[str] = Counter()
        for mol in mols:
            for group, sites in cut_groups(mol, points, most_atoms):
                for order in itertools.permutations(range(points)):
                    named = _relabel(group, order)
                    self._near[tuple(sites[i].near for i in order)][named] += 1
                    self._atom[tuple(sites[i].atom for i in order)][named] += 1
                    self._all[named] += 1

    def __len__(self) -> int:
        return len(self._all)

    def select(self, sites: Sequence[Site], enough: int = ENOUGH) -> dict[str, float]:
        """Select the groups for one site for each point, [1*] for the first, with their weights, which sum up to about 1.

        Where fewer than `enough` were seen at such sites, those at such atoms are taken, too, with less weight, and then all.
        """
        weights: defaultdict[str, float] = defaultdict(float)
        nearest = (
            self._near.get(tuple(s.near for s in sites)),
            self._atom.get(tuple(s.atom for s in sites)),
            self._all,
        )
        for some, share in zip(nearest, _SHARES, strict=True):
            if some:
                total = some.total()
                for group, count in some.items():
                    weights[group] += share * count / total
            if len(weights) >= enough:
                break
        merged: defaultdict[str, float] = defaultdict(float)
        for group, weight in weights.items():
            merged[Chem.CanonSmiles(group) if self.points > 1 else group] += weight
        return dict(sorted(merged.items(), key=lambda item: (-item[1], item[0])))


def list_sites(mol: Mol) -> dict[int, Site]:
    """List the sites of the attachment points (dummy atoms) of a scaffold, by their number (isotope)."""
    dummies = [atom for atom in mol.GetAtoms() if not atom.GetAtomicNum()]
    return {d.GetIsotope(): Site.of(d.GetNeighbors()[0], d.GetIdx()) for d in dummies}


def cut_groups(mol: Mol, points: int, most_atoms: int = MOST_ATOMS) -> list[tuple[str, tuple[Site, ...]]]:
    """Cut a molecule at so many bonds in every way.

    Returns:
        The groups that are bound by all of the cut bonds, as SMILES with the dummy atoms [1*], [2*] ..., and their sites.
    """
    bonds = [bond for bond in mol.GetBonds() if is_attachment(bond)][:MOST_CUTS]
    found = []
    for chosen in itertools.combinations(bonds, points):
        labels = [(n, n) for n in range(1, points + 1)]
        pieces = Chem.FragmentOnBonds(mol, [b.GetIdx() for b in chosen], addDummies=True, dummyLabels=labels)
        for atoms in Chem.GetMolFrags(pieces):
            inside = set(atoms)
            heavy = sum(1 for i in atoms if i < mol.GetNumAtoms())
            if len(atoms) - heavy != points or heavy > most_atoms:
                continue
            sites = []
            for bond in chosen:
                begin, end = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
                own, other = (begin, end) if begin in inside else (end, begin)
                sites.append(Site.of(mol.GetAtomWithIdx(other), own))
            found.append((write_part(pieces, atoms), tuple(sites)))
    return found


def is_attachment(bond: Bond) -> bool:
    """Whether a bond joins two parts of a molecule that chemists would exchange: single, outside of rings, not within a functional
    group of heteroatoms such as nitro or hydrazine."""
    if bond.GetBondType() != Chem.BondType.SINGLE or bond.IsInRing():
        return False
    begin, end = bond.GetBeginAtom(), bond.GetEndAtom()
    if begin.GetFormalCharge() and end.GetFormalCharge():
        return False
    numbers = {begin.GetAtomicNum(), end.GetAtomicNum()}
    return bool(numbers & {6, 15, 16}) and 0 not in numbers


@functools.lru_cache(maxsize=50_000)
def count_heavy(group: str) -> int:
    """Count the heavy atoms of a group, its dummy atoms not counted."""
    return sum(1 for atom in Chem.MolFromSmiles(group).GetAtoms() if atom.GetAtomicNum())


def relabel(group: str, labels: Sequence[int]) -> str:
    """Give the dummy atoms [1*], [2*] ... of a group these numbers instead."""
    return re.sub(r"\[(\d+)\*\]", lambda found: f"[{labels[int(found[1]) - 1]}*]", group)


def _relabel(group: str, order: Sequence[int]) -> str:
    if len(order) == 1:
        return group
    return relabel(group, [order.index(i) + 1 for i in range(len(order))])


def _name(atom: Atom) -> str:
    """Name an atom by element, aromaticity, charge, and whether it is doubly bound to a heteroatom (an acyl carbon)."""
    charge = atom.GetFormalCharge()
    text = atom.GetSymbol().lower() if atom.GetIsAromatic() else atom.GetSymbol()
    acyl = not atom.GetIsAromatic() and any(
        b.GetBondTypeAsDouble() == 2 and b.GetOtherAtom(atom).GetAtomicNum() not in (0, 1, 6) for b in atom.GetBonds()
    )
    return text + (f"{charge:+d}" if charge else "") + ("=" if acyl else "")
