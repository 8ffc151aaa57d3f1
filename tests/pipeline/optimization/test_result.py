"""Figures against calls, and the molecules that a result lists."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.optimization.config import OptimizeConfig
from pipeline.optimization.result import average_best, explain_full_scaffolds, rank_candidates


def test_the_best_scores_are_averaged_over_the_calls_so_far() -> None:
    nan = float("nan")
    assert average_best(np.array([nan, 1.0, 0.5, 3.0]), 2).tolist()[1:] == [1.0, 0.75, 2.0]


def test_of_tautomers_with_one_inchikey_the_better_is_listed() -> None:
    tautomers = ["Cc1c[nH]cn1", "Cc1cnc[nH]1"]
    calls = pd.DataFrame({"smiles": [*tautomers, "CCO"], "score": [0.5, 0.9, 0.1], "order": [1, 2, 3]})
    found = rank_candidates(calls, n=3, per_scaffold=3)
    assert found["smiles"].tolist() == [tautomers[1], "CCO"]
    assert found["rank"].tolist() == [1, 2]


def test_molecules_without_a_ring_have_no_scaffold_in_common() -> None:
    chains = ["C" * i + "O" for i in range(1, 6)]
    rings = ["C" * i + "c1ccccc1" for i in range(1, 4)]
    calls = pd.DataFrame({"smiles": chains + rings, "score": np.arange(8.0), "order": range(8)})
    found = rank_candidates(calls, n=8, per_scaffold=2)
    assert found["scaffold"].tolist() == ["c1ccccc1"] * 2 + [""] * 5
    asked = OptimizeConfig.from_values({"objectives": {"qed": {"maximize": True}}, "n": 8, "per_scaffold": 2})
    (told,) = explain_full_scaffolds(found, asked)
    assert told.startswith("7 candidates instead of 8: one scaffold has 2 of them")
    assert explain_full_scaffolds(found, asked.model_copy(update={"n": 7})) == []
    assert explain_full_scaffolds(found[found["scaffold"] == ""], asked) == [], "there were no more"
