"""The settings of an oracle: which are valid, and how a mistake is told."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from pipeline.oracles.config import OracleConfig


def test_a_configuration_says_exactly_one_way_in() -> None:
    assert OracleConfig(property="qed").all_endpoints() == ("qed",)
    assert OracleConfig(function="a.b:c").all_endpoints() == ("score",)
    for wrong in (
        {},
        {"property": "qed", "function": "a:b"},
        {"function": "no colon"},
        {"function": "a:b", "endpoints": ("x", "x")},
        {"function": "a:b", "endpoints": ("smiles",)},
        {"function": "a:b", "timeout": 0},
        {"property": "qed", "timeout": 5},
        {"program": ()},
        {"registered": "vina", "function": "a:b"},
        {"function": "a:b", "options": {"receptor": "x"}},
        {"program": ("x",), "shell": True},
    ):
        with pytest.raises(ValidationError):
            OracleConfig.model_validate(wrong)
