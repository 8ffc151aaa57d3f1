"""Reads scaffolds with attachment points, finds them in molecules, and attaches groups to them.

A scaffold is a structure that is kept as it is. Its attachment points (`[*:1]` in SMILES) are the only places where a molecule
may have more than the scaffold. A scaffold without attachment points may grow anywhere. Two or more parts with one point each
("A.B") are to be linked. Inside, a point is a dummy atom whose isotope is the point's number: the stereo of a center that bears
two points is then defined.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from rdkit import Chem, rdBase
from rdkit.Chem import Mol, RWMol

from chem_vae.errors import UserError
from pipeline.chemistry.variation.attachment_points import (
    POINT,
    find_lowest_label,
    list_labels,
    take_part,
    write_again,
    write_bare,
    write_part,
    write_points,
)

MOST_MATCHES = 200  # placements of a scaffold in one molecule that are looked at


@dataclass(frozen=True)
class Placement:
    """The place of a scaffold in a molecule."""

    atoms: tuple[int, ...]
    """The atoms of the molecule that are the scaffold."""
    base: Mol
    """The scaffold as it is in the molecule, with a dummy atom for each bond to a group."""
    groups: tuple[str, ...]
    """SMILES of the groups, each with the dummy atoms by which it is bound ([1*], [2*] ...), by their lowest number."""

    def describe(self) -> dict[str, str]:
        """Return the groups as chemists write them: "R1" -> "[*:1]OC"; "R1,R2" for one that is bound at two points."""
        found = {}
        for group in self.groups:
            labels = sorted(set(list_labels(Chem.MolFromSmiles(group))))
            found[",".join(f"R{label}" for label in labels)] = write_points(group)
        return found


class Scaffold:
    """A structure to keep.

    Args:
        text: SMILES, with attachment points as [*:1], [1*], [R1] or *; parts to link have dots between.

    Raises:
        UserError: It cannot be read, or its attachment points are impossible.
    """

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        self.mol = _read(self.text)
        self.points = tuple(sorted(list_labels(self.mol)))
        """The numbers of the attachment points."""
        self.parts = len(Chem.GetMolFrags(self.mol))
        """The number of its parts; two and more are to be linked."""
        _check_points(self)

    def __repr__(self) -> str:
        return f"Scaffold({self.text!r})"

    @property
    def size(self) -> int:
        """The number of heavy atoms, attachment points not counted."""
        return int(self.mol.GetNumAtoms()) - len(self.points)

    @cached_property
    def bare(self) -> str:
        """The SMILES with hydrogen at every attachment point; parts have dots between."""
        return write_bare(self.mol)

    @cached_property
    def query(self) -> Mol:
        """The pattern of the scaffold's own atoms, with the number of their bonds where there are attachment points."""
        pattern = RWMol(self.mol)
        for atom in self.mol.GetAtoms():
            if not atom.GetAtomicNum():
                continue
            kind = "a" if atom.GetIsAromatic() else "A"
            text = f"#{atom.GetAtomicNum()}&{kind}&{atom.GetFormalCharge():+d}"
            if atom.GetIsotope():
                text += f"&{atom.GetIsotope()}*"
            if self.points:
                text += f"&D{atom.GetDegree()}&H{atom.GetTotalNumHs()}"
            pattern.ReplaceAtom(atom.GetIdx(), Chem.AtomFromSmarts(f"[{text}]"))
        dummies = [atom.GetIdx() for atom in self.mol.GetAtoms() if not atom.GetAtomicNum()]
        pattern.BeginBatchEdit()
        for index in dummies:
            pattern.RemoveAtom(index)
        pattern.CommitBatchEdit()
        return pattern.GetMol()

    @cached_property
    def _orders(self) -> list[list[tuple[int, ...]]]:
        """The numbers of the attachment points of each atom of the query; in every order where they make a stereocenter."""
        ends = [
            tuple(n.GetIsotope() for n in atom.GetNeighbors() if not n.GetAtomicNum())
            for atom in self.mol.GetAtoms()
            if atom.GetAtomicNum()
        ]
        if self._stereo is None:
            return [ends]
        return [list(order) for order in itertools.product(*(itertools.permutations(some) for some in ends))]

    @cached_property
    def _stereo(self) -> _Stereo | None:
        return _Stereo.read(self.mol)

    def place(self, mol: Mol) -> Placement | None:
        """Find the scaffold in a sanitized molecule.

        Returns:
            The first place where all is kept: atoms, charges, stereo where the scaffold defines it, and, where there are
            attachment points, exactly one bond to something else at each of them and none elsewhere. None where there is no
            such place.
        """
        every = self._stereo is not None or self.parts > 1
        for match in mol.GetSubstructMatches(self.query, uniquify=not every, maxMatches=MOST_MATCHES):
            for ends in self._orders:
                if (found := self._cut(mol, match, ends)) is not None:
                    return found
        return None

    def is_in(self, mol: Mol) -> bool:
        """Whether a sanitized molecule keeps the scaffold."""
        return self.place(mol) is not None

    def _cut(self, mol: Mol, match: tuple[int, ...], ends: list[tuple[int, ...]]) -> Placement | None:
        kept = dict(zip(match, range(len(match)), strict=True))
        free = {atom: list(ends[k]) for atom, k in kept.items()}
        cuts: list[int] = []
        labels: list[tuple[int, int]] = []
        inside, unlabelled = 0, iter(range(1, mol.GetNumBonds() + 1))
        for bond in mol.GetBonds():
            within = [end for end in (bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) if end in kept]
            if len(within) == 2:
                inside += 1
            elif within:
                if bond.GetBondType() != Chem.BondType.SINGLE:
                    return None
                if self.points and not free[within[0]]:
                    return None
                label = free[within[0]].pop(0) if self.points else next(unlabelled)
                cuts.append(bond.GetIdx())
                labels.append((label, label))
        if self.points and (len(cuts) < len(self.points) or inside != self.query.GetNumBonds()):
            return None
        if not cuts:
            return Placement(match, Mol(mol), ())
        pieces = Chem.FragmentOnBonds(mol, cuts, addDummies=True, dummyLabels=labels)
        if self._stereo is not None and not self._stereo.holds(pieces, match, bool(self.points)):
            return None
        base, groups = None, []
        for atoms in Chem.GetMolFrags(pieces):
            if kept.keys() & set(atoms):
                base = [*(base or []), *atoms]
            else:
                groups.append(write_part(pieces, atoms))
        assert base is not None
        return Placement(match, take_part(pieces, base), tuple(sorted(groups, key=find_lowest_label)))


