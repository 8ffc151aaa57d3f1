"""Tanimoto similarities of many fingerprints, compared with RDKit's."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pipeline.benchmark import similarity
from pipeline.benchmark.distribution import (
    measure_snn,
)
from pipeline.benchmark.molecules import MeasuredParts, measure
from pipeline.benchmark.similarity import compute_internal_diversities, compute_nearest_similarities
from pipeline.chemistry.metrics import measure_internal_diversity


def test_similarity() -> None:
    bits = np.zeros((3, 1024), dtype=np.uint8)
    bits[0, :4] = bits[1, 2:6] = bits[2, 500:503] = 1  # the first two share 2 of 6
    packed = np.packbits(bits, axis=1)
    assert compute_nearest_similarities(packed[:1], packed[1:]).tolist() == pytest.approx([1 / 3])
    assert np.isnan(compute_nearest_similarities(packed, packed[:0])).all()
    rows = [(1 + 1 / 3) / 3, (1 + 1 / 3) / 3, 1 / 3]
    squares = [math.sqrt((1 + 1 / 9) / 3), math.sqrt((1 + 1 / 9) / 3), math.sqrt(1 / 3)]
    assert compute_internal_diversities(packed) == pytest.approx([1 - np.mean(rows), 1 - np.mean(squares)])
    full = np.packbits(np.ones((1, 1024), dtype=np.uint8), axis=1)  # more bits than bfloat16 can count
    assert compute_nearest_similarities(full, packed).tolist() == pytest.approx([4 / 1024])


def test_similarity_agrees_with_rdkit(sample_smiles: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similarity, "_BLOCK", 64)
    measured = measure(sample_smiles[:150], MeasuredParts(properties=False), workers=1)
    ours = compute_internal_diversities(measured.fingerprints)
    assert ours[0] == pytest.approx(measure_internal_diversity(measured.smiles), abs=1e-6)
    assert ours[1] == pytest.approx(measure_internal_diversity(measured.smiles, p=2), abs=1e-6)
    assert (
        measure_snn(sample_smiles[:5], sample_smiles[3:50]) < 1 == measure_snn(sample_smiles[3:5], sample_smiles[:50])
    )
