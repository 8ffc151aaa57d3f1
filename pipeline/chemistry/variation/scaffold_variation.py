"""Makes new structures around a scaffold: its groups are mutated, crossed, exchanged, drawn anew, and never the scaffold itself.

A molecule is taken apart into the scaffold and its groups. Only the groups are changed, with the mutations of
`pipeline.chemistry.variation.mutations`, and are attached again. So each child holds the scaffold as it is, with its stereo and its
charges, and has something else at the attachment points alone.
"""

from __future__ import annotations

import functools
import itertools
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from rdkit import Chem, rdBase
from rdkit.Chem import Mol

from chem_vae.errors import UserError
from pipeline.chemistry.filters.structure_filters import has_unusual_motif, learn_usual
from pipeline.chemistry.variation.attachment_points import attach, close_point, list_labels, open_atom, take_part
from pipeline.chemistry.variation.graph_edits import Elements, kekulize, read_elements, refresh
from pipeline.chemistry.variation.groups import Site, is_attachment, list_sites, relabel
from pipeline.chemistry.variation.mutations import mutate
from pipeline.chemistry.variation.scaffolds import Scaffold

_ATTEMPTS = 20  # at one child
_BOND = 999  # the isotope of the dummy atoms at a bond of a group that is cut to cross it
Choose = Callable[[Sequence[Site]], Mapping[str, float]]
"""Chooses groups with their weights for sites, as `pipeline.chemistry.variation.groups.Groups.select` does."""


@dataclass(frozen=True)
class _Parent:
    """A molecule that keeps the scaffold, taken apart."""

    smiles: str
    """The SMILES in the form in which the caller gave it."""
    canonical: str
    base: Mol
    groups: tuple[str, ...]
    odd: frozenset[str]


