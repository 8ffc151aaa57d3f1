from __future__ import annotations

import pytest
import selfies
from rdkit import Chem

from pipeline.chemistry.stereo_and_charge import has_charge, has_stereo, measure_stereo_and_charge


@pytest.mark.parametrize(
    ("smiles", "stereo", "charge"),
    [
        ("C[C@H](N)C(=O)O", True, False),
        ("C/C=C/C", True, False),
        ("CC=CC", False, False),
        ("c1ccc(-c2ccccc2)cc1", False, False),
        ("O=[N+]([O-])c1ccccc1", False, True),
        ("C[C@@H]([NH3+])C(=O)[O-]", True, True),
        ("C[N+](C)(C)C", False, True),
        ("[13CH4]", False, False),
    ],
)
def test_text_tells_what_rdkit_tells_of_smiles_and_of_selfies(smiles: str, stereo: bool, charge: bool) -> None:
    mol = Chem.MolFromSmiles(smiles)
    found = [s.specified == Chem.StereoSpecified.Specified for s in Chem.FindPotentialStereo(mol)]
    assert any(found) == stereo and any(a.GetFormalCharge() for a in mol.GetAtoms()) == charge
    for text in (Chem.MolToSmiles(mol), selfies.encoder(smiles)):
        assert (has_stereo(text), has_charge(text)) == (stereo, charge)


def test_shares_keep_their_denominator() -> None:
    found = measure_stereo_and_charge(["C/C=C/C", "CCO", "C[NH3+]"])
    assert {name: (share.count, share.of) for name, share in found.items()} == {"stereo": (1, 3), "charge": (1, 3)}
