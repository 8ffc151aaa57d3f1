import random

import pytest
from rdkit import Chem

from pipeline.chemistry.variation.grafting import graft
from pipeline.chemistry.variation.scaffold_variation import ScaffoldVariation
from pipeline.chemistry.variation.scaffolds import Scaffold


@pytest.mark.parametrize(
    ("scaffold", "given"),
    [
        ("O=C(N[*:1])c1ccc([*:2])cc1", "COc1ccccc1CC1CC1"),
        ("c1ccccc1[*:1].C1CCN([*:2])CC1", "CCC(=O)NCc1ccco1"),
        ("c1ccc2[nH]ccc2c1", "COc1ccccc1"),
    ],
)
def test_the_groups_of_another_molecule_come_to_the_scaffold(scaffold, given):
    kept = Scaffold(scaffold)
    made = graft(ScaffoldVariation(kept), Chem.MolFromSmiles(given), random.Random(0))
    assert made is not None and kept.is_in(Chem.MolFromSmiles(made))


def test_a_molecule_that_keeps_the_scaffold_stays():
    variation = ScaffoldVariation(Scaffold("c1ccc([*:1])cc1"))
    assert graft(variation, Chem.MolFromSmiles("CCc1ccccc1"), random.Random(0)) == "CCc1ccccc1"


def test_nothing_can_be_cut_off_a_ring():
    assert graft(ScaffoldVariation(Scaffold("C[*:1]")), Chem.MolFromSmiles("c1ccccc1"), random.Random(0)) is None
