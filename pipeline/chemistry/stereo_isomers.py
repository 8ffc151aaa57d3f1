"""Enumerates the stereoisomers that a molecule with undefined stereo stands for."""

from __future__ import annotations

from rdkit import Chem, rdBase
from rdkit.Chem.EnumerateStereoisomers import EnumerateStereoisomers, GetStereoisomerCount, StereoEnumerationOptions

from pipeline.chemistry.molecule import Structure, parse_mol

_SEED = 0xF00D
"""The seed of the choice among more isomers than are asked for."""


def enumerate_stereoisomers(structure: Structure, most: int) -> tuple[list[str], int]:
    """Enumerate the stereoisomers of a molecule; what is defined stays as it is.

    Whether an isomer can exist in three dimensions (in a bridged ring, for example) is not tried.

    Args:
        structure: The molecule.
        most: The most isomers to return; of more, these are drawn at random, always the same ones.

    Returns:
        The isomers as canonical SMILES, sorted, and an upper limit of how many there are. A molecule without undefined stereo is its only
        isomer; one that RDKit cannot read has none.

    >>> enumerate_stereoisomers("CC(N)O", 8)
    (['C[C@@H](N)O', 'C[C@H](N)O'], 2)
    """
    mol = parse_mol(structure)
    if mol is None:
        return [], 0
    options = StereoEnumerationOptions(
        tryEmbedding=False, onlyUnassigned=True, unique=True, maxIsomers=most, rand=_SEED
    )
    with rdBase.BlockLogs():
        found = {Chem.MolToSmiles(isomer) for isomer in EnumerateStereoisomers(Chem.Mol(mol), options=options)}
        return sorted(found), max(int(GetStereoisomerCount(mol, options=options)), len(found))
