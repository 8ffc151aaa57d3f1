"""Makes stereo undefined where an input stands for several stereoisomers: racemates, mixtures, unknown configurations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rdkit import Chem
from rdkit.Chem import Mol, rdMolDescriptors

_MOST_MATCHES = 64  # ways of laying one stereoisomer over another that are looked at
_SEVERAL = (Chem.StereoGroupType.STEREO_AND, Chem.StereoGroupType.STEREO_OR)
_ATROPISOMERS = (Chem.BondStereo.STEREOATROPCW, Chem.BondStereo.STEREOATROPCCW)
_ANY = Chem.BondStereo.STEREOANY
_DOUBLE_BOND = Chem.MolFromSmarts("[$([CX3;!H2]),NX2]=;!@[$([CX3;!H2]),NX2]")


def undefine_stereo_groups(mol: Mol) -> tuple[Mol, bool]:
    """Make undefined the stereo that a molecule has only as a racemate or as one of several configurations.

    Args:
        mol: A molecule as RDKit reads it from a mol block or a CXSMILES, with its stereo groups: "and" groups (&1: a racemate), "or"
            groups (o1: one of two, not known which), "abs" groups (one configuration). An axis (atropisomer) is
            undefined too, since SMILES cannot write it.

    Returns:
        The molecule, and whether its stereo was changed; the very same molecule where there was nothing to do.
    """
    groups = mol.GetStereoGroups()
    axes = [bond.GetIdx() for bond in mol.GetBonds() if bond.GetStereo() in _ATROPISOMERS]
    if not groups and not axes:
        return mol, False
    centers = [atom.GetIdx() for group in groups if group.GetGroupType() in _SEVERAL for atom in group.GetAtoms()]
    bonds = [bond.GetIdx() for group in groups if group.GetGroupType() in _SEVERAL for bond in group.GetBonds()]
    return (clear_stereo(mol, centers, [*bonds, *axes]), True) if centers or bonds or axes else (mol, False)


def clear_all_stereo(mol: Mol) -> tuple[Mol, bool]:
    """Make undefined the configuration of all centers of a molecule; its double bonds keep theirs.

    Returns:
        The molecule, and whether it had such a center. This is what chiral flag 0 of a mol block means where it is meant.
    """
    centers = [atom.GetIdx() for atom in mol.GetAtoms() if atom.GetChiralTag() != Chem.ChiralType.CHI_UNSPECIFIED]
    return (clear_stereo(mol, centers), True) if centers else (mol, False)


def count_stereo(mol: Mol) -> int:
    """Count the centers and double bonds of which the configuration is defined."""
    centers = sum(atom.GetChiralTag() != Chem.ChiralType.CHI_UNSPECIFIED for atom in mol.GetAtoms())
    return centers + sum(bond.GetStereo() > _ANY for bond in mol.GetBonds())


def count_undefined_stereo(mol: Mol) -> int:
    """Count the centers and double bonds that could have a configuration but have none (some 10 microseconds).

    Args:
        mol: A molecule that RDKit has parsed from a SMILES, as in `Molecule.mol`. Centers whose only difference is the
            configuration of others (1,4-dimethylcyclohexane) are not counted.
    """
    count = int(rdMolDescriptors.CalcNumUnspecifiedAtomStereoCenters(mol))
    if any(mol.GetBondBetweenAtoms(*pair).GetStereo() <= _ANY for pair in mol.GetSubstructMatches(_DOUBLE_BOND)):
        found = Chem.FindPotentialStereo(mol)
        count += sum(
            s.type == Chem.StereoType.Bond_Double and s.specified != Chem.StereoSpecified.Specified for s in found
        )
    return count


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
