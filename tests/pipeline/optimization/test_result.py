"""Figures against calls, origins and lineages."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipeline.optimization.result import average_best
from pipeline.report import optimization_report, origins


def test_figures_against_calls() -> None:
    nan = float("nan")
    assert average_best(np.array([nan, 1.0, 0.5, 3.0]), 2).tolist()[1:] == [1.0, 0.75, 2.0]
    rows = optimization_report.draw_curve(np.array([1.0, 3.0, 2.0]))
    assert [row[:3] for row in rows] == [[1, 1, 1], [2, 3, 2], [3, 3, 2]]
    calls = pd.DataFrame(
        {
            "order": [0, 1, 2, 3],
            "smiles": ["C", "CC", "CCC", "CCO"],
            "score": [0.1, 0.2, 0.4, nan],
            "origin": ["prior", "move", "move", "move, center 2"],
            "parent": [None, "C", "CC", "CC"],
        }
    )
    chosen = calls.iloc[[2, 1]]
    by_origin = {row.origin: row.model_dump() for row in origins.count_origins(calls, chosen)}
    assert (
        by_origin["move"] | {"best": 0.4, "mean": pytest.approx(0.3), "asked": 2, "scored": 2, "candidates": 2}
        == by_origin["move"]
    )
    assert (by_origin["move, center 2"]["asked"], by_origin["move, center 2"]["scored"]) == (1, 0)
    (chain,) = origins.trace_lineages(calls, chosen)
    assert [(step.smiles, step.call) for step in chain] == [("C", 1), ("CC", 2), ("CCC", 3)]
    found = origins.measure_shares(calls, parts=2)  # of the moves, around whichever center
    assert found.model_dump() == {"origins": ["move", "prior"], "edges": [0, 2, 4], "shares": [[0.5, 0.5], [1.0, 0.0]]}
