"""Parses the mol block of a record of an SDF file, V2000 or V3000."""

from __future__ import annotations

from rdkit import Chem
from rdkit.Chem import Mol

from pipeline.chemistry.refusal import Refused, list_problems


def parse_molblock(block: str) -> Mol:
    """Parse a mol block into a sanitized molecule.

    Raises:
        Refused: If it does not describe exactly one molecule.
    """
    mol = Chem.MolFromMolBlock(block, sanitize=True, removeHs=True)
    if mol is None:
        rough = Chem.MolFromMolBlock(block, sanitize=False, removeHs=False)
        raise Refused("parse", list_problems(rough) if rough is not None else "not a mol block that RDKit can read")
    if mol.GetNumAtoms() == 0:
        raise Refused("parse", "it has no atoms")
    return mol
