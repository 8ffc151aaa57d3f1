"""Writes functional groups in their usual form, and tells which molecules are in it already."""

from __future__ import annotations

import contextlib
from functools import cache

from rdkit import Chem
from rdkit.Chem import Mol
from rdkit.Chem.MolStandardize import rdMolStandardize

# An atom that RDKit's clean-up, fragment choice and uncharge might touch: anything but a neutral nonmetal in an
# ordinary valence (so: charges, radicals, metals, wildcards).
_ORDINARY = "#5&v3,#6&v4,#7&v3,#8&v2,#14&v4,#15&v3,#15&v5,#16&v2,#16&v4,#16&v6,#9&v1,#17&v1,#35&v1,#53&v1"
_UNUSUAL_ATOM = Chem.MolFromSmarts(f"[!+0,!$([{_ORDINARY}])]")
# The rules of RDKit's Normalizer that match neutral molecules (not the sulfoxide rule, which is undone anyway).
_NEUTRAL_RULES = Chem.MolFromSmarts(
    "[$([N,P;X3](=[O,S,Se])=[O,S,Se]),$([nH0]=[OH0]),$([N](*)=[N]#[N]),$([N](=*)#[N]),$([C]([OH1;D1])=;!@[N]),"
    "$([F,Cl,Br,I;X0])]"
)
UNUSUAL_BOND = Chem.MolFromSmarts("*!-&!=&!#&!:*")  # dative, zero-order, quadruple
_ANION = Chem.MolFromSmarts("[-,-2,-3,-4]")
_YLIDE = Chem.MolFromSmarts("[#6-]~[#7+,#15+,#16+]")
_SEPARATED_SULFOXIDE = Chem.MolFromSmarts("[S,s;X3;+1]-[O;X1;-1]")


def is_plain(mol: Mol) -> bool:
    """Whether clean-up, largest fragment and uncharge leave the molecule as it is; a test compares with them."""
    return not (
        mol.HasSubstructMatch(_UNUSUAL_ATOM)
        or mol.GetRingInfo().NumRings() != mol.GetNumBonds() - mol.GetNumAtoms() + 1  # more than one fragment
        or mol.HasSubstructMatch(_NEUTRAL_RULES)
        or mol.HasSubstructMatch(UNUSUAL_BOND)
    )


def tidy(mol: Mol, smiles: str, metal: bool) -> tuple[Mol, str]:
    """Write groups in the usual form as RDKit's `Cleanup` does, and return the canonical SMILES too.

    `Cleanup` itself makes its Normalizer and its Reionizer anew for each molecule, which takes twice the time.
    A mesoionic ring of which clean-up writes what cannot be read again keeps the form in which it was given.
    """
    with contextlib.suppress(Exception):  # RDKit raises many kinds
        cleaned = _get_normalizer().normalize(mol)
        if not metal and cleaned.HasSubstructMatch(_ANION) and not cleaned.HasSubstructMatch(_YLIDE):
            cleaned = _get_reionizer().reionize(cleaned)  # but the charge of an ylide would move
        Chem.AssignStereochemistry(cleaned)
        cleaned = _join_sulfoxides(cleaned)
        written = Chem.MolToSmiles(cleaned)
        if written == smiles or Chem.MolFromSmiles(written) is not None:
            return cleaned, written
    joined = _join_sulfoxides(mol)
    return joined, Chem.MolToSmiles(joined)


@cache
def _get_normalizer() -> rdMolStandardize.Normalizer:
    return rdMolStandardize.Normalizer()


@cache
def _get_reionizer() -> rdMolStandardize.Reionizer:
    return rdMolStandardize.Reionizer()


def _join_sulfoxides(mol: Mol) -> Mol:
    """Write [S+][O-] as S=O; stereo stays, since the neighbors of the atoms keep their order."""
    matches = mol.GetSubstructMatches(_SEPARATED_SULFOXIDE)
    if not matches:
        return mol
    joined = Chem.RWMol(mol)
    for sulfur, oxygen in matches:
        joined.GetAtomWithIdx(sulfur).SetFormalCharge(0)
        joined.GetAtomWithIdx(oxygen).SetFormalCharge(0)
        joined.GetBondBetweenAtoms(sulfur, oxygen).SetBondType(Chem.BondType.DOUBLE)
    plain = joined.GetMol()
    try:
        Chem.SanitizeMol(plain)
    except Chem.MolSanitizeException:
        return mol  # the charges were needed
    return plain
