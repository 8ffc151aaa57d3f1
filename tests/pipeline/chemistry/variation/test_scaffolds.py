import pytest
from rdkit import Chem

from chem_vae.errors import UserError
from pipeline.chemistry.variation.attachment_points import attach, close_point, open_atom, write_bare
from pipeline.chemistry.variation.scaffolds import Scaffold

AMIDE = "O=C(N[*:1])c1ccc([*:2])cc1"


def place(scaffold, smiles):
    return Scaffold(scaffold).place(Chem.MolFromSmiles(smiles))


def test_placement_names_the_groups_at_the_points():
    found = place(AMIDE, "O=C(NC1CC1)c1ccc(OC)cc1")
    assert found.describe() == {"R1": "[*:1]C1CC1", "R2": "[*:2]OC"}
    assert len(found.atoms) == Scaffold(AMIDE).size == 9


@pytest.mark.parametrize(
    "smiles",
    [
        "O=C(NC1CC1)c1ccc(OC)c(F)c1",  # a third substituent
        "O=C(N(C)C1CC1)c1ccc(OC)cc1",  # two groups at the nitrogen
        "O=C(NC1CC1)c1ccccc1",  # nothing at the second point
        "O=C(NC1CC1)c1ccc(OC)nc1",  # another ring
        "O=C(OC1CC1)c1ccc(OC)cc1",
    ],
)
def test_a_molecule_with_more_or_less_than_the_scaffold_does_not_keep_it(smiles):
    assert place(AMIDE, smiles) is None


@pytest.mark.parametrize("written", ["C[*:1]", "C[1*]", "C[R1]", "C[*]", "C*", "C[R:1]", "C[#0:1]"])
def test_points_are_read_as_chemists_write_them(written):
    assert Scaffold(written).points == (1,)


@pytest.mark.parametrize(
    ("scaffold", "kept", "lost"),
    [
        ("C[C@H]([*:1])N", "C[C@H](c1ccccc1)N", "C[C@@H](c1ccccc1)N"),
        ("C/C=C/[*:1]", "C/C=C/CCC", "C/C=C\\CCC"),
        ("C[C@]([*:1])(F)[*:2]", "C[C@](Cl)(F)Br", None),
        ("N[C@@H](C)C(=O)O", "N[C@@H](CCC)C(=O)OC", "N[C@H](CCC)C(=O)OC"),
        ("[O-]C(=O)c1ccc([*:1])cc1", "[O-]C(=O)c1ccc(C)cc1", "OC(=O)c1ccc(C)cc1"),
        ("C[N+](C)(C)C[*:1]", "C[N+](C)(C)CCO", "CN(C)CCO"),
    ],
)
def test_stereo_and_charges_are_kept(scaffold, kept, lost):
    assert place(scaffold, kept) is not None
    assert lost is None or place(scaffold, lost) is None


def test_two_points_at_one_center_tell_the_enantiomers_apart():
    one = place("C[C@]([*:1])(F)[*:2]", "C[C@](Cl)(F)Br").describe()
    other = place("C[C@]([*:1])(F)[*:2]", "C[C@@](Cl)(F)Br").describe()
    assert one == {"R1": "[*:1]Cl", "R2": "[*:2]Br"}
    assert other == {"R1": "[*:1]Br", "R2": "[*:2]Cl"}


def test_stereo_that_the_scaffold_leaves_open_may_be_anything():
    for smiles in ("C[C@H](c1ccccc1)N", "C[C@@H](c1ccccc1)N", "CC(c1ccccc1)N"):
        assert place("CC([*:1])N", smiles) is not None


def test_a_group_may_be_bound_at_two_points():
    assert place("c1ccc([*:1])c([*:2])c1", "c1ccc2c(c1)CCC2").describe() == {"R1,R2": "[*:1]CCC[*:2]"}


def test_parts_are_linked_by_one_group():
    linked = place("c1ccccc1[*:1].C1CCN([*:2])CC1", "O=C(c1ccccc1)N1CCCCC1")
    assert linked.describe() == {"R1,R2": "[*:1]C([*:2])=O"}
    assert place("c1ccccc1[*:1].C1CCN([*:2])CC1", "c1ccccc1N1CCCCC1") is None  # nothing between


def test_a_bare_scaffold_may_grow_anywhere():
    grown = place("c1cc[nH]c1", "Cc1ccn(CC)c1")
    assert sorted(grown.describe().values()) == ["[*:1]C", "[*:2]CC"]
    assert place("c1cc[nH]c1", "c1cc[nH]c1").groups == ()
    assert place("c1cc[nH]c1", "c1ccoc1") is None


@pytest.mark.parametrize(
    ("scaffold", "smiles"),
    [
        (AMIDE, "O=C(N[C@H](C)CC)c1ccc(/C=C/C)cc1"),
        ("C[C@@H]1CN([*:1])C[C@H]1[*:2]", "C[C@@H]1CN(C(C)=O)C[C@H]1c1ccccc1"),
        ("N[C@@H](C)C(=O)O", "CN[C@@H](CCC)C(=O)O"),
    ],
)
def test_what_is_taken_apart_is_put_together_again(scaffold, smiles):
    found = place(scaffold, smiles)
    assert Chem.MolToSmiles(attach(found.base, found.groups)) == Chem.CanonSmiles(smiles)


def test_a_hydrogen_becomes_a_point_and_back():
    base = Chem.MolFromSmiles("C[C@H](N)O")
    opened = open_atom(base, 1, 1)
    assert Chem.MolToSmiles(attach(opened, ["[1*]F"])) == Chem.CanonSmiles("C[C@](F)(N)O")
    assert Chem.MolToSmiles(close_point(opened, 1)) == Chem.MolToSmiles(base)
    assert write_bare(opened) == Chem.MolToSmiles(base)
    assert open_atom(Chem.MolFromSmiles("FC(F)(F)Cl"), 1, 1) is None


@pytest.mark.parametrize(
    ("scaffold", "said"),
    [
        ("nothing", "cannot be read as SMILES"),
        ("", "cannot be read as SMILES"),
        ("CC(C)(C)(C)[*:1]", "valence"),
        ("c1ccccc1([*:1])[*:2]", "no possible structure"),
        ("[*:1]", "no atoms besides"),
        ("C=[*:1]", "not single"),
        ("C[*:1]C", "bound to 2 atoms"),
        ("C[*:1].[*:1][*:2]", "another attachment point|no atoms|bound to"),
        ("[*:1]C[*:1]", "two attachment points with the number 1"),
        ("C.C", "has 0 attachment points"),
        ("C(*)*.C*", "has 2 attachment points"),
        ("FC(F)(F)F", "no hydrogen"),
        ("[CH2]C[*:1]", "unpaired electron"),
        ("[C,N]c1ccccc1[*:1]", "stands for several structures"),
    ],
)
def test_impossible_scaffolds_are_refused_with_the_reason(scaffold, said):
    with pytest.raises(UserError, match=said):
        Scaffold(scaffold)
