"""Measured molecules: counts, rows, fragments and scaffolds."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from rdkit import Chem

from pipeline.benchmark import molecules
from pipeline.benchmark.distribution import (
    compute_cosine,
    measure_fragment_similarity,
    measure_neutrality,
    measure_novelty,
    measure_scaffold_similarity,
    measure_uniqueness,
    measure_validity,
)
from pipeline.benchmark.molecules import MeasuredParts, find_ring_scaffold, measure, split_fragments
from pipeline.chemistry.metrics import Share

ACETANILIDE, ASPIRIN = "CC(=O)Nc1ccccc1", "CC(=O)Oc1ccccc1C(=O)O"


ODD = ["OCC", "CCO", None, "", "C1CC", "C[N+](C)(C)C", "c1ccccc1"]
"""Ethanol twice, not decoded, the empty molecule, an open ring, a charged one, benzene."""


def test_counts() -> None:
    assert measure_validity(ODD) == Share(4, 7), "the empty molecule is none"
    assert measure_neutrality(ODD) == Share(3, 4)
    assert measure_uniqueness(ODD, 1000) == Share(3, 4)
    assert measure_uniqueness(ODD, 2) == Share(1, 2), "among the first k valid ones, spelled twice"
    assert measure_novelty(ODD, ["CCO", "C1=CC=CC=C1"]) == Share(2, 3), (
        "benzene is known under another spelling, as in MOSES"
    )
    assert measure_validity([]).of == 0 and math.isnan(measure_validity([]).fraction)


def test_rows_are_kept() -> None:
    assert measure(ODD).rows == [0, 1, 5, 6]
    assert measure(ODD).smiles == ["CCO", "CCO", "C[N+](C)(C)C", "c1ccccc1"]


def test_several_processes_give_the_same(sample_smiles: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(molecules, "_CHUNK", 20)
    asked = [*sample_smiles[:50], "nonsense"]
    one, two = (measure(asked, MeasuredParts(properties=False), workers=n) for n in (1, 2))
    assert one.smiles == two.smiles and one.rows == two.rows and one.valid == Share(50, 51)
    assert one.fragments == two.fragments and one.scaffolds == two.scaffolds
    assert np.array_equal(one.fingerprints, two.fingerprints)


def test_fragments_and_scaffolds() -> None:
    mol = Chem.MolFromSmiles(ACETANILIDE)
    assert Counter(split_fragments(mol)) == Counter(["[1*]C(C)=O", "[5*]N[5*]", "[16*]c1ccccc1"])
    assert find_ring_scaffold(mol) is None, "one ring is too few"
    assert find_ring_scaffold(Chem.MolFromSmiles("Cc1ccc(-c2ccccc2)cc1")) == "c1ccc(-c2ccccc2)cc1"
    biphenyls = ["Cc1ccc(-c2ccccc2)cc1", "Fc1ccc(-c2ccccc2)cc1", "CCC"]
    assert measure_scaffold_similarity(biphenyls, ["c1ccc(-c2ccccc2)cc1"]) == pytest.approx(1.0)
    assert measure_scaffold_similarity(biphenyls, ["c1ccc2ccccc2c1"]) == 0.0
    # fragments of the first: three, each once; of benzene: itself, which is none of them
    assert measure_fragment_similarity([ACETANILIDE], [ACETANILIDE]) == pytest.approx(1.0)
    assert measure_fragment_similarity([ACETANILIDE], ["c1ccccc1"]) == 0.0
    assert compute_cosine({"a": 1, "b": 1}, {"a": 1}) == pytest.approx(1 / math.sqrt(2))
    assert math.isnan(compute_cosine({}, {"a": 1}))
