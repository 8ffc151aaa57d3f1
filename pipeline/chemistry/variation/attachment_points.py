"""Attachment points: dummy atoms whose isotope is the number of the point. Writes, opens, closes and joins them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rdkit import Chem
from rdkit.Chem import Mol, RWMol

POINT = re.compile(r"\[(?:\*|#0|R):?(\d+)\]|\[(\d+)\*(?::\d+)?\]|\[R\]|\[\*\]|\*(?![^\[]*\])")
"""The ways in which an attachment point is written: [*:1], [1*], [R1], [*], *."""
_ZIP = Chem.MolzipParams()
_ZIP.label = Chem.MolzipLabel.Isotope


def attach(base: Mol, groups: Sequence[str]) -> Mol | None:
    """Attach groups to a scaffold, each dummy atom to the one of the same isotope; None where no molecule results.

    The stereo of both sides is kept.
    """
    whole = base
    for group in groups:
        part = Chem.MolFromSmiles(group)
        if part is None:
            return None
        whole = Chem.CombineMols(whole, part)
    try:
        mol = Chem.molzip(whole, _ZIP)
        Chem.SanitizeMol(mol)
    except Exception:  # RDKit's C++ exceptions have no common base
        return None
    if any(not atom.GetAtomicNum() for atom in mol.GetAtoms()) or len(Chem.GetMolFrags(mol)) > 1:
        return None
    # Once around: what stays of stereo can change on the second reading, and the canonical form must be a fixed point.
    again: Mol | None = Chem.MolFromSmiles(Chem.MolToSmiles(mol))
    return again


def list_labels(mol: Mol) -> list[int]:
    """List the isotopes of the dummy atoms of a molecule."""
    return [atom.GetIsotope() for atom in mol.GetAtoms() if not atom.GetAtomicNum()]


def write_points(smiles: str) -> str:
    """Write attachment points as chemists do: [1*] as [*:1]."""
    return re.sub(r"\[(\d+)\*\]", r"[*:\1]", smiles)


def write_bare(mol: Mol) -> str:
    """Write canonical SMILES with hydrogen in the place of each dummy atom."""
    copy = RWMol(mol)
    for atom in copy.GetAtoms():
        if not atom.GetAtomicNum():
            atom.SetAtomicNum(1)
            atom.SetIsotope(0)
    return write_again(Chem.RemoveHs(copy, sanitize=False))


def write_part(mol: Mol, atoms: Sequence[int]) -> str:
    """Write the SMILES of some atoms of a molecule, which are a part of it without bonds to others."""
    return str(Chem.MolToSmiles(take_part(mol, atoms)))


def take_part(mol: Mol, atoms: Sequence[int]) -> Mol:
    """Return the atoms of a molecule that are a part of it without bonds to others."""
    part, kept = RWMol(mol), set(atoms)
    part.BeginBatchEdit()
    for index in range(mol.GetNumAtoms()):
        if index not in kept:
            part.RemoveAtom(index)
    part.CommitBatchEdit()
    return part.GetMol()


def open_atom(base: Mol, index: int, label: int) -> Mol | None:
    """Put a dummy atom in the place of a hydrogen of an atom; the stereo stays. None where there is no hydrogen."""
    count = base.GetNumAtoms()
    mol = RWMol(Chem.AddHs(base, onlyOnAtoms=[index]))
    if mol.GetNumAtoms() == count:
        return None
    point = mol.GetAtomWithIdx(count)
    point.SetAtomicNum(0)
    point.SetIsotope(label)
    return Chem.RemoveHs(mol)


def close_point(base: Mol, label: int) -> Mol:
    """Put hydrogen in the place of a dummy atom."""
    mol = RWMol(base)
    for atom in mol.GetAtoms():
        if not atom.GetAtomicNum() and atom.GetIsotope() == label:
            atom.SetAtomicNum(1)
            atom.SetIsotope(0)
    return Chem.RemoveHs(mol)


def find_lowest_label(group: str) -> int:
    return min(map(int, re.findall(r"\[(\d+)\*\]", group)), default=0)


def write_again(mol: Mol) -> str:
    """Write canonical SMILES once around, so that what is no stereo any more is gone."""
    smiles = Chem.MolToSmiles(mol)
    again = Chem.MolFromSmiles(smiles)
    return str(smiles if again is None else Chem.MolToSmiles(again))
