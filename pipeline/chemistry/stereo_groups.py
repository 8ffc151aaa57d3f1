"""Makes stereo undefined where an input stands for several stereoisomers: racemates, mixtures, unknown configurations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rdkit import Chem
from rdkit.Chem import Mol

_MOST_MATCHES = 64  # ways of laying one stereoisomer over another that are looked at


def merge_stereoisomers(mols: Sequence[Mol]) -> Mol:
    """Return the first of several stereoisomers of one molecule, the stereo in which they differ made undefined."""
    merged = mols[0]
    for other in mols[1:]:
        merged = _merge(merged, other)
    return merged


def clear_stereo(mol: Mol, centers: Iterable[int] = (), bonds: Iterable[int] = ()) -> Mol:
    """Return a copy of a molecule in which the stereo of these atoms and bonds (by index) is undefined."""
    cleared = Chem.RWMol(mol)
    for i in centers:
        cleared.GetAtomWithIdx(i).SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)
    for i in bonds:
        cleared.GetBondWithIdx(i).SetStereo(Chem.BondStereo.STEREONONE)
    again = Chem.MolFromSmiles(
        Chem.MolToSmiles(cleared)
    )  # what depended on the cleared stereo is recognized on reading
    return again if again is not None else cleared.GetMol()


def _merge(mol: Mol, other: Mol) -> Mol:
    flat = Chem.Mol(mol)
    Chem.RemoveStereochemistry(flat)
    centers, bonds = _label(mol)
    other_centers, other_bonds = _label(other)
    best = list(centers), list(bonds)
    for match in other.GetSubstructMatches(flat, uniquify=False, maxMatches=_MOST_MATCHES):
        at = {(match[a], match[b]): i for i in bonds for a, b in [_ends(mol, i)]}
        found = (
            [i for i in centers if other_centers.get(match[i]) != centers[i]],
            [i for (a, b), i in at.items() if _find_label(other, other_bonds, a, b) != bonds[i]],
        )
        if sum(map(len, found)) < sum(map(len, best)):
            best = found
    return clear_stereo(mol, *best)


def _label(mol: Mol) -> tuple[dict[int, str], dict[int, str]]:
    """Return the CIP labels of a molecule: of its centers, and of its double bonds, by index."""
    Chem.AssignStereochemistry(mol, cleanIt=True, force=True)
    centers = {
        atom.GetIdx(): atom.GetProp("_CIPCode") if atom.HasProp("_CIPCode") else "?"
        for atom in mol.GetAtoms()
        if atom.GetChiralTag() != Chem.ChiralType.CHI_UNSPECIFIED
    }
    return centers, {
        b.GetIdx(): str(b.GetStereo()) for b in mol.GetBonds() if b.GetStereo() > Chem.BondStereo.STEREOANY
    }


def _ends(mol: Mol, bond: int) -> tuple[int, int]:
    found = mol.GetBondWithIdx(bond)
    return found.GetBeginAtomIdx(), found.GetEndAtomIdx()


def _find_label(mol: Mol, bonds: dict[int, str], a: int, b: int) -> str | None:
    bond = mol.GetBondBetweenAtoms(a, b)
    return bonds.get(bond.GetIdx()) if bond is not None else None
