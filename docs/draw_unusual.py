"""Draws examples of unusual structures, with the atoms marked that the program marks, as `unusual.svg` of the documentation."""

from __future__ import annotations

from rdkit import Chem
from rdkit.Chem import Draw

from pipeline.chemistry.filters.structure_filters import locate_unusual

EXAMPLES = (
    "CC(O)(O)CNC(=O)c1ccccc1",
    "C=C(O)c1ccc(NC(C)=O)cc1",
    "NC=Cc1ccc(C(=O)NC)cc1",
    "COC#Cc1ccc(NC(C)=O)cc1",
    "CN(SC)c1ccc(C(=O)NC)cc1",
    "CC(C)OOCc1ccc(F)cc1",
    "CC=C=CCNC(=O)c1ccccc1",
    "C1=CCC=C1c1ccc(C(=O)N2CCOCC2)cc1",
    "O=C(NC1CCCc2cccc1c2)c1ccccc1",
    "C1CC2=CC(C1)CCC2",
    "CS(C)(C)(C)(C)c1ccc(C(=O)NC)cc1",
    "C1CN2CC12C(=O)Nc1ccccc1",
)
"""Molecules written for this page; each has something unusual."""


def draw() -> str:
    """Return the drawing, an SVG of a grid of molecules, with the names of what is unusual below each."""
    mols = [Chem.MolFromSmiles(smiles) for smiles in EXAMPLES]
    found = [locate_unusual(mol) for mol in mols]
    drawing = Draw.MolsToGridImage(
        mols,
        molsPerRow=4,
        subImgSize=(230, 180),
        legends=["; ".join(names) for names in found],
        highlightAtomLists=[sorted({atom for atoms in names.values() for atom in atoms}) for names in found],
        useSVG=True,
    )
    return str(getattr(drawing, "data", drawing))
