"""Figures against calls."""

from __future__ import annotations

import numpy as np

from pipeline.optimization.result import average_best


def test_the_best_scores_are_averaged_over_the_calls_so_far() -> None:
    nan = float("nan")
    assert average_best(np.array([nan, 1.0, 0.5, 3.0]), 2).tolist()[1:] == [1.0, 0.75, 2.0]
