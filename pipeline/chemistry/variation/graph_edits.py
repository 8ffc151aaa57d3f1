"""Draws the places where a structure can be changed, and makes the few edits that every change consists of.

All functions work on an editable molecule in Kekulé form (`kekulize`), with hydrogens and rings counted (`refresh`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from rdkit import Chem
from rdkit.Chem import Atom, Bond, Mol, RWMol

from chem_vae.errors import UserError
from pipeline.chemistry.standardization.standardize import read_atomic_number

ORDERS = (Chem.BondType.ZERO, Chem.BondType.SINGLE, Chem.BondType.DOUBLE, Chem.BondType.TRIPLE)
"""RDKit's bond types by their order."""
TRIES = 12  # places looked at before a change is given up


@dataclass(frozen=True)
class Elements:
    """The elements that a change may use, and their weights."""

    numbers: tuple[int, ...]
    """Atomic numbers, none twice."""
    weights: tuple[float, ...]
    valences: tuple[int, ...]
    """The most bonds that a new atom of the element makes."""

    def draw(self, rng: random.Random, bonds: int, unlike: int = 0) -> int | None:
        """Draw the atomic number of an element, other than `unlike`, that can make so many bonds; None where there is none."""
        pairs = [
            (z, w)
            for z, w, v in zip(self.numbers, self.weights, self.valences, strict=True)
            if v >= bonds and z != unlike
        ]
        if not pairs:
            return None
        return rng.choices([z for z, _ in pairs], [w for _, w in pairs])[0]

    def valence(self, number: int) -> int:
        """Return the valence of an element; 0 where it is not among them."""
        return self.valences[self.numbers.index(number)] if number in self.numbers else 0


_USUAL = {"C": 50.0, "N": 15.0, "O": 15.0, "F": 6.0, "S": 6.0, "Cl": 5.0, "Br": 2.0}


def read_elements(symbols: Sequence[str] | Mapping[str, float]) -> Elements:
    """Read element symbols, with weights of one's own or with those of drug-like molecules.

    Raises:
        UserError: If a symbol is no element, if a weight is not positive, or if there is no symbol.
    """
    weights = symbols if isinstance(symbols, Mapping) else {s: _USUAL.get(s, 1.0) for s in symbols}
    numbers = [read_atomic_number(symbol) for symbol in weights]
    for symbol, weight in weights.items():
        if not weight > 0:
            raise UserError(f"the weight of {symbol} in `elements` is {weight}; leave the element out, or give it more")
    if not numbers:
        raise UserError("`elements` is empty: name the elements that structures may have, such as C, N, O")
    table = Chem.GetPeriodicTable()
    valences = (table.GetDefaultValence(number) for number in numbers)  # -1 for metals, which are never added
    return Elements(tuple(numbers), tuple(weights.values()), tuple(max(valence, 0) for valence in valences))


def kekulize(mol: Mol) -> RWMol:
    """Copy a molecule for editing: without aromatic flags and double-bond geometry, with hydrogens implied where the usual
    valence implies them."""
    copy = Chem.RWMol(mol)
    Chem.Kekulize(copy, clearAromaticFlags=True)
    bracketed = [(atom, atom.GetTotalNumHs()) for atom in copy.GetAtoms() if atom.GetNoImplicit()]
    for atom, _ in bracketed:
        atom.SetNoImplicit(False)
        atom.SetNumExplicitHs(0)
    for bond in copy.GetBonds():
        bond.SetStereo(Chem.BondStereo.STEREONONE)
        bond.SetBondDir(Chem.BondDir.NONE)
    copy.UpdatePropertyCache(False)
    for atom, hydrogens in bracketed:
        if atom.GetTotalNumHs() != hydrogens or atom.GetNumRadicalElectrons():
            atom.SetNoImplicit(True)
            atom.SetNumExplicitHs(hydrogens)
    copy.UpdatePropertyCache(False)
    return copy


def refresh(mol: RWMol) -> None:
    """Count hydrogens and find rings again after an edit."""
    mol.UpdatePropertyCache(False)
    Chem.FastFindRings(mol)


# -- draws ------------------------------------------------------------------------------------------------------------


def draw_atom(mol: RWMol, rng: random.Random, fits: Callable[[Atom], bool]) -> Atom | None:
    """Draw an atom without a charge that fits; None where a dozen draws found none. A dummy atom is left alone."""
    count = mol.GetNumAtoms()
    for _ in range(TRIES):
        atom = mol.GetAtomWithIdx(rng.randrange(count))
        if atom.GetAtomicNum() and not atom.GetFormalCharge() and fits(atom):
            return atom
    return None


def draw_open_atom(mol: RWMol, rng: random.Random, fits: Callable[[Atom], bool] = lambda a: True) -> Atom | None:
    """Draw an atom that has a hydrogen to give up."""
    return draw_atom(mol, rng, lambda a: a.GetTotalNumHs() > 0 and fits(a))


def draw_bond(mol: RWMol, rng: random.Random, fits: Callable[[Bond], bool]) -> Bond | None:
    """Draw a bond between atoms without charges that fits; None where a dozen draws found none."""
    count = mol.GetNumBonds()
    for _ in range(TRIES if count else 0):
        bond = mol.GetBondWithIdx(rng.randrange(count))
        if fits(bond) and not (bond.GetBeginAtom().GetFormalCharge() or bond.GetEndAtom().GetFormalCharge()):
            return bond
    return None


def is_cuttable(bond: Bond) -> bool:
    """Whether a bond is single and outside of rings, so that the molecule falls in two without it."""
    return bond.GetBondType() == Chem.BondType.SINGLE and not bond.IsInRing()


def cut_branch(mol: RWMol, rng: random.Random) -> tuple[int, int, tuple[int, ...]] | None:
    """Cut a single bond outside of rings.

    Returns:
        The atom of the stem, the atom of the branch, and all atoms of the branch, which is the smaller side; None where there
        is no such bond.
    """
    bond = draw_bond(mol, rng, is_cuttable)
    if bond is None:
        return None
    stem, head = remove_bond(mol, bond)
    one, other = Chem.GetMolFrags(mol)
    branch = min(one, other, key=len)
    return (head, stem, branch) if stem in branch else (stem, head, branch)


def remove_bond(mol: RWMol, bond: Bond) -> tuple[int, int]:
    """Remove a bond and return the atoms that it joined."""
    begin, end = bond.GetBeginAtom(), bond.GetEndAtom()
    clear_chirality(begin)
    clear_chirality(end)
    ends = begin.GetIdx(), end.GetIdx()
    mol.RemoveBond(*ends)
    return ends


def remove_atoms(mol: RWMol, atoms: Iterable[int]) -> None:
    """Remove atoms all at once; the numbers of the others move up."""
    mol.BeginBatchEdit()
    for index in atoms:
        mol.RemoveAtom(index)
    mol.CommitBatchEdit()


def clear_chirality(atom: Atom) -> None:
    """Clear the chirality of an atom whose neighbors change, since its tag would mean something else."""
    atom.SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)


def count_heavy_bonds(atom: Atom) -> int:
    """Count the bonds of an atom to other heavy atoms, a double one twice."""
    return atom.GetTotalValence() - atom.GetTotalNumHs()
