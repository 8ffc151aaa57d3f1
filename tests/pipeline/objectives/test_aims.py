"""Aims as a person says them in a call: what cannot be is told in a sentence."""

from __future__ import annotations

import re
from typing import Any

import pytest

from chem_vae.errors import UserError
from pipeline.objectives.aims import collect_objectives
from pipeline.objectives.config import Objective


def test_aims_are_collected() -> None:
    wanted = {
        "logp": Objective(target=2.5),
        "qed": Objective(maximize=True),
        "sa": Objective(minimize=True),
        "mw": Objective(range=(250, None)),
        "tpsa": Objective(range=(20, 90)),
    }
    ranges: Any = {"mw": [250, None], "tpsa": "20:90"}
    assert collect_objectives({"logp": 2.5}, "qed", ["sa"], ranges) == wanted
    assert collect_objectives() == {}
    with pytest.raises(UserError, match="'qed' has two aims"):
        collect_objectives({"qed": 1.0}, "qed")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"range": {"mw": (300, 200)}},
            "the aim of 'mw': configuration: a range goes from its lower to its higher end",
        ),
        ({"range": {"mw": (300,)}}, "the range of 'mw' has a lower and a higher end, as in (250, 320)"),
        ({"range": {"mw": 300}}, "None leaves one open; it is 300"),
        ({"range": {"mw": ("a", "b")}}, "the aim of 'mw': range"),
        ({"range": ["mw"]}, "range takes two ends by property, as in {'mw': (250, 320)}, not a value of type list"),
        ({"target": ["logp"]}, "target takes a value by property, as in {'logp': 2.5}, not a value of type list"),
        ({"target": {"logp": "low"}}, "the aim of 'logp': target: input should be a valid number"),
        ({"target": {"logp": float("nan")}}, "the aim of 'logp': target: input should be a finite number"),
        ({"maximize": {"qed": 1}}, "maximize takes one text or a list of them"),
        ({"minimize": 5}, "minimize takes one text or a list of them"),
    ],
)
def test_what_is_no_aim_is_told(given: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=re.escape(said)):
        collect_objectives(**given)
