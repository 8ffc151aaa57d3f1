"""Variation: children are molecules, of the elements and sizes that were asked for, and the same for the same seed."""

from __future__ import annotations

import time

import pytest
from rdkit import Chem

from chem_vae.errors import UserError
from pipeline.chemistry.variation.crossover import vary

MESTRANOL = "C#C[C@]1(O)CC[C@H]2[C@@H]3CCc4cc(OC)ccc4[C@H]3CC[C@@]21C"
DRUG_LIKE = ("C", "N", "O", "F", "S", "Cl", "Br")


@pytest.fixture(scope="module")
def parents(sample_smiles: list[str]) -> list[str]:
    return [Chem.CanonSmiles(s) for s in sample_smiles[:200]]


@pytest.mark.parametrize("crossover", [0.0, 0.5, 1.0])
def test_children_are_canonical_and_new(parents: list[str], crossover: float) -> None:
    started = time.process_time()
    pairs = vary(parents, 400, 0, max_atoms=40, crossover=crossover)
    print(f"{400 / (time.process_time() - started):,.0f} children a second")
    children = [child for child, _ in pairs if child is not None]
    assert len(pairs) == 400 and len(children) >= 390
    assert len(set(children)) == len(children) and not set(children) & set(parents)
    assert all(Chem.CanonSmiles(child) == child for child in children)
    assert {parent for _, parent in pairs} <= set(parents)


def test_elements_and_sizes_are_kept(parents: list[str]) -> None:
    pairs = vary(parents, 300, 1, elements=("C", "N", "O"), max_atoms=22, min_atoms=8)
    mols = [Chem.MolFromSmiles(child) for child, _ in pairs if child is not None]
    assert len(mols) > 200
    assert {atom.GetSymbol() for mol in mols for atom in mol.GetAtoms()} == {"C", "N", "O"}
    sizes = [mol.GetNumAtoms() for mol in mols]
    assert 8 <= min(sizes) <= max(sizes) <= 22


def test_weights_steer_what_mutations_put_in(parents: list[str]) -> None:
    def share(weights: dict[str, float]) -> float:
        pairs = vary(parents, 300, 2, elements=weights, crossover=0.0)
        return sum("F" in child for child, _ in pairs if child is not None) / 300

    symbols = dict.fromkeys(DRUG_LIKE, 1.0)
    assert share({**symbols, "F": 100.0}) > share({**symbols, "F": 0.01}) + 0.1


def test_the_seed_decides(parents: list[str]) -> None:
    assert vary(parents, 60, 3) == vary(parents, 60, 3)
    assert vary(parents, 60, 3) != vary(parents, 60, 4)


def test_better_parents_have_more_children(parents: list[str]) -> None:
    drawn = [parents.index(parent) for _, parent in vary(parents, 600, 0, crossover=0.0, rank_weight=0.01)]
    best, rest = sum(rank < 20 for rank in drawn), sum(rank >= 100 for rank in drawn)
    assert best > 2 * rest
    even = [parents.index(parent) for _, parent in vary(parents, 600, 0, crossover=0.0, rank_weight=100.0)]
    assert sum(rank < 20 for rank in even) < best / 2


def test_no_charges_strained_rings_or_macrocycles_of_their_own(parents: list[str]) -> None:
    mols = [Chem.MolFromSmiles(child) for child, _ in vary(parents, 800, 5, max_atoms=40) if child is not None]
    assert all(atom.GetFormalCharge() == 0 and not atom.GetNumRadicalElectrons() for m in mols for atom in m.GetAtoms())
    assert max(len(ring) for mol in mols for ring in mol.GetRingInfo().AtomRings()) <= 8
    for smarts in ("[O;X2]-[O;X2]", "[R]=[R]=[R]", "[R]#[R]", "[S;!v2;!H0]", "[F,Cl,Br]-[!#6]"):
        pattern = Chem.MolFromSmarts(smarts)
        without = [p for p in parents if Chem.MolFromSmiles(p).HasSubstructMatch(pattern)]
        assert not without  # the sample has none, so no child may
        assert not any(mol.HasSubstructMatch(pattern) for mol in mols)


def test_what_a_parent_has_its_children_may_have() -> None:
    ring, salt = "O=C1CCCCCCCCCCC1", "C[N+](C)(C)CC(=O)[O-]"
    mols = [Chem.MolFromSmiles(c) for c, _ in vary([ring, salt], 300, 0, max_atoms=30) if c is not None]
    assert any(len(r) > 8 for mol in mols for r in mol.GetRingInfo().AtomRings())
    assert any(atom.GetFormalCharge() for mol in mols for atom in mol.GetAtoms())
    assert {Chem.GetFormalCharge(mol) for mol in mols} == {0}  # a zwitterion loses both charges or none


def test_distant_stereocenters_stay() -> None:
    """Children that still have the skeleton with all five centers have them as they were."""
    pairs = vary([Chem.CanonSmiles(MESTRANOL)], 400, 0, max_atoms=40)
    core = Chem.MolFromSmiles("C#C[C@]1(O)CC[C@H]2[C@@H]3CCc4ccccc4[C@H]3CC[C@@]21C")
    flat = Chem.MolFromSmiles("C#CC1(O)CCC2C3CCc4ccccc4C3CCC21C")
    kept = 0
    for mol in (Chem.MolFromSmiles(child) for child, _ in pairs if child is not None):
        tags = [mol.GetAtomWithIdx(i).GetChiralTag() for i in mol.GetSubstructMatch(flat)]
        if sum(tag != Chem.ChiralType.CHI_UNSPECIFIED for tag in tags) == 5:
            assert mol.HasSubstructMatch(core, useChirality=True), Chem.MolToSmiles(mol)
            kept += 1
    assert kept > 20


def test_one_parent_and_impossible_limits() -> None:
    assert all(parent == "CCO" for _, parent in vary(["CCO"], 20, 0))
    assert vary(["c1ccccc1CCN"], 5, 0, max_atoms=5, min_atoms=6) == [(None, "c1ccccc1CCN")] * 5
    assert vary(["CCO", "CCN"], 0, 0) == []


def test_unusable_parents_and_elements() -> None:
    assert {parent for _, parent in vary(["nonsense", "CC.CC", "C", "CCO"], 10, 0)} == {"CCO"}
    with pytest.raises(UserError, match="nothing to vary"):
        vary(["nonsense", "[Na+].[Cl-]"], 5, 0)
    with pytest.raises(UserError, match="'Xx'"):
        vary(["CCO"], 5, 0, elements=("C", "Xx"))
    with pytest.raises(UserError, match="weight of C"):
        vary(["CCO"], 5, 0, elements={"C": 0.0})
    with pytest.raises(UserError, match="empty"):
        vary(["CCO"], 5, 0, elements=())
