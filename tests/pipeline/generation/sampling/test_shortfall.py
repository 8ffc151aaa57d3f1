"""Why fewer molecules reach the goal than were asked for is said as it is: too few were found, or others had a higher score."""

from __future__ import annotations

from typing import Any

import pandas as pd

from pipeline.generation.config import GenerateConfig
from pipeline.generation.sampling.constraint_filter import Refusals
from pipeline.generation.sampling.shortfall import explain_shortfall
from pipeline.models.trained_model import TrainedModel
from pipeline.objectives.config import Objective
from pipeline.objectives.constraints import Constraints
from pipeline.objectives.resolve import resolve


def explain(model: TrainedModel, mw: list[float], hits: int, **more: Any) -> list[str]:
    """Explain candidates that all have the logP asked for, and these weights."""
    aims = {"logp": Objective(target=2.5, tolerance=0.5), "mw": Objective(maximize=True, low=0.8)}
    objectives, _ = resolve(aims, model.properties)
    table = pd.DataFrame({"logp_computed": 2.5, "mw_computed": mw})
    table["within_target"] = table["mw_computed"] >= 0.8
    config = GenerateConfig(n=len(mw), objectives=aims, **more)
    return explain_shortfall(table, hits, 500, config, objectives, Constraints(()), Refusals())


def test_what_is_missed_is_named(model: TrainedModel) -> None:
    (told,) = explain(model, [0.9, 0.7, 0.7], 1)
    assert told.startswith("only 1 of 3 candidates is within every target (mw ") and "logp" not in told
    assert "2 are beside" in told and "although 500 molecules were drawn: the model knows few such molecules" in told


def test_hits_that_were_passed_over_are_told(model: TrainedModel) -> None:
    (told,) = explain(model, [0.9, 0.85, 0.7], 5)
    assert "1 is beside" in told and "although 5 molecules were found that are: candidates are ranked by" in told
    assert "knows few" not in told
    assert explain(model, [0.9, 0.85, 0.8], 5) == explain(model, [0.9, 0.7], 1, strategy="random") == []
