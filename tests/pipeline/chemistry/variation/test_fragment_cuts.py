import pytest
from rdkit import Chem

from chem_vae.errors import UserError
from pipeline.chemistry.variation.fragment_cuts import find_rest
from pipeline.chemistry.variation.scaffolds import Scaffold

ETHER = "CC(=O)Nc1ccc(OCc2ccccc2)cc1"


@pytest.mark.parametrize(
    ("molecule", "fragment", "rest"),
    [
        (ETHER, "OCc1ccccc1", "[*:1]c1ccc(NC(C)=O)cc1"),
        ("CC(=O)Nc1ccc(OC)cc1", "c1ccccc1", "[*:1]NC(C)=O.[*:2]OC"),
        ("CC(=O)Nc1ccc(OC)cc1", "C(=O)N", "[*:1]C.[*:2]c1ccc(OC)cc1"),
        ("C[C@H](NC(=O)c1ccccc1)c1ccccn1", "C(=O)c1ccccc1", "[*:1]N[C@@H](C)c1ccccn1"),
        (ETHER, "[*:1]Cc1ccccc1", "[*:1]Oc1ccc(NC(C)=O)cc1"),
        ("CC(=O)Nc1ccc(OC)cc1", "[#6](=[#8])-[#7]", "[*:1]C.[*:2]c1ccc(OC)cc1"),
    ],
)
def test_the_rest_is_a_scaffold_with_a_point_at_each_cut(molecule, fragment, rest):
    found = find_rest(molecule, fragment)
    assert Chem.CanonSmiles(found) == Chem.CanonSmiles(rest)
    assert Scaffold(found).place(Chem.MolFromSmiles(molecule)) is not None


@pytest.mark.parametrize(
    ("molecule", "fragment", "said"),
    [
        (ETHER, "c1ccccc1", "is in 2 places.*--scaffold"),
        (ETHER, ETHER, "all of the molecule"),
        (ETHER, "S", "is not in the molecule"),
        ("c1ccc2[nH]ccc2c1", "c1ccccc1", "shares a ring"),
        ("CC=CC", "CC", "double or triple bond"),
        ("nothing", "C", "the molecule 'nothing' cannot be read"),
        (ETHER, "nothing", "the fragment 'nothing' cannot be read"),
    ],
)
def test_what_cannot_be_replaced_is_refused_with_the_reason(molecule, fragment, said):
    with pytest.raises(UserError, match=said):
        find_rest(molecule, fragment)


def test_equal_rests_are_no_choice():
    assert Chem.CanonSmiles(find_rest("c1ccccc1CCc1ccccc1", "c1ccccc1")) == Chem.CanonSmiles("[*:1]CCc1ccccc1")
