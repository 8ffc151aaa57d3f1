"""The report's figures on lists short enough to count by hand."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest
from rdkit import Chem, DataStructs

from chem_vae.errors import ChemVAEError
from pipeline.chemistry import metrics
from pipeline.chemistry.fingerprints import ECFP4_2048
from pipeline.chemistry.metrics import Share
from pipeline.chemistry.molecule import Molecule, read_canonical
from pipeline.chemistry.validate import Candidate


def key(smiles: str) -> str:
    return str(Chem.MolToInchiKey(Chem.MolFromSmiles(smiles)))


def test_a_share_keeps_its_denominator() -> None:
    assert Share(1, 4).to_dict() == {"count": 1, "of": 4, "fraction": 0.25}
    assert math.isnan(Share(0, 0).fraction)
    assert Share(0, 0).to_dict()["fraction"] is None
    assert str(Share(1234, 5000)) == "1,234 of 5,000 (24.7 %)"
    assert str(Share(0, 0)) == "0 of 0"


# -- the funnel ------------------------------------------------------------------------------------------------------


def test_each_stage_counts_among_the_one_before() -> None:
    stages = metrics.count_funnel([("requested", 200), ("decoded", 200), ("valid", 150), ("unique", 0), ("novel", 0)])
    assert [(s["count"], s["of"]) for s in stages] == [(200, 200), (200, 200), (150, 200), (0, 150), (0, 0)]
    assert [s["fraction"] for s in stages] == [1.0, 1.0, 0.75, 0.0, None]
    assert all(s["explanation"] for s in stages)
    assert metrics.count_funnel({"requested": 3, "mine": 1})[1]["explanation"] == ""
    assert metrics.count_funnel([]) == []


@pytest.mark.parametrize("counts", [[("requested", 2), ("valid", 3)], [("requested", -1)]])
def test_a_funnel_never_widens(counts: list[tuple[str, int]]) -> None:
    with pytest.raises(ChemVAEError, match="the funnel counts"):
        metrics.count_funnel(counts)


def test_validity_counts_every_row() -> None:
    rows = [
        Candidate(0, Molecule("C"), "valid"),
        Candidate(1, None, "empty"),
        Candidate(2, None, "not sanitized"),
    ]
    assert metrics.measure_validity(rows) == Share(1, 3)
    assert metrics.measure_validity(rows[1:]) == Share(0, 2)  # all invalid
    assert metrics.measure_validity([]) == Share(0, 0)


def test_uniqueness_sees_through_spellings() -> None:
    # ethanol twice, alanine as L, D and flat, acetic acid and acetate
    spellings = ["CCO", "OCC", "C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "CC(N)C(=O)O", "CC(=O)O", "CC(=O)[O-]"]
    assert metrics.measure_uniqueness([key(s) for s in spellings]) == Share(6, 7)
    assert metrics.measure_uniqueness([]) == Share(0, 0)


def test_novelty_with_and_without_stereo() -> None:
    reference = [key("OCC"), key("C[C@H](N)C(=O)O"), key("CC(=O)O")]
    #            known        other hand          flat              other charge     new
    found = [key("CCO"), key("C[C@@H](N)C(=O)O"), key("CC(N)C(=O)O"), key("CC(=O)[O-]"), key("c1ccccc1")]
    assert metrics.find_novel(found, reference) == [False, True, True, True, True]
    assert metrics.measure_novelty(found, reference) == Share(4, 5)
    assert metrics.find_novel(found, set(reference), stereo_blind=True) == [False, False, False, False, True]
    assert metrics.measure_novelty(found, reference, stereo_blind=True) == Share(1, 5)
    assert metrics.measure_novelty(found, []) == Share(5, 5)
    assert metrics.measure_novelty([], reference) == Share(0, 0)


# -- requested against achieved --------------------------------------------------------------------------------------


def test_achieved_against_a_target() -> None:
    result = metrics.compare_with_target([2.5, 2.75, 3.0, math.nan], target=2.5, tolerance=0.25)
    assert result.mean == pytest.approx(2.75)
    assert result.std == pytest.approx(math.sqrt(1 / 24))
    assert result.mae == pytest.approx(0.25)
    assert result.within == Share(2, 4)  # the edge counts, the failed value does not


def test_a_tolerance_holds_its_own_edge_in_floating_point() -> None:
    assert metrics.compare_with_target([0.3, 0.8 + 0.1 + 0.1], target=0.2, tolerance=0.1).within == Share(1, 2)


def test_achieved_against_a_range_and_without_a_bound() -> None:
    assert metrics.compare_with_target([1, 2, 3, 4], low=2, high=3).within == Share(2, 4)
    assert metrics.compare_with_target([1, 2, 3, 4], low=2).within == Share(3, 4)
    open_ended = metrics.compare_with_target([1, 2, math.inf])
    assert open_ended.within == Share(2, 3)
    assert math.isnan(open_ended.mae)
    nothing = metrics.compare_with_target([])
    assert math.isnan(nothing.mean) and nothing.within == Share(0, 0)


# -- diversity -------------------------------------------------------------------------------------------------------


def test_internal_diversity_counts_a_molecule_with_itself() -> None:
    assert metrics.measure_internal_diversity(["CCO", "OCC", "C(C)O"]) == pytest.approx(0.0)
    assert metrics.measure_internal_diversity(["CCO"]) == pytest.approx(0.0)
    pair = ["c1ccccc1", "CC(C)(C)S"]  # not a bit in common: 1 - (1 + 0 + 0 + 1) / 4
    a, b = metrics.compute_fingerprints(pair)
    assert DataStructs.TanimotoSimilarity(a, b) == 0
    assert metrics.measure_internal_diversity(pair) == pytest.approx(0.5)
    assert math.isnan(metrics.measure_internal_diversity([]))
    assert math.isnan(metrics.measure_internal_diversity(["no smiles"]))


def test_internal_diversity_of_a_power() -> None:
    smiles = ["CCO", "CCN", "c1ccccc1O"]
    bits = metrics.compute_fingerprints(smiles)
    table = np.array([[DataStructs.TanimotoSimilarity(a, b) for b in bits] for a in bits])
    assert metrics.measure_internal_diversity(smiles) == pytest.approx(1 - table.mean())
    assert metrics.measure_internal_diversity(smiles, p=2) == pytest.approx(1 - np.sqrt((table**2).mean(axis=1)).mean())


def test_internal_diversity_draws_by_seed() -> None:
    smiles = ["C" * n + "O" for n in range(1, 30)] + ["c1ccccc1" + "N" * n for n in range(1, 5)]
    drawn = [metrics.measure_internal_diversity(smiles, at_most=6, seed=s) for s in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_scaffolds() -> None:
    assert metrics.find_scaffold("Cc1ccccc1") == "c1ccccc1"
    assert metrics.find_scaffold("CCO") == ""
    assert metrics.find_scaffold("C(") is None
    assert metrics.find_scaffold("C[C@H]1CC[C@@H](O)C1") == "C1CCCC1"
    # benzene twice, pyridine, biaryl, two without a ring, one that is no molecule
    smiles = ["Cc1ccccc1", "Oc1ccccc1", "c1ccncc1", "c1ccc(-c2ccccc2)cc1", "CC", "CCO", "C("]
    assert metrics.count_scaffolds(smiles) == Share(4, 7)
    assert metrics.count_scaffolds([]) == Share(0, 0)


# -- neighbors -------------------------------------------------------------------------------------------------------

REFERENCE = [
    "CCO", "c1ccccc1", "Cc1ccc(-c2cc(C(F)(F)F)nn2-c2ccc(S(N)(=O)=O)cc2)cc1", "O=C([O-])C[NH3+]", "C[C@H](N)C(=O)O",
    "c1ccc2[nH]ccc2c1", "Cn1c(=O)c2c(ncn2C)n(C)c1=O", "F/C=C/F", "O=S(=O)(O)c1ccccc1", "N#Cc1ccncc1", "[O-][n+]1ccccc1",
]  # fmt: skip


@pytest.mark.parametrize("block", [3, 100])
def test_nearest_neighbors_in_blocks(block: int) -> None:
    reports: list[tuple[int, int]] = []

    def listen(stage: str, done: int, total: int, figures: Mapping[str, float] | None = None) -> None:
        reports.append((done, total))

    found = metrics.find_nearest_neighbors(["OCC", "Oc1ccccc1", "C("], REFERENCE, listen, block)
    assert found[0] == ("CCO", 1.0)
    bits = metrics.compute_fingerprints(REFERENCE)
    similarity = DataStructs.BulkTanimotoSimilarity(metrics.compute_fingerprints(["Oc1ccccc1"])[0], bits)
    assert found[1] == (REFERENCE[int(np.argmax(similarity))], max(similarity))
    assert found[2][0] is None and math.isnan(found[2][1])
    assert reports[0] == (0, len(REFERENCE)) and reports[-1] == (len(REFERENCE), len(REFERENCE))


def test_no_reference_is_no_neighbor() -> None:
    ((smiles, similarity),) = metrics.find_nearest_neighbors(["CCO"], [])
    assert smiles is None and math.isnan(similarity)


def test_the_fast_reading_of_canonical_smiles_gives_the_same_fingerprints() -> None:
    canonical = [Chem.CanonSmiles(s) for s in REFERENCE]
    for smiles, (nearest, similarity) in zip(
        canonical, metrics.find_nearest_neighbors(canonical, canonical), strict=True
    ):
        assert (nearest, similarity) == (smiles, 1.0)
    fast = ECFP4_2048.bits_of([read_canonical(s) for s in canonical])
    assert fast == metrics.compute_fingerprints(canonical)
