"""Places in a structure where it can be changed, and the few edits that every change is made of.

All of it works on an editable molecule in Kekulé form (`kekulize`), with hydrogens and rings counted (`refresh`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from rdkit import Chem, rdBase
from rdkit.Chem import Atom, Bond, Mol, RWMol

from chem_vae.errors import UserError

ORDERS = (Chem.BondType.ZERO, Chem.BondType.SINGLE, Chem.BondType.DOUBLE, Chem.BondType.TRIPLE)
"""RDKit's bond types by their order."""
TRIES = 12  # places looked at before a change is given up


@dataclass(frozen=True)
class Elements:
    """The elements that a change may use, and how often."""

    numbers: tuple[int, ...]
    """Atomic numbers, none twice."""
    weights: tuple[float, ...]
    valences: tuple[int, ...]
    """Bonds that an atom of it makes at most where it is put newly."""

    def draw(self, rng: random.Random, bonds: int, unlike: int = 0) -> int | None:
        """The atomic number of one that can make so many bonds, other than `unlike`; None where there is none."""
        pairs = [
            (z, w)
            for z, w, v in zip(self.numbers, self.weights, self.valences, strict=True)
            if v >= bonds and z != unlike
        ]
        if not pairs:
            return None
        return rng.choices([z for z, _ in pairs], [w for _, w in pairs])[0]

    def valence(self, number: int) -> int:
        """0 for an element that is not among them."""
        return self.valences[self.numbers.index(number)] if number in self.numbers else 0


_USUAL = {"C": 50.0, "N": 15.0, "O": 15.0, "F": 6.0, "S": 6.0, "Cl": 5.0, "Br": 2.0}


def read_elements(symbols: Sequence[str] | Mapping[str, float]) -> Elements:
    """From symbols, drawn as often as in drug-like molecules, or from symbols with weights of one's own.

    Raises UserError for a symbol of no element, for a weight that is not positive, and where there are none.
    """
    weights = symbols if isinstance(symbols, Mapping) else {s: _USUAL.get(s, 1.0) for s in symbols}
    table = Chem.GetPeriodicTable()
    numbers = []
    for symbol, weight in weights.items():
        try:
            with rdBase.BlockLogs():
                numbers.append(table.GetAtomicNumber(symbol))
        except RuntimeError:
            numbers.append(0)
        if numbers[-1] <= 0:
            raise UserError(f"{symbol!r} in `elements` is no chemical element; write symbols such as C, N, Cl")
        if not weight > 0:
            raise UserError(f"the weight of {symbol} in `elements` is {weight}; leave the element out, or give it more")
    if not numbers:
        raise UserError("`elements` is empty: name the elements that structures may have, such as C, N, O")
    valences = (table.GetDefaultValence(number) for number in numbers)  # -1 for metals: never put anew
    return Elements(tuple(numbers), tuple(weights.values()), tuple(max(valence, 0) for valence in valences))


def kekulize(mol: Mol) -> RWMol:
    """A copy to edit: no aromatic flags, hydrogens implied where the usual valence implies them, no double-bond geometry."""
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
    """Count hydrogens and find rings again, as the changes need them."""
    mol.UpdatePropertyCache(False)
    Chem.FastFindRings(mol)


# -- places ------------------------------------------------------------------------------------------------------------


def draw_atom(mol: RWMol, rng: random.Random, fits: Callable[[Atom], bool]) -> Atom | None:
    """An atom without a charge that fits; None where a dozen draws found none."""
    count = mol.GetNumAtoms()
    for _ in range(TRIES):
        atom = mol.GetAtomWithIdx(rng.randrange(count))
        if not atom.GetFormalCharge() and fits(atom):
            return atom
    return None


def draw_open_atom(mol: RWMol, rng: random.Random, fits: Callable[[Atom], bool] = lambda a: True) -> Atom | None:
    """An atom that can give up a hydrogen."""
    return draw_atom(mol, rng, lambda a: a.GetTotalNumHs() > 0 and fits(a))


def draw_bond(mol: RWMol, rng: random.Random, fits: Callable[[Bond], bool]) -> Bond | None:
    """A bond between atoms without charges that fits; None where a dozen draws found none."""
    count = mol.GetNumBonds()
    for _ in range(TRIES if count else 0):
        bond = mol.GetBondWithIdx(rng.randrange(count))
        if fits(bond) and not (bond.GetBeginAtom().GetFormalCharge() or bond.GetEndAtom().GetFormalCharge()):
            return bond
    return None


def is_cuttable(bond: Bond) -> bool:
    """Whether it is single and outside rings: without it, the molecule is in two pieces."""
    return bond.GetBondType() == Chem.BondType.SINGLE and not bond.IsInRing()


def cut_branch(mol: RWMol, rng: random.Random) -> tuple[int, int, tuple[int, ...]] | None:
    """Cut a single bond outside rings: the stem's atom, the branch's atom, and the atoms of the branch, the smaller side."""
    bond = draw_bond(mol, rng, is_cuttable)
    if bond is None:
        return None
    stem, head = remove_bond(mol, bond)
    one, other = Chem.GetMolFrags(mol)
    branch = min(one, other, key=len)
    return (head, stem, branch) if stem in branch else (stem, head, branch)


def remove_bond(mol: RWMol, bond: Bond) -> tuple[int, int]:
    """Remove the bond; the atoms that it joined."""
    begin, end = bond.GetBeginAtom(), bond.GetEndAtom()
    clear_chirality(begin)
    clear_chirality(end)
    ends = begin.GetIdx(), end.GetIdx()
    mol.RemoveBond(*ends)
    return ends


def remove_atoms(mol: RWMol, atoms: Iterable[int]) -> None:
    """Remove them all at once; the others move up."""
    mol.BeginBatchEdit()
    for index in atoms:
        mol.RemoveAtom(index)
    mol.CommitBatchEdit()


def clear_chirality(atom: Atom) -> None:
    """Forget its chirality: its neighbors change, and with them what a tag would mean."""
    atom.SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)


def count_heavy_bonds(atom: Atom) -> int:
    """The bonds that it makes to other heavy atoms, a double one counted twice."""
    return atom.GetTotalValence() - atom.GetTotalNumHs()
