"""Makes small random changes of a structure: of one atom, bond, ring or substituent.

Each change works in place on an editable molecule without aromatic flags (Kekulé form), with known rings and hydrogens, and says
whether it found a place. Atoms are only ever added where a hydrogen gives way, so that valences stay usual ones; charged
atoms and their bonds are left alone, since half a nitro group is no molecule. This follows Jensen 2019, doi:10.1039/C8SC05372C.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Callable

from rdkit import Chem
from rdkit.Chem import Mol, RWMol

from pipeline.chemistry.variation.graph_edits import (
    ORDERS,
    TRIES,
    Elements,
    clear_chirality,
    count_heavy_bonds,
    cut_branch,
    draw_atom,
    draw_bond,
    draw_open_atom,
    is_cuttable,
    kekulize,
    remove_atoms,
    remove_bond,
)

_RING_SIZES, _RING_WEIGHTS = (3, 4, 5, 6, 7), (8, 4, 35, 45, 8)
SUBSTITUENTS = (
    "C", "C", "CC", "C(C)C", "C(C)(C)C", "C=C", "C#C", "F", "F", "Cl", "Br", "O", "O", "N", "N", "OC", "NC", "N(C)C", "SC",
    "C#N", "C=O", "C(C)=O", "C(=O)O", "C(N)=O", "NC(C)=O", "CO", "CN", "C(F)(F)F", "OC(F)F", "S(C)(=O)=O", "S(N)(=O)=O",
    "c1ccccc1", "c1ccncc1", "c1cccnc1", "c1ncccn1", "c1ccsc1", "c1ccoc1", "[nH]1cccc1", "[nH]1ccnc1", "c1cn[nH]c1", "c1ncon1",
    "C1CC1", "C1CCC1", "C1CCCC1", "C1CCCCC1", "N1CCCC1", "N1CCCCC1", "N1CCOCC1", "N1CCNCC1",
)  # fmt: skip
"""The substituents that may take the place of a hydrogen, as SMILES whose first atom is bound."""
LINKERS = (
    ("C", 0), ("CC", 1), ("C=C", 1), ("O", 0), ("N", 0), ("S", 0), ("CO", 1), ("CN", 1), ("C=O", 0), ("C(=O)N", 2), ("C(=O)O", 2),
    ("S(=O)=O", 0), ("S(=O)(=O)N", 3), ("NC(=O)N", 3), ("c1ccccc1", 3), ("c1ccccc1", 2), ("c1ccncc1", 2), ("N1CCNCC1", 3),
    ("N1CCCCC1", 3),
)  # fmt: skip
"""The linkers that may be set between two atoms: a SMILES, whose first atom is bound to one end, and the atom bound to the other."""


def mutate(mol: RWMol, elements: Elements, rng: random.Random) -> bool:
    """Make one change of a kind that is drawn by weight.

    Args:
        mol: An editable molecule in Kekulé form. It may be changed in part, or be no sound molecule afterwards: work on a copy,
            and sanitize it.
        elements: The elements that new atoms may have.
        rng: The source of all draws.

    Returns:
        Whether that kind of change found a place.
    """
    return rng.choices(_CHANGES, _WEIGHTS)[0](mol, elements, rng)


# -- atoms -----------------------------------------------------------------------------------------------------------


def _append_atom(mol: RWMol, elements: Elements, rng: random.Random) -> bool:
    atom = draw_open_atom(mol, rng)
    if atom is None:
        return False
    order = min(rng.choices((1, 2, 3), (80, 16, 4))[0], atom.GetTotalNumHs())
    number = elements.draw(rng, order)
    if number is None:
        return False
    clear_chirality(atom)
    mol.AddBond(atom.GetIdx(), mol.AddAtom(Chem.Atom(number)), ORDERS[order])
    return True


def _insert_atom(mol: RWMol, elements: Elements, rng: random.Random) -> bool:
    bond = draw_bond(mol, rng, lambda b: b.GetBondType() == Chem.BondType.SINGLE)
    number = elements.draw(rng, 2)
    if bond is None or number is None:
        return False
    begin, end = remove_bond(mol, bond)
    new = mol.AddAtom(Chem.Atom(number))
    mol.AddBond(begin, new, Chem.BondType.SINGLE)
    mol.AddBond(new, end, Chem.BondType.SINGLE)
    return True


def _delete_atom(mol: RWMol, elements: Elements, rng: random.Random) -> bool:
    atom = draw_atom(
        mol, rng, lambda a: 1 <= a.GetDegree() <= 3 and not any(n.GetFormalCharge() for n in a.GetNeighbors())
    )
    if atom is None:
        return False
    ends = [(b.GetOtherAtom(atom), b.GetBondTypeAsDouble()) for b in atom.GetBonds()]
    rng.shuffle(ends)
    if len(ends) == 3:  # the one in the middle takes both others: it needs a bond more than it loses
        ends.sort(key=lambda end: min(end[0].GetTotalNumHs(), 1))
        if not ends[2][0].GetTotalNumHs():
            return False
    hub, freed = ends.pop()
    for other, order in ends:
        if mol.GetBondBetweenAtoms(hub.GetIdx(), other.GetIdx()) is not None:
            return False
        shared = int(min(freed, order)) if len(ends) == 1 else 1
        mol.AddBond(hub.GetIdx(), other.GetIdx(), ORDERS[shared])
    for end in (hub, *(other for other, _ in ends)):
        clear_chirality(end)
    mol.RemoveAtom(atom.GetIdx())
    return True


def _replace_atom(mol: RWMol, elements: Elements, rng: random.Random) -> bool:
    atom = draw_atom(mol, rng, lambda a: True)
    if atom is None:
        return False
    number = elements.draw(rng, count_heavy_bonds(atom), unlike=atom.GetAtomicNum())
    if number is None:
        return False
    clear_chirality(atom)
    atom.SetAtomicNum(number)
    return True


def _exchange_atoms(mol: RWMol, elements: Elements, rng: random.Random) -> bool:
    """Exchange two atoms of different elements, so that a ring nitrogen moves, for example."""
    one = draw_atom(mol, rng, lambda a: a.GetAtomicNum() != 6 and elements.valence(a.GetAtomicNum()) > 1)
    if one is None:
        return False
    mine, bonds = one.GetAtomicNum(), count_heavy_bonds(one)
    other = draw_atom(
        mol,
        rng,
        lambda a: (
            a.GetAtomicNum() != mine
            and elements.valence(a.GetAtomicNum()) >= bonds
            and elements.valence(mine) >= count_heavy_bonds(a)
        ),
    )
    if other is None:
        return False
    one.SetAtomicNum(other.GetAtomicNum())
    other.SetAtomicNum(mine)
    clear_chirality(one)
    clear_chirality(other)
    return True


# -- bonds and rings -------------------------------------------------------------------------------------------------


def _change_order(mol: RWMol, elements: Elements, rng: random.Random) -> bool:
    bond = draw_bond(mol, rng, lambda b: True)
    if bond is None:
        return False
    order, ends = int(bond.GetBondTypeAsDouble()), (bond.GetBeginAtom(), bond.GetEndAtom())
    most = order + min(end.GetTotalNumHs() for end in ends)
    orders = [o for o in (1, 2, 3) if o != order and o <= most and (o < 3 or not bond.IsInRing())]
    if not orders:
        return False
    bond.SetBondType(ORDERS[rng.choice(orders)])
    for end in ends:
        clear_chirality(end)
    return True


def _open_ring(mol: RWMol, elements: Elements, rng: random.Random) -> bool:
    bond = draw_bond(mol, rng, lambda b: b.IsInRing())
    if bond is None:
        return False
    remove_bond(mol, bond)
    return True


def _close_ring(mol: RWMol, elements: Elements, rng: random.Random) -> bool:
    for _ in range(TRIES):
        start = draw_open_atom(mol, rng)
        if start is None:
            return False
        path, here = {start.GetIdx()}, start
        for _ in range(rng.choices(_RING_SIZES, _RING_WEIGHTS)[0] - 1):  # a random walk that never turns back
            ways = [n for n in here.GetNeighbors() if n.GetIdx() not in path]
            if not ways:
                break
            here = rng.choice(ways)
            path.add(here.GetIdx())
        else:
            if (
                here.GetTotalNumHs()
                and not here.GetFormalCharge()
                and mol.GetBondBetweenAtoms(start.GetIdx(), here.GetIdx()) is None
            ):
                mol.AddBond(start.GetIdx(), here.GetIdx(), Chem.BondType.SINGLE)
                clear_chirality(start)
                clear_chirality(here)
                return True
    return False


# -- substituents and linkers ----------------------------------------------------------------------------------------


def _attach_substituent(mol: RWMol, elements: Elements, rng: random.Random) -> bool:
    atom = draw_open_atom(mol, rng)
    substituent = rng.choice(SUBSTITUENTS)
    if atom is None:
        return False
    clear_chirality(atom)
    _bind_fragment(mol, atom.GetIdx(), substituent)
    return True


def _replace_substituent(mol: RWMol, elements: Elements, rng: random.Random) -> bool:
    found = cut_branch(mol, rng)
    if found is None:
        return False
    stem, _, branch = found
    _bind_fragment(mol, stem, rng.choice(SUBSTITUENTS))
    remove_atoms(mol, branch)
    return True


def _drop_substituent(mol: RWMol, elements: Elements, rng: random.Random) -> bool:
    found = cut_branch(mol, rng)
    if found is None:
        return False
    remove_atoms(mol, found[2])
    return True


def _move_substituent(mol: RWMol, elements: Elements, rng: random.Random) -> bool:
    found = cut_branch(mol, rng)
    if found is None:
        return False
    stem, head, branch = found
    inside = set(branch)
    to = draw_open_atom(mol, rng, lambda a: a.GetIdx() != stem and a.GetIdx() not in inside)
    if to is None:
        return False
    clear_chirality(to)
    mol.AddBond(to.GetIdx(), head, Chem.BondType.SINGLE)
    return True


def _insert_linker(mol: RWMol, elements: Elements, rng: random.Random) -> bool:
    bond = draw_bond(mol, rng, is_cuttable)
    if bond is None:
        return False
    begin, end = remove_bond(mol, bond)
    smiles, last = rng.choice(LINKERS)
    if rng.random() < 0.5:
        begin, end = end, begin
    first = _bind_fragment(mol, begin, smiles)
    mol.AddBond(end, first + last, Chem.BondType.SINGLE)
    return True


def _bind_fragment(mol: RWMol, atom: int, smiles: str) -> int:
    """Add a fragment whose first atom is bound to an atom; return the number of that first atom."""
    first = mol.GetNumAtoms()
    mol.InsertMol(_read_fragment(smiles))
    mol.AddBond(atom, first, Chem.BondType.SINGLE)
    return int(first)


@functools.cache
def _read_fragment(smiles: str) -> Mol:
    return kekulize(Chem.MolFromSmiles(smiles))


_MOVES: dict[Callable[[RWMol, Elements, random.Random], bool], float] = {
    _append_atom: 15, _insert_atom: 10, _delete_atom: 14, _replace_atom: 15, _exchange_atoms: 6,
    _change_order: 9, _open_ring: 4, _close_ring: 8,
    _attach_substituent: 8, _replace_substituent: 6, _drop_substituent: 5, _move_substituent: 8, _insert_linker: 5,
}  # fmt: skip
_CHANGES, _WEIGHTS = tuple(_MOVES), tuple(_MOVES.values())
