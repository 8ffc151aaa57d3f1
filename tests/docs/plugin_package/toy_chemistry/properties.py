"""A property: the number of halogen atoms."""

from __future__ import annotations

from rdkit.Chem import Mol

from pipeline.chemistry.properties import register_property


@register_property("toy_halogens", "Halogen atoms", integer=True)
def count_halogens(mol: Mol) -> float:
    """Count the atoms of fluorine, chlorine, bromine and iodine."""
    return sum(atom.GetSymbol() in ("F", "Cl", "Br", "I") for atom in mol.GetAtoms())
