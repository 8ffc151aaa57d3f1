from __future__ import annotations

import pytest
from rdkit import Chem

from pipeline.chemistry.variation.graph_edits import count_heavy_bonds, kekulize, read_elements

MESTRANOL = "C#C[C@]1(O)CC[C@H]2[C@@H]3CCc4cc(OC)ccc4[C@H]3CC[C@@]21C"
DRUG_LIKE = ("C", "N", "O", "F", "S", "Cl", "Br")


@pytest.mark.parametrize(
    "smiles",
    ["c1cc[nH]c1", "C[N+](=O)[O-]", "CS(C)(=O)=O", "C[Si](C)(C)C", "[CH3]", "C[SiH3]", "C[C@H](N)O", MESTRANOL],
)
def test_kekule_form_is_the_same_molecule(smiles: str) -> None:
    mol = Chem.MolFromSmiles(smiles)
    copy = kekulize(mol)
    assert not any(atom.GetIsAromatic() for atom in copy.GetAtoms())
    assert [a.GetTotalNumHs() for a in copy.GetAtoms()] == [a.GetTotalNumHs() for a in mol.GetAtoms()]
    Chem.SanitizeMol(copy)
    assert Chem.MolToSmiles(copy) == Chem.MolToSmiles(mol)


def test_elements_by_the_bonds_they_make() -> None:
    elements = read_elements(DRUG_LIKE)
    assert [elements.valence(z) for z in (6, 7, 8, 9, 14)] == [4, 3, 2, 1, 0]
    assert count_heavy_bonds(kekulize(Chem.MolFromSmiles("CS(C)(=O)=O")).GetAtomWithIdx(1)) == 6
