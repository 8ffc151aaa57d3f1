"""The metrics of MOSES on lists of SMILES."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pipeline.benchmark import distribution
from pipeline.benchmark.distribution import (
    compute_wasserstein,
    measure_property_distance,
)
from pipeline.chemistry.metrics import Share


def test_wasserstein() -> None:
    values = np.array([0.0, 1.0, 3.0])
    assert compute_wasserstein(values, values + 2) == pytest.approx(2.0)
    assert compute_wasserstein(values, np.array([5.0])) == pytest.approx((5 + 4 + 2) / 3)
    assert compute_wasserstein(np.array([1.0, math.nan]), np.array([1.0])) == 0.0
    assert math.isnan(compute_wasserstein(np.array([]), values))
    assert measure_property_distance(["C"], ["CC"], "mw") == pytest.approx(14.027, abs=1e-3)  # CH2


def test_figures_as_json() -> None:
    plain = distribution.to_json({"valid": Share(1, 2), "SNN": 0.5})
    assert plain == {"valid": {"count": 1, "of": 2, "fraction": 0.5}, "SNN": 0.5}
    assert distribution.to_number(Share(1, 2)) == 0.5
