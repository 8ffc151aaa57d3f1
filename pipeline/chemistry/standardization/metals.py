"""Tells compounds of metals, which have no place in SELFIES of organic molecules, from salts with a metal counterion."""

from __future__ import annotations

from collections.abc import Collection

from rdkit import Chem
from rdkit.Chem import Mol

from pipeline.chemistry.standardization.refusal import Refused

_NONMETALS = (1, 2, 5, 6, 7, 8, 9, 10, 14, 15, 16, 17, 18, 32, 33, 34, 35, 36, 51, 52, 53, 54, 85, 86, 117, 118)
"""Atomic numbers of nonmetals and metalloids: the option `elements` says whether they are allowed."""

METALS = frozenset(range(1, 119)).difference(_NONMETALS)
"""Atomic numbers of the metals."""

_COUNTERIONS = "Li Na K Rb Cs Be Mg Ca Sr Ba Zn Al Ag"
COUNTERION_METALS = frozenset(Chem.GetPeriodicTable().GetAtomicNumber(symbol) for symbol in _COUNTERIONS.split())
"""Metals that are counterions of drugs where they stand alone. An ion of another metal (iron, copper, platinum, gadolinium)
stands for a complex."""

_ATOMS = Chem.MolFromSmarts("[!#0&" + "&".join(f"!#{number}" for number in _NONMETALS) + "]")
_SALT_BONDS = Chem.MolFromSmarts(
    "[Li,Na,K,Rb,Cs,Mg,Ca,Sr,Ba]-[O,S,F,Cl,Br,I,n,$([N;X2,X3][C,S,P]=[O,S])]"
)  # alkali and alkaline earth metals on an acid
_CARBANION = Chem.MolFromSmarts("[#6-;!$([#6]#*);!$([#6]~[#6,#7,#15,#16]~[#7,#8,#16]);!$([#6]~[#7,#8,#15,#16])]")


def has_metal(mol: Mol) -> bool:
    """Whether an atom is a metal."""
    return bool(mol.HasSubstructMatch(_ATOMS))


def cut_salt_bonds(mol: Mol) -> Mol:
    """Write the bonds between an acid and an alkali or alkaline earth metal (CC(=O)O[Na]) as ions.

    Only metals all of whose bonds are of this kind are touched; organometallic bonds and complexes stay.
    """
    found: dict[int, list[int]] = {}
    for metal, atom in mol.GetSubstructMatches(_SALT_BONDS):
        found.setdefault(metal, []).append(atom)
    whole = {metal: atoms for metal, atoms in found.items() if len(atoms) == mol.GetAtomWithIdx(metal).GetDegree()}
    if not whole:
        return mol
    cut = Chem.RWMol(mol)
    for metal, atoms in whole.items():
        for atom in atoms:
            cut.RemoveBond(metal, atom)
            cut.GetAtomWithIdx(atom).SetFormalCharge(cut.GetAtomWithIdx(atom).GetFormalCharge() - 1)
        ion = cut.GetAtomWithIdx(metal)
        ion.SetFormalCharge(ion.GetFormalCharge() + len(atoms))
        ion.SetNoImplicit(True)
    plain = cut.GetMol()
    try:
        Chem.SanitizeMol(plain)
    except Chem.MolSanitizeException:
        return mol
    return plain


def refuse_metals(mol: Mol, allowed: Collection[int] = ()) -> None:
    """Refuse a compound of a metal: a complex, an organometallic compound, or an ion of a metal that forms complexes.

    Args:
        mol: The structure, as it was parsed: clean-up would cut the bonds to the metal and leave its ligand.
        allowed: Atomic numbers of metals that the option `elements` allows.

    Raises:
        Refused: If it is one.
    """
    atoms = [mol.GetAtomWithIdx(i) for (i,) in mol.GetSubstructMatches(_ATOMS)]
    refused = {
        atom.GetSymbol()
        for atom in atoms
        if atom.GetAtomicNum() not in allowed and (atom.GetDegree() or atom.GetAtomicNum() not in COUNTERION_METALS)
    }
    if refused:
        raise Refused(
            "metal", f"it contains a metal ({', '.join(sorted(refused))}): its ligands alone are another compound"
        )
    if mol.HasSubstructMatch(_CARBANION):
        symbols = {atom.GetSymbol() for atom in atoms if not atom.GetDegree() and atom.GetAtomicNum() not in allowed}
        if symbols:
            raise Refused(
                "metal", f"it is an organometallic compound of {', '.join(sorted(symbols))} (a carbanion with a metal)"
            )
