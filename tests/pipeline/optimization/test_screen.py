"""Screening: what is no molecule stays out, two spellings of a molecule are one, and the features count substructures."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator

from chem_vae.optimizers import Molecule
from chem_vae.vocabulary import SelfiesVocabulary, smiles_to_selfies
from pipeline.chemistry.fingerprints import SIMULATED_COUNTS
from pipeline.objectives.config import Constraint
from pipeline.objectives.constraints import Constraints
from pipeline.optimization.screen import NarrowScreen, Screen, Variation

REFUSE_ALL = Constraints([Constraint(must_contain="[U]")])


@pytest.fixture(scope="module")
def canonical(sample_smiles: list[str]) -> list[str]:
    return [Chem.CanonSmiles(s) for s in sample_smiles[:150]]


@pytest.fixture(scope="module")
def spelled(canonical: list[str]) -> list[str]:
    return [smiles_to_selfies(s) for s in canonical]


@pytest.fixture
def screen(spelled: list[str]) -> Screen:
    return Screen(SelfiesVocabulary.learn(spelled, merges=20))


def _keys(molecules: Sequence[Molecule | None]) -> list[str | None]:
    return [m.key if m is not None else None for m in molecules]


def test_row_i_stays_row_i(screen: Screen) -> None:
    found = screen(["[C][O]", None, "[nop][nop]", "", "[what]", "[O][C]", "[C", "[C][O]"])
    assert _keys(found) == ["CO", None, None, None, None, "CO", None, "CO"]
    assert found[0] == found[5] is found[7]
    assert screen.tally == {"valid": 2, "not decoded": 3, "empty": 2}  # a repeated string is screened once
    assert screen([]) == []


def test_from_selfies_and_from_smiles_it_is_the_same(screen: Screen, canonical: list[str], spelled: list[str]) -> None:
    other = Screen(screen.vocabulary)
    for one, two, smiles in zip(screen(spelled), other.from_smiles(canonical), canonical, strict=True):
        assert one is not None and two is not None
        assert one.key == two.key == smiles and one.selfies == two.selfies == smiles_to_selfies(smiles)
        assert torch.equal(one.features, two.features)
    assert other(spelled) == other.from_smiles(canonical) and other.tally["valid"] == len(set(canonical))


def test_what_is_refused_is_counted_once(screen: Screen) -> None:
    refusing = Screen(screen.vocabulary, REFUSE_ALL)
    assert refusing(["[C][C][O]"]) == refusing.from_smiles(["CCO", "CCO"])[:1] == [None]
    assert refusing.tally == {"constrained": 1}


def test_features_are_near_the_counts(screen: Screen, canonical: list[str]) -> None:
    molecules = [m for m in screen.from_smiles(canonical[:40]) if m is not None]
    assert len(molecules) == 40
    bits = torch.stack([m.features for m in molecules])
    assert bits.shape == (40, SIMULATED_COUNTS.size) and bits.dtype == torch.uint8 and bits.max() == 1
    counts = rdFingerprintGenerator.GetMorganGenerator(radius=2)
    exact = [counts.GetSparseCountFingerprint(Chem.MolFromSmiles(m.key)) for m in molecules]
    both = (bits[:, None] & bits[None]).sum(-1).double()
    either = (bits[:, None] | bits[None]).sum(-1)
    wanted = torch.tensor([DataStructs.BulkTanimotoSimilarity(e, exact) for e in exact], dtype=torch.float64)
    assert (both / either - wanted).abs().mean() < 0.03


def test_constraints(spelled: list[str], canonical: list[str], screen: Screen) -> None:
    screen = Screen(screen.vocabulary, Constraints([Constraint(property="heavy_atoms", at_most=20, name="small")]))
    found = screen(spelled)
    sizes = [Chem.MolFromSmiles(s).GetNumAtoms() for s in canonical]
    assert [m is not None for m in found] == [size <= 20 for size in sizes] and 0 < sum(s <= 20 for s in sizes) < 150
    assert screen.tally["constrained"] == screen.broken["small"] == sum(size > 20 for size in sizes)
    refused = screen.examine([*spelled, None, "[what]"])
    assert [s is not None for s in refused] == [True] * len(spelled) + [False] * 2, (
        "no molecule is not a broken constraint"
    )
    assert screen(spelled) == found and screen.from_smiles(canonical) == found  # also from the cache
    assert [s is not None for s in screen.spell(canonical)] == [m is not None for m in found]


def test_what_the_vocabulary_cannot_spell(screen: Screen) -> None:
    silane, iodane = "C[Si](C)(C)c1ccccc1", "O=I(=O)c1ccccc1"
    found = screen.from_smiles([silane, iodane, "nonsense", None])
    assert found[0] is not None and found[0].selfies == "" and screen.vocabulary.find_missing(smiles_to_selfies(silane))
    assert found[1] is not None and found[1].selfies == ""
    assert found[2:] == [None, None]
    assert screen.spell([silane, iodane]) == [smiles_to_selfies(silane), None]


def test_the_cache_forgets_the_oldest(spelled: list[str], screen: Screen) -> None:
    small = Screen(screen.vocabulary, cache=10)
    assert _keys(small(spelled)) == _keys(screen(spelled))  # a batch may be larger than the cache
    assert _keys(small(spelled[-5:])) == _keys(screen(spelled[-5:])) and small.tally["valid"] == screen.tally["valid"]
    small(spelled[:5])
    assert small.tally["valid"] == screen.tally["valid"] + 5


def test_variation_for_a_problem(screen: Screen, canonical: list[str]) -> None:
    vary = Variation(Screen(screen.vocabulary), elements=("C", "N", "O", "F", "S", "Cl", "Br"), max_atoms=35)
    pairs = vary(canonical, 100, 0)
    assert pairs == vary(canonical, 100, 0) and {parent for _, parent in pairs} <= set(canonical)
    strings = [string for string, _ in pairs]
    assert sum(string is not None for string in strings) > 90
    for molecule in screen([s for s in strings if s is not None]):
        assert molecule is not None and molecule.key not in canonical
    refused = Variation(Screen(screen.vocabulary, REFUSE_ALL), elements=("C", "O"), max_atoms=35)
    assert refused(canonical, 5, 0) == [(None, parent) for _, parent in refused(canonical, 5, 0)]


def test_varied_molecules_are_spelled_only_when_that_is_asked_for(screen: Screen, canonical: list[str]) -> None:
    vary = Variation(screen, elements=("C", "N", "O", "F", "S", "Cl", "Br"), max_atoms=35)
    made = [m for m, _ in vary.make_molecules(canonical, 50, 0) if m is not None]
    assert len(made) > 40 and not any("spelled" in vars(m) for m in made)
    assert [m.spelled for m in made] == [s for s, _ in vary(canonical, 50, 0) if s]


def test_a_narrow_screen_refuses_what_is_unusual(screen: Screen) -> None:
    wide = Screen(screen.vocabulary, Constraints((), None))
    narrow = NarrowScreen(wide, ())
    strings = [smiles_to_selfies(s) for s in ("CCOC(C)=O", "CCOOC(C)C", "CC(O)(O)C(C)C")]
    assert [m is not None for m in wide(strings)] == [True] * 3
    assert [m is not None for m in narrow(strings)] == [True, False, False]
    narrow.remember([wide(strings)[1].key])  # type: ignore[union-attr]
    assert narrow(["[C]"])[0] is not None
