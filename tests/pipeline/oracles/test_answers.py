"""The answers of functions and programs are read into numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from pipeline.oracles.answers import read_answer, read_answers
from pipeline.oracles.base import OracleError


@pytest.mark.parametrize(
    ("raw", "value", "reason"),
    [
        (1, 1.0, None),
        (np.float32(0.5), 0.5, None),
        (np.array(2), 2.0, None),
        (True, 1.0, None),
        ([3.0], 3.0, None),
        ({"score": 4}, 4.0, None),
        (None, None, "no value"),
        (float("nan"), None, "not a number"),
        (float("-inf"), None, "infinite"),
        (10**400, None, "infinite"),
        ("1.5", None, "text '1.5' instead of a number"),
        (1j, None, "complex 1j instead of a number"),
        ({"other": 1}, None, "the answer has other, and none of the endpoints asked for (score)"),
        ([1.0, 2.0], None, "2 values for 1 endpoints (score)"),
    ],
)
def test_an_answer_is_a_finite_number_or_nan_with_a_reason(raw: Any, value: float | None, reason: str | None) -> None:
    reading = read_answer(raw, ("score",))
    assert reading.reason == reason
    assert reading.values == (value,) if value is not None else math.isnan(reading.values[0])


def test_several_endpoints_may_fail_one_by_one() -> None:
    reading = read_answer({"a": 1.0, "b": "high"}, ("a", "b", "c"))
    assert reading.values[0] == 1.0 and np.isnan(reading.values[1:]).all()
    assert reading.reason == "b: text 'high' instead of a number; c: missing"
    assert read_answer(0.5, ("a", "b")).reason == "float 0.5 for 2 endpoints (a, b)"


@pytest.mark.parametrize("raw", [None, "text", 3.0, {"a": 1}, {1.0, 2.0}, [1.0], [1.0, 2.0, 3.0], ["x", "y"]])
def test_what_is_no_answer_for_two_molecules_raises(raw: Any) -> None:
    with pytest.raises(OracleError, match="it returned"):
        read_answers(raw, 2, ("score",))
