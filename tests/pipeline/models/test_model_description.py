"""A model's description tells what became of the rows of its data."""

from __future__ import annotations

from typing import Any

from pipeline.models.model_description import describe_model, list_model_warnings

CARD: dict[str, Any] = {
    "dataset": {"name": "mine", "summary": "9 rows → 8 molecules; 1 rejected (parse 1)", "warnings": ["many rows were lost"]},
    "parameters": 1000, "training_molecules": 7, "trained_seconds": 1.0, "steps": 3, "conditions": [], "figures": {}, "predictors": [],
    "vocabulary": {"symbols": 4, "merges": 0}, "warnings": ["few molecules", "many rows were lost"],
}  # fmt: skip


def test_the_data_and_its_warnings_are_told() -> None:
    text = describe_model("m", "0123456789", CARD)
    assert "data: 9 rows → 8 molecules; 1 rejected (parse 1)" in text
    assert text.endswith("  warning: many rows were lost\n  warning: few molecules")


def test_the_card_of_an_older_version_tells_less() -> None:
    older = {**CARD, "dataset": {"name": "mine"}, "warnings": ["few molecules"]}
    assert list_model_warnings(older) == ["few molecules"]
    assert "data:" not in describe_model("m", "0123456789", older)
