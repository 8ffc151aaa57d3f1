"""Settings that are given to a function: what cannot be is told in a sentence."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

import pipeline as mg
from chem_vae.errors import UserError
from pipeline.datasets.config import IngestConfig
from pipeline.generation.config import GenerateConfig


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
