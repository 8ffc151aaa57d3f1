"""Figures against calls, and the molecules that a result lists."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.optimization.result import average_best, rank_candidates


def test_the_best_scores_are_averaged_over_the_calls_so_far() -> None:
    nan = float("nan")
    assert average_best(np.array([nan, 1.0, 0.5, 3.0]), 2).tolist()[1:] == [1.0, 0.75, 2.0]


def test_of_tautomers_with_one_inchikey_the_better_is_listed() -> None:
    tautomers = ["Cc1c[nH]cn1", "Cc1cnc[nH]1"]
    calls = pd.DataFrame({"smiles": [*tautomers, "CCO"], "score": [0.5, 0.9, 0.1], "order": [1, 2, 3]})
    found = rank_candidates(calls, n=3, per_scaffold=3)
    assert found["smiles"].tolist() == [tautomers[1], "CCO"]
    assert found["rank"].tolist() == [1, 2]