class ScaffoldVariation:
    """Varies molecules around one scaffold.

    Args:
        scaffold: What every child keeps.
        elements: Symbols, or symbols with weights, that the atoms of groups may have.
        max_atoms: The most heavy atoms of a child.
        choose: Groups for a site, where there are known ones.
        allowed: Unusual motifs that a child may have, besides those of the scaffold; None: any.

    Raises:
        UserError: If `elements` cannot be used.
    """

    def __init__(
        self,
        scaffold: Scaffold,
        *,
        elements: Sequence[str] | Mapping[str, float] = ("C", "N", "O", "F", "S", "Cl", "Br"),
        max_atoms: int = 50,
        choose: Choose | None = None,
        allowed: Collection[str] | None = (),
    ) -> None:
        self.scaffold, self.max_atoms = scaffold, max_atoms
        self.palette: Elements = read_elements(elements)
        self.allowed = None if allowed is None else learn_usual(list_capped(scaffold)) | set(allowed)
        self._numbers = {*self.palette.numbers, *(atom.GetAtomicNum() for atom in scaffold.mol.GetAtoms())}
        self._choose = choose
        self._read = functools.lru_cache(maxsize=3000)(self._take_apart)
        self._known = functools.lru_cache(maxsize=200)(self._list_known)

    def vary(self, parents: Sequence[str], n: int, seed: int, rank_weight: float = 0.1) -> list[tuple[str | None, str]]:
        """Make n children of parents, best first; parents without the scaffold are passed over.

        No child is among the parents, none comes twice. The same arguments give the same children.

        Returns:
            n pairs: the canonical SMILES of a child, or None where no attempt gave one, and its parent.

        Raises:
            UserError: No parent keeps the scaffold.
        """
        rng = random.Random(seed)
        with rdBase.BlockLogs():
            pool = [parent for parent in map(self._read, parents) if parent is not None]
            if not pool:
                raise UserError(
                    f"none of the parents holds the scaffold {self.scaffold.text}: there is nothing to vary"
                )
            shift = max(rank_weight * len(pool), 1e-9)
            bounds = list(itertools.accumulate(1 / (shift + rank) for rank in range(len(pool))))
            seen = {parent.canonical for parent in pool}
            children: list[tuple[str | None, str]] = []
            for _ in range(n):
                child, parent = None, pool[0]
                for _ in range(_ATTEMPTS):
                    parent, other = rng.choices(pool, cum_weights=bounds, k=2)
                    child = self._make_child(parent, other, rng)
                    if child is not None and child not in seen:
                        seen.add(child)
                        break
                    child = None
                children.append((child, parent.smiles))
            return children

    def build(self, base: Mol, groups: Sequence[str], more: frozenset[str] = frozenset()) -> Mol | None:
        """Attach groups to the scaffold; None where the molecule is too large, unusual, or does not keep the scaffold.

        more: further unusual motifs that it may have.
        """
        mol = attach(base, groups)
        if mol is None or mol.GetNumAtoms() > self.max_atoms:
            return None
        if any(atom.GetAtomicNum() not in self._numbers for atom in mol.GetAtoms()):
            return None
        if self.allowed is not None and has_unusual_motif(mol, self.allowed | more):
            return None
        return mol if self.scaffold.is_in(mol) else None

    # -- children ------------------------------------------------------------------------------------------------------

    def _make_child(self, parent: _Parent, other: _Parent, rng: random.Random) -> str | None:
        base, groups = parent.base, list(parent.groups)
        if not self.scaffold.points and (not groups or rng.random() < 0.3):
            changed = self._change_places(parent, rng)
            if changed is None:
                return None
            base, groups = changed
        else:
            for _ in range(1 if rng.random() < 0.8 else 2):
                which = rng.randrange(len(groups))
                group = self._change_group(base, groups[which], other.groups, rng)
                if group is None:
                    return None
                groups[which] = group
        mol = self.build(base, groups, parent.odd | other.odd)
        return None if mol is None else str(Chem.MolToSmiles(mol))

    def _change_group(self, base: Mol, group: str, others: Sequence[str], rng: random.Random) -> str | None:
        """Mutate a group, cross it, or replace it by one of another parent or by one that was seen at such a site."""
        labels = _labels_of(group)
        drawn = rng.random()
        if drawn < 0.5:
            return _mutate(group, self.palette, rng)
        fitting = [o for o in others if len(_labels_of(o)) == len(labels)]
        if drawn < 0.65 and fitting:
            return _rename(rng.choice(fitting), labels)
        if drawn < 0.8 and others:
            return _cross(group, rng.choice(others), rng)
        known = self._known(Chem.MolToSmiles(base), labels)
        if not known[0]:
            return _mutate(group, self.palette, rng)
        return relabel(rng.choices(known[0], cum_weights=known[1])[0], labels)

    def _change_places(self, parent: _Parent, rng: random.Random) -> tuple[Mol, list[str]] | None:
        """Grow a bare scaffold at one more atom, or move or drop one of its groups."""
        mol = Chem.MolFromSmiles(parent.smiles)
        placed = self.scaffold.place(mol)
        assert placed is not None
        single = [group for group in placed.groups if len(_labels_of(group)) == 1]
        kind = rng.random()
        base, groups = placed.base, list(placed.groups)
        if single and kind < 0.5:  # take one off
            gone = rng.choice(single)
            groups.remove(gone)
            base = close_point(base, _labels_of(gone)[0])
            if kind < 0.15:
                return (base, groups) if groups else None
        else:
            gone = None
        label = max(list_labels(base), default=0) + 1
        opened = _open_one(base, label, rng)
        if opened is None:
            return None
        if gone is not None:
            return opened, [*groups, _rename(gone, (label,))]
        known = self._known(Chem.MolToSmiles(opened), (label,))
        new = rng.choices(known[0], cum_weights=known[1])[0] if known[0] else "[1*]C"
        return opened, [*groups, relabel(new, (label,))]

    def _list_known(self, base: str, labels: tuple[int, ...]) -> tuple[list[str], list[float]]:
        """List the groups known for sites of the scaffold, and their weights added up."""
        if self._choose is None:
            return [], []
        sites = list_sites(Chem.MolFromSmiles(base))
        found = self._choose([sites[label] for label in labels])
        return list(found), list(itertools.accumulate(found.values()))

    def _take_apart(self, smiles: str) -> _Parent | None:
        mol = Chem.MolFromSmiles(smiles)
        placed = None if mol is None else self.scaffold.place(mol)
        if placed is None or (self.scaffold.points and not placed.groups):
            return None
        return _Parent(smiles, str(Chem.MolToSmiles(mol)), placed.base, placed.groups, learn_usual([mol]))