@dataclass(frozen=True)
class _Stereo:
    """The stereo that a scaffold defines, to compare with that of a molecule."""

    centers: frozenset[int]
    """The atoms of the query with a defined configuration."""
    bonds: frozenset[frozenset[int]]
    """The double bonds (pairs of atoms of the query) with a defined geometry."""
    smiles: str
    """With attachment points."""
    bare: str
    """Without them."""

    @classmethod
    def read(cls, mol: Mol) -> _Stereo | None:
        own = [atom.GetIdx() for atom in mol.GetAtoms() if atom.GetAtomicNum()]
        number = {index: k for k, index in enumerate(own)}
        unset = Chem.ChiralType.CHI_UNSPECIFIED
        centers = frozenset(number[i] for i in own if mol.GetAtomWithIdx(i).GetChiralTag() != unset)
        bonds = frozenset(
            frozenset((number[b.GetBeginAtomIdx()], number[b.GetEndAtomIdx()]))
            for b in mol.GetBonds()
            if b.GetStereo() > Chem.BondStereo.STEREOANY
        )
        if not centers and not bonds:
            return None
        return cls(centers, bonds, write_again(mol), write_bare(mol))

    def holds(self, pieces: Mol, match: Sequence[int], pointed: bool) -> bool:
        """Whether the cut molecule has, at the matched atoms, the stereo that the scaffold defines."""
        kept = [a for atoms in Chem.GetMolFrags(pieces) if set(atoms) & set(match) for a in atoms]
        number = {index: k for k, index in enumerate(match)}
        copy = RWMol(pieces)
        for index in kept:
            if number.get(index) not in self.centers:
                copy.GetAtomWithIdx(index).SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)
        for bond in copy.GetBonds():
            ends = frozenset(number.get(i, -1) for i in (bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()))
            if ends not in self.bonds:
                bond.SetStereo(Chem.BondStereo.STEREONONE)
        part = take_part(copy, kept)
        return (write_again(part) == self.smiles) if pointed else (write_bare(part) == self.bare)


