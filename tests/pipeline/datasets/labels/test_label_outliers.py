"""Codes for missing values and outliers are found in all usual shapes of data, and ordinary data has none."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.datasets.labels.label_outliers import LARGEST, find_suspects

RANDOM = np.random.default_rng(0)
ASSAY = RANDOM.normal(5.7, 0.6, 60).round(2)
RAW = 10 ** (9 - RANDOM.normal(6.0, 1.3, 60))


@pytest.mark.parametrize(
    ("values", "codes"),
    [
        ([*ASSAY, *[-999.0] * 8], {-999.0}),
        ([*ASSAY, -1.0], {-1.0}),
        ([*ASSAY, 0.0, 0.0, 0.0], {0.0}),
        ([*ASSAY, -999.0, -999.0, 9999.0], {-999.0, 9999.0}),
        ([*ASSAY[:20], *[-999.0] * 40], {-999.0}),
        ([*ASSAY, 123.0, 123.0, 123.0], {123.0}),
        ([*RAW, -1.0, -1.0], {-1.0}),
        ([*RAW, 0.0], {0.0}),
        ([*RANDOM.integers(0, 2, 60), -999.0, -999.0], {-999.0}),
        ([6.5] * 59 + [-999.0], {-999.0}),
    ],
)
def test_codes_are_found(values: list[float], codes: set[float]) -> None:
    array = np.array(values, dtype=np.float64)
    found = find_suspects(array)
    assert set(array[found.codes]) == codes
    assert not found.outliers.any()


@pytest.mark.parametrize("outlier", [1e6, 61.1, -40.0, 1e30, np.inf, 1e308, 2 * LARGEST])
def test_outliers_are_found(outlier: float) -> None:
    array = np.array([*ASSAY, outlier, np.nan])
    found = find_suspects(array)
    assert list(np.flatnonzero(found.any)) == [60] and found.outliers[60]


@pytest.mark.parametrize(
    "values",
    [
        ASSAY,
        RAW,
        np.minimum(RAW, 10_000.0),
        np.maximum(ASSAY, 5.5),
        [*ASSAY, *[4.0] * 10],
        RANDOM.normal(-3.0, 2.0, 800).round(2),
        RANDOM.standard_t(3, 300),
        np.clip(RANDOM.normal(30.0, 40.0, 100), 0.0, 100.0).round(),
        [*np.clip(RANDOM.normal(40.0, 30.0, 100), 1.0, 100.0).round(), -1.0],
        RANDOM.integers(0, 2, 60),
        2 * RANDOM.integers(0, 2, 60) - 1,
        RANDOM.integers(0, 3, 60),
        RANDOM.poisson(0.4, 100),
        RANDOM.uniform(-1.0, 1.0, 60).round(1),
        [*RANDOM.normal(4.0, 0.1, 54), *RANDOM.normal(9.0, 0.1, 6)],
        [5.0] * 50 + [5.5, 6.0, 6.2, 7.0, 7.5, 8.1, 5.4, 6.6, 6.7, 8.8],
        [0.0] * 40 + RANDOM.uniform(0.0, 100.0, 20).tolist(),
        [6.5] * 30,
        [],
    ],
)
def test_ordinary_data_has_none(values: list[float]) -> None:
    assert not find_suspects(np.asarray(values, dtype=np.float64)).any.any()
