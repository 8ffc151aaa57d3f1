"""Origins of the calls, and lineages of the candidates."""

from __future__ import annotations

import pandas as pd
import pytest

from pipeline.report.building.origins import count_origins, measure_shares, trace_lineages


def test_origins_shares_and_lineages_of_a_few_calls() -> None:
    calls = pd.DataFrame(
        {
            "order": [0, 1, 2, 3],
            "smiles": ["C", "CC", "CCC", "CCO"],
            "score": [0.1, 0.2, 0.4, float("nan")],
            "origin": ["prior", "move", "move", "move, center 2"],
            "parent": [None, "C", "CC", "CC"],
        }
    )
    chosen = calls.iloc[[2, 1]]
    by_origin = {row.origin: row.model_dump() for row in count_origins(calls, chosen)}
    assert (
        by_origin["move"] | {"best": 0.4, "mean": pytest.approx(0.3), "asked": 2, "scored": 2, "candidates": 2}
        == by_origin["move"]
    )
    assert (by_origin["move, center 2"]["asked"], by_origin["move, center 2"]["scored"]) == (1, 0)
    (chain,) = trace_lineages(calls, chosen)
    assert [(step.smiles, step.call) for step in chain] == [("C", 1), ("CC", 2), ("CCC", 3)]
    found = measure_shares(calls, parts=2)  # of the moves, around whichever center
    assert found.model_dump() == {"origins": ["move", "prior"], "edges": [0, 2, 4], "shares": [[0.5, 0.5], [1.0, 0.0]]}
