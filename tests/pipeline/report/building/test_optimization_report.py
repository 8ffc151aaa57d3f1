"""Curves of an optimization against its calls."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.report.building.optimization_report import follow_diversity, follow_scores


def test_the_curve_holds_the_best_and_the_means_so_far() -> None:
    rows = follow_scores(np.array([1.0, 3.0, 2.0]))
    assert [row[:3] for row in rows] == [[1, 1, 1], [2, 3, 2], [3, 3, 2]]
    assert follow_scores(np.array([])) == []


def test_diversity_is_followed_from_two_molecules_on() -> None:
    calls = pd.DataFrame({"smiles": ["CCO", "c1ccccc1", "c1ccccc1C"], "score": [0.1, 0.2, 0.3]})
    rows = follow_diversity(calls)
    assert [(row.calls, row.scaffolds, row.of) for row in rows] == [(2, 2, 2), (3, 2, 3)]
    assert all(0 < (row.diversity or 0) < 1 for row in rows)
