"""The settings of objectives and constraints: which are valid, and how a mistake is told."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from pipeline.objectives.config import Objective


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"target": 1, "maximize": True},
        {"maximize": True, "tolerance": 1},
        {"range": (3, 1)},
        {"range": (None, None)},
        {"range": "300"},
        {"range": "low:"},
        {"target": 1, "weight": 0},
        {"target": 1, "transform": "step", "low": 0},
        {"target": 1, "low": 0},
        {"maximize": True, "high": 1},
        {"transform": "sigmoid", "low": 0},
        {"transform": "sigmoid", "low": 2, "high": 1},
        {"transform": "step"},
        {"transform": "step", "low": 0, "steepness": 1},
        {"transform": "as_is", "low": 0},
        {"transform": "sigmoidal", "low": 0, "high": 1},
    ],
)
def test_an_objective_says_exactly_one_thing(bad: dict) -> None:
    with pytest.raises(ValidationError):
        Objective(**bad)


@pytest.mark.parametrize(
    ("given", "ends", "words"),
    [
        ("300:450", (300, 450), "300 to 450"),
        ("300:", (300, None), "at least 300"),
        (":4", (None, 4), "at most 4"),
        ([6, None], (6, None), "at least 6"),
    ],
)
def test_an_end_of_a_range_may_be_open(given: object, ends: tuple, words: str) -> None:
    found = Objective.model_validate({"range": given})
    assert found.range == ends and found.describe() == words
    assert Objective.model_validate_json(found.model_dump_json()) == found