def list_capped(scaffold: Scaffold) -> list[Mol]:
    """List the parts of a scaffold as molecules, with hydrogen at the attachment points, and with carbon: what is unusual in them is the
    scaffold's own."""
    capped = Chem.RWMol(scaffold.mol)
    for atom in capped.GetAtoms():
        if not atom.GetAtomicNum():
            atom.SetAtomicNum(6)
            atom.SetIsotope(0)
    parts = [part for text in (scaffold.bare, Chem.MolToSmiles(capped)) for part in text.split(".")]
    with rdBase.BlockLogs():
        return [mol for mol in map(Chem.MolFromSmiles, dict.fromkeys(parts)) if mol is not None]


# -- one group ---------------------------------------------------------------------------------------------------------------


def _labels_of(group: str) -> tuple[int, ...]:
    return _read_group(group)[1]


@functools.lru_cache(maxsize=5000)
def _read_group(group: str) -> tuple[Mol, tuple[int, ...]]:
    mol = Chem.MolFromSmiles(group)
    return mol, tuple(sorted(list_labels(mol)))


def _rename(group: str, labels: Sequence[int]) -> str:
    """Give the dummy atoms of a group other numbers, in their order."""
    own = _labels_of(group)
    places = [0] * max(own)
    for label, new in zip(own, labels, strict=True):
        places[label - 1] = new
    return relabel(group, places)


def _mutate(group: str, palette: Elements, rng: random.Random) -> str | None:
    mol, labels = _read_group(group)
    changed = kekulize(mol)
    refresh(changed)
    if not mutate(changed, palette, rng):
        return None
    if rng.random() < 0.2:
        refresh(changed)
        if not mutate(changed, palette, rng):
            return None
    if Chem.SanitizeMol(changed, catchErrors=True) != Chem.SanitizeFlags.SANITIZE_NONE:
        return None
    dummies = [atom for atom in changed.GetAtoms() if not atom.GetAtomicNum()]
    if tuple(sorted(atom.GetIsotope() for atom in dummies)) != labels or changed.GetNumAtoms() == len(dummies):
        return None
    if any(atom.GetDegree() != 1 for atom in dummies) or len(Chem.GetMolFrags(changed)) > 1:
        return None
    return str(Chem.MolToSmiles(changed))


def _cross(group: str, other: str, rng: random.Random) -> str | None:
    """Join the bound end of a group with a free end of another."""
    mine, theirs = _cut_once(group, True, rng), _cut_once(other, False, rng)
    joined = _join(mine, theirs) if mine and theirs else None
    return (
        None if joined is None or tuple(sorted(list_labels(joined))) != _labels_of(group) else Chem.MolToSmiles(joined)
    )


def _join(one: str, other: str) -> Mol | None:
    """Join two parts at their dummy atoms of the isotope _BOND; other dummy atoms stay."""
    parameters = Chem.MolzipParams()
    parameters.label = Chem.MolzipLabel.Isotope
    try:
        mol = Chem.molzip(Chem.MolFromSmiles(f"{one}.{other}"), parameters)
        Chem.SanitizeMol(mol)
    except Exception:  # RDKit's C++ exceptions have no common base
        return None
    return mol if len(Chem.GetMolFrags(mol)) == 1 else None


def _cut_once(group: str, bound: bool, rng: random.Random) -> str | None:
    """Cut a group at a bond and return the end that has all of its points, or one that has none."""
    mol, labels = _read_group(group)
    bonds = [b for b in mol.GetBonds() if is_attachment(b)]
    if not bonds:
        return None
    bond = rng.choice(bonds)
    pieces = Chem.FragmentOnBonds(mol, [bond.GetIdx()], addDummies=True, dummyLabels=[(_BOND, _BOND)])
    for atoms in Chem.GetMolFrags(pieces):
        part = take_part(pieces, atoms)
        own = tuple(sorted(label for label in list_labels(part) if label != _BOND))
        if own == (labels if bound else ()):
            return str(Chem.MolToSmiles(part))
    return None


def _open_one(base: Mol, label: int, rng: random.Random) -> Mol | None:
    """Put a dummy atom in the place of a hydrogen of an atom of the scaffold that is drawn."""
    open_atoms = [a.GetIdx() for a in base.GetAtoms() if a.GetAtomicNum() and a.GetTotalNumHs()]
    return open_atom(base, rng.choice(open_atoms), label) if open_atoms else None
