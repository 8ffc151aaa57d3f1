"""Settings that are given to a function: what cannot be is told in a sentence."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

import pipeline as mg
from chem_vae.errors import UserError
from pipeline.chemistry.config import StandardizeOptions
from pipeline.datasets.config import IngestConfig
from pipeline.generation.config import GenerateConfig
from pipeline.objectives.config import Constraint
from pipeline.optimization.config import OptimizeConfig
from pipeline.oracles.config import OracleConfig
from pipeline.training.config import TrainConfig, TuneConfig
from pipeline.workspace.settings import Settings


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: mg.generate("moses", n=0, quiet=True), "n: input should be greater than or equal to 1"),
        (lambda: mg.ingest("moses-sample", limit=0, quiet=True), "limit: input should be greater than or equal to 1"),
        (lambda: GenerateConfig.from_values({"n": "many"}), "n: input should be a valid integer"),
        (lambda: GenerateConfig.from_values({"temprature": 1}), "'temprature'; did you mean 'temperature'?"),
    ],
)
def test_a_wrong_value_is_told_in_a_sentence(call: Callable[[], Any], said: str) -> None:
    with pytest.raises(UserError, match=re.escape(said)) as caught:
        call()
    assert "pydantic" not in str(caught.value)


def test_right_values_are_taken() -> None:
    assert IngestConfig.from_values({"source": "moses-sample", "limit": 5}).limit == 5


@pytest.mark.parametrize(
    ("settings", "given"),
    [
        (IngestConfig, {"source": "moses-sample", "compute": "logp"}),
        (IngestConfig, {"source": "moses-sample", "leave_out": "a=-1"}),
        (IngestConfig, {"source": "moses-sample", "where": "a=b"}),
        (StandardizeOptions, {"elements": "C"}),
        (TrainConfig, {"conditions": "logp"}),
        (TuneConfig, {"vary": "beta"}),
        (GenerateConfig, {"allow_unusual": "peroxide"}),
        (OptimizeConfig, {"seeds": "CCO", "oracle": {"property": "qed"}}),
        (OracleConfig, {"program": "dock"}),
        (OracleConfig, {"property": "qed"}),
        (Constraint, {"alerts": "pains"}),
    ],
)
def test_one_text_is_a_list_of_one(settings: type[Settings], given: dict[str, Any]) -> None:
    (name,) = set(given) - {"source", "oracle"}
    assert getattr(settings.from_values(given), name) == (given[name],)


def test_a_text_stays_a_text_where_one_is_wanted() -> None:
    assert Constraint(alerts=("pains",), name="a").name == "a"
    with pytest.raises(UserError, match="objectives: .*; .*constraints: "):
        GenerateConfig.from_values({"objectives": "logp", "constraints": "qed"})
