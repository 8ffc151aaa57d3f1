"""An example of an own oracle: a function from a list of SMILES to one number for each, None where it fails."""

from __future__ import annotations

from rdkit import Chem
from rdkit.Chem import Crippen, rdMolDescriptors


def dock(smiles: list[str]) -> list[float | None]:
    """Return an invented docking score in kcal/mol for each molecule: lower is better."""
    scores: list[float | None] = []
    for text in smiles:
        mol = Chem.MolFromSmiles(text)
        if mol is None:
            scores.append(None)
            continue
        too_large = max(0, mol.GetNumHeavyAtoms() - 28)  # without such a term a search makes ever larger molecules
        contacts = 0.8 * Crippen.MolLogP(mol) + 0.5 * rdMolDescriptors.CalcNumAromaticRings(mol)
        scores.append(-4.0 - contacts + 0.5 * too_large)
    return scores
