"""What a generation's report tells of a promise of hits."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from pipeline.report.building.generation_report import _find_checked_hits

KEPT = {"threshold": 7.0, "chosen": 20, "expected": 12.0, "found": 11}
MODEL: Any = SimpleNamespace(card={"predictors": [{"property": "pIC50", "compared": {"hits": {"high": KEPT}}}]})


def aim(name: str, kind: str, basis: str) -> Any:
    return SimpleNamespace(summary=SimpleNamespace(name=name), kind=kind, basis=basis)


def test_a_promise_is_tried_where_one_property_is_predicted() -> None:
    best, weight = aim("pIC50", "maximize", "predicted"), aim("mw", "range", "computed")
    assert _find_checked_hits([best], MODEL) == _find_checked_hits([weight, best], MODEL) == KEPT
    other = aim("solubility", "maximize", "predicted")
    assert _find_checked_hits([best, other], MODEL) == {}, "both at once were not tried"
    assert _find_checked_hits([aim("pIC50", "minimize", "predicted")], MODEL) == {}