# -- reading -----------------------------------------------------------------------------------------------------------------


def _read(text: str) -> Mol:
    """Read the SMILES of a scaffold, with every attachment point as a dummy atom with its number as isotope."""
    used = [int(number) for found in POINT.findall(text) if (number := found[0] or found[1])]
    several = text.count(".") > 0
    if twice := [number for number, count in Counter(used).items() if count > 1]:
        if not several:
            raise UserError(f"the scaffold {text!r} has two attachment points with the number {twice[0]}")
        used = []  # parts to link are often written with the same number at both ends
    taken = iter(n for n in range(1, 1000) if n not in used)
    kept = set(used)

    def rename(found: re.Match[str]) -> str:
        number = int(found[1] or found[2] or 0)
        return f"[{number if number in kept else next(taken)}*]"

    smiles = POINT.sub(rename, text)
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles) if text else None
        if mol is not None and mol.GetNumAtoms():
            return mol
        rough = Chem.MolFromSmiles(smiles, sanitize=False)
        if rough is not None and rough.GetNumAtoms():
            problems = [problem.Message() for problem in Chem.DetectChemistryProblems(rough)]
            raise UserError(
                f"the scaffold {text!r} is no possible structure: {'; '.join(problems) or 'unknown reason'}"
            )
        is_pattern = bool(text) and Chem.MolFromSmarts(text) is not None
    if is_pattern:
        raise UserError(
            f"the scaffold {text!r} is a pattern that stands for several structures; write one structure as SMILES, as in "
            "'O=C(N[*:1])c1ccc([*:2])cc1', or ask for the pattern with must_contain"
        )
    raise UserError(
        f"the scaffold {text!r} cannot be read as SMILES; write attachment points as in 'O=C(N[*:1])c1ccc([*:2])cc1'"
    )


def _check_points(scaffold: Scaffold) -> None:
    """Raise UserError where the attachment points are impossible."""
    text, mol = scaffold.text, scaffold.mol
    if not scaffold.size:
        raise UserError(f"the scaffold {text!r} has no atoms besides its attachment points")
    for atom in mol.GetAtoms():
        if atom.GetNumRadicalElectrons():
            raise UserError(
                f"the scaffold {text!r} has an unpaired electron at {atom.GetSymbol()}; write its hydrogens"
            )
        if atom.GetAtomicNum():
            continue
        name = f"the attachment point [*:{atom.GetIsotope()}] of the scaffold {text!r}"
        if atom.GetDegree() != 1:
            raise UserError(f"{name} is bound to {atom.GetDegree()} atoms; bind it to one, by a single bond")
        if not atom.GetNeighbors()[0].GetAtomicNum():
            raise UserError(f"{name} is bound to another attachment point, not to an atom")
        if atom.GetBonds()[0].GetBondType() != Chem.BondType.SINGLE:
            raise UserError(f"{name} is bound by a bond that is not single; only single bonds can be attached to")
    if scaffold.parts > 1:
        for part in Chem.GetMolFrags(mol, asMols=True):
            count = len(list_labels(part))
            if count != 1:
                named = write_points(Chem.MolToSmiles(part))
                raise UserError(
                    f"the part {named} of the scaffold {text!r} has {count} attachment points; parts to link have one each, as "
                    "in 'c1ccccc1[*:1].C1CCNCC1[*:2]'"
                )
    elif not scaffold.points and not any(atom.GetTotalNumHs() for atom in mol.GetAtoms()):
        raise UserError(f"the scaffold {text!r} has no hydrogen that a group could take the place of")
