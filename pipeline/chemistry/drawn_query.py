"""Makes a substructure query of a molecule that a person has drawn."""

from __future__ import annotations

from rdkit import Chem

from chem_vae.errors import UserError
from pipeline.chemistry.molecule import parse_mol


def make_query(smiles: str) -> str:
    """Make the SMARTS of a drawn structure: aromatic rings match however they were drawn, and hydrogens are free.

    >>> make_query("C1=CC=CC=C1")
    '[#6]1:[#6]:[#6]:[#6]:[#6]:[#6]:1'

    Raises:
        UserError: The text is no SMILES of a molecule.
    """
    mol = parse_mol(smiles)
    if mol is None:
        raise UserError(f"{smiles!r} is no structure that can be searched for")
    return str(Chem.MolToSmarts(mol))
