"""Cuts a named fragment out of a molecule, so that the rest becomes a scaffold whose attachment points are the cut bonds."""

from __future__ import annotations

import re

from rdkit import Chem, rdBase
from rdkit.Chem import Mol

from chem_vae.errors import UserError
from pipeline.chemistry.variation.attachment_points import POINT, take_part, write_points
from pipeline.chemistry.variation.scaffolds import MOST_MATCHES, Scaffold


def find_rest(molecule: str, fragment: str) -> str:
    """Cut a fragment out of a molecule.

    Args:
        molecule: SMILES.
        fragment: SMILES, or a SMARTS pattern. Attachment points in it say where the rest is bound.

    Returns:
        The rest as SMILES with an attachment point at each cut bond: a scaffold to decorate or, in parts, to link.

    Raises:
        UserError: One cannot be read, the fragment is not in the molecule, is all of it, shares a ring with the rest, or is in
            several places that leave different rests.
    """
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(molecule)
        pattern = Scaffold(fragment).query if POINT.search(fragment) else Chem.MolFromSmarts(fragment)
        plain = Chem.MolFromSmiles(fragment)
    if mol is None or not mol.GetNumAtoms():
        raise UserError(f"the molecule {molecule!r} cannot be read as SMILES")
    if pattern is None or not pattern.GetNumAtoms():
        raise UserError(f"the fragment {fragment!r} cannot be read as SMILES or SMARTS")
    matches = mol.GetSubstructMatches(pattern, maxMatches=MOST_MATCHES)
    if not matches and plain is not None:
        matches = mol.GetSubstructMatches(plain, maxMatches=MOST_MATCHES)
    if not matches:
        raise UserError(f"the fragment {fragment} is not in the molecule {molecule}: there is nothing to replace")
    rests: dict[str, str] = {}
    reason = ""
    for match in matches:
        try:
            rest = _cut_out(mol, set(match))
            rests.setdefault(Chem.CanonSmiles(re.sub(r"\[\d+\*\]", "*", rest)), rest)
        except UserError as error:
            reason = str(error)
    if not rests:
        raise UserError(f"the fragment {fragment} cannot be replaced in {molecule}: {reason}")
    if len(rests) > 1:
        shown = "; ".join(f"--scaffold '{write_points(rest)}'" for rest in list(rests.values())[:4])
        raise UserError(
            f"the fragment {fragment} is in {len(rests)} places of {molecule}; say which rest to keep instead: {shown}"
        )
    return write_points(next(iter(rests.values())))


def _cut_out(mol: Mol, inside: set[int]) -> str:
    """Cut the atoms `inside` out of a molecule and return the SMILES of the rest, its points numbered from 1."""
    cuts = [b for b in mol.GetBonds() if (b.GetBeginAtomIdx() in inside) != (b.GetEndAtomIdx() in inside)]
    if not cuts:
        raise UserError("it is all of the molecule")
    if any(b.IsInRing() for b in cuts):
        raise UserError(
            "it shares a ring with the rest; name the whole ring system, or a part between two single bonds"
        )
    if any(b.GetBondType() != Chem.BondType.SINGLE for b in cuts):
        raise UserError("it is bound by a double or triple bond; name the atoms on both sides of that bond")
    labels = [(number, number) for number in range(1, len(cuts) + 1)]
    pieces = Chem.FragmentOnBonds(mol, [b.GetIdx() for b in cuts], addDummies=True, dummyLabels=labels)
    rest = [a for atoms in Chem.GetMolFrags(pieces) if not inside & set(atoms) for a in atoms]
    return str(Chem.MolToSmiles(take_part(pieces, rest)))
