from rdkit import Chem

from pipeline.chemistry.variation.groups import Groups, Site, count_heavy, cut_groups, list_sites, relabel
from pipeline.chemistry.variation.scaffolds import Scaffold

ANISOLE, AMIDE = Chem.MolFromSmiles("COc1ccccc1"), Chem.MolFromSmiles("CCNC(=O)c1ccc(F)cc1")


def site(scaffold, number=1):
    return list_sites(Scaffold(scaffold).mol)[number]


def test_groups_are_cut_at_single_bonds_outside_of_rings():
    assert {group for group, _ in cut_groups(ANISOLE, 1)} == {"[1*]C", "[1*]Oc1ccccc1", "[1*]OC", "[1*]c1ccccc1"}
    assert cut_groups(Chem.MolFromSmiles("c1ccc2ccccc2c1"), 1) == []


def test_functional_groups_of_heteroatoms_stay_whole():
    groups = {group for group, _ in cut_groups(Chem.MolFromSmiles("Cc1ccc([N+](=O)[O-])cc1"), 1)}
    assert "[1*]O" not in groups and "[1*][O-]" not in groups
    assert "[1*][N+](=O)[O-]" in groups


def test_a_group_is_selected_for_the_site_where_it_was_seen():
    groups = Groups([ANISOLE, AMIDE])
    ring = groups._near[(site("c1ccc([*:1])cc1").near,)]
    assert set(ring) == {"[1*]OC", "[1*]F", "[1*]C(=O)NCC"}
    nitrogen = groups._near[(site("CC(=O)N[*:1]").near,)]
    assert set(nitrogen) == {"[1*]CC"}


def test_the_most_frequent_comes_first_and_too_few_are_filled_up():
    groups = Groups([ANISOLE, ANISOLE, AMIDE])
    found = groups.select([site("c1ccc([*:1])cc1")])
    assert list(found.values()) == sorted(found.values(), reverse=True)
    assert len(found) == len(groups)  # two molecules have too few for one site


def test_linkers_fit_either_way_around():
    groups = Groups([Chem.MolFromSmiles("c1ccccc1CNC1CC1")], points=2)
    sites = (site("c1ccccc1[*:1]"), site("C1CC1[*:1]"))
    assert groups._near[tuple(s.near for s in sites)] == {"[1*]CN[2*]": 1}
    turned = groups._near[tuple(s.near for s in sites[::-1])]
    assert [Chem.CanonSmiles(g) for g in turned] == [Chem.CanonSmiles("[2*]CN[1*]")]


def test_sites_tell_an_amide_nitrogen_from_an_amine():
    assert site("CC(=O)N[*:1]").near != site("CCN[*:1]").near
    assert site("CC(=O)N[*:1]").atom == site("CCN[*:1]").atom


def test_size_and_numbers_of_a_group():
    assert count_heavy("[1*]OC([2*])C") == 3
    assert relabel("[1*]OC[2*]", (7, 3)) == "[7*]OC[3*]"
    assert Site("a", "b") == ("a", "b")
