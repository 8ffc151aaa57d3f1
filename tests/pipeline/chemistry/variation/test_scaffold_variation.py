import pytest
from rdkit import Chem

from chem_vae.errors import UserError
from pipeline.chemistry.filters.structure_filters import has_unusual_motif, learn_usual
from pipeline.chemistry.variation.groups import Groups
from pipeline.chemistry.variation.scaffold_variation import ScaffoldVariation, list_capped
from pipeline.chemistry.variation.scaffolds import Scaffold

MOLS = [Chem.MolFromSmiles(s) for s in ("COc1ccc(C(=O)NC2CC2)cc1", "CCN(C)C(=O)c1ccccc1F", "O=C(Cc1ccncc1)N1CCOCC1")]
CASES = [
    ("O=C(N[*:1])c1ccc([*:2])cc1", ["O=C(NC1CC1)c1ccc(OC)cc1", "O=C(NCCC)c1ccc(CN2CCOCC2)cc1"]),
    ("C[C@H]([*:1])NC(=O)[*:2]", ["C[C@H](CC)NC(=O)c1ccccc1", "C[C@H](CCO)NC(=O)CC1CC1"]),
    ("c1ccccc1[*:1].C1CCN([*:2])CC1", ["c1ccccc1CCN1CCCCC1", "c1ccccc1C(=O)CN1CCCCC1"]),
    ("N[C@@H](C)C(=O)O", ["N[C@@H](C)C(=O)O"]),
    ("C[N+](C)(C)CC([*:1])C(=O)[O-]", ["C[N+](C)(C)CC(O)C(=O)[O-]"]),
]


@pytest.mark.parametrize(("scaffold", "parents"), CASES)
def test_every_child_keeps_the_scaffold_and_is_usual(scaffold, parents):
    kept = Scaffold(scaffold)
    variation = ScaffoldVariation(kept, choose=Groups(MOLS, max(kept.parts, 1)).select, max_atoms=25)
    children = variation.vary(parents, 60, 1)
    found = [child for child, _ in children if child is not None]
    assert len(found) > 25 and len(set(found)) == len(found)
    assert not set(found) & {Chem.CanonSmiles(p) for p in parents}
    for mol in map(Chem.MolFromSmiles, found):
        assert kept.is_in(mol) and mol.GetNumAtoms() <= 25
        assert not has_unusual_motif(mol, learn_usual(list_capped(kept)))


def test_the_same_seed_gives_the_same_children():
    variation = ScaffoldVariation(Scaffold(CASES[0][0]))
    assert variation.vary(CASES[0][1], 20, 3) == variation.vary(CASES[0][1], 20, 3)
    assert variation.vary(CASES[0][1], 20, 3) != variation.vary(CASES[0][1], 20, 4)


def test_children_have_no_other_elements():
    children = ScaffoldVariation(Scaffold("O=C(N[*:1])c1ccc(Cl)cc1"), elements=("C", "N")).vary(
        ["O=C(NCCC)c1ccc(Cl)cc1"], 40, 0
    )
    elements = {a.GetSymbol() for c, _ in children if c for a in Chem.MolFromSmiles(c).GetAtoms()}
    assert elements <= {"C", "N", "O", "Cl"}


def test_parents_without_the_scaffold_are_passed_over():
    variation = ScaffoldVariation(Scaffold(CASES[0][0]))
    assert {p for _, p in variation.vary(["CCO", *CASES[0][1]], 10, 0)} <= set(CASES[0][1])
    with pytest.raises(UserError, match="none of the parents holds the scaffold"):
        variation.vary(["CCO"], 10, 0)


def test_a_bare_scaffold_gets_groups_at_several_places():
    children = ScaffoldVariation(Scaffold("c1ccc2[nH]ccc2c1"), choose=Groups(MOLS).select).vary(
        ["c1ccc2[nH]ccc2c1"], 40, 0
    )
    sites = {s for c, _ in children if c for s in Scaffold("c1ccc2[nH]ccc2c1").place(Chem.MolFromSmiles(c)).groups}
    assert len(sites) > 3
