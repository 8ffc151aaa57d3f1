"""Words for the choice between representations of a measured property."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def describe_choice(compared: Mapping[str, Any]) -> str:
    """Say which representation predicts a measured property better.

    Args:
        compared: As a card's predictor has it (`pipeline.training.fit_measured.Comparison.card`).

    >>> describe_choice({"chosen": "fingerprint", "by": "nested 4-fold cross-validation by scaffold",
    ...                  "representations": {"fingerprint": {"r2": 0.5, "rmse": 0.61, "n": 80}}})
    'fingerprint chosen: fingerprint R2 0.50, RMSE 0.61 (80 molecules); nested 4-fold cross-validation by scaffold'
    """
    told = [
        f"{kind} R2 {_number(f.get('r2'), '.2f')}, RMSE {_number(f.get('rmse'), '.3g')} ({f.get('n', 0):,} molecules)"
        for kind, f in compared["representations"].items()
    ]
    return f"{compared['chosen']} chosen: {'; '.join(told)}; {compared['by']}"


def _number(value: float | None, form: str) -> str:
    return "not known" if value is None else format(value, form)
