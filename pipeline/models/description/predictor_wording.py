"""Words for the choice between representations of a measured property."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.workspace.presentation.formatting import format_brief


def describe_choice(compared: Mapping[str, Any]) -> str:
    """Say which representation predicts a measured property better.

    Args:
        compared: As a card's predictor has it (`pipeline.training.predictors.compare_predictors.Comparison.card`).

    >>> describe_choice({"chosen": "fingerprint", "by": "nested 4-fold cross-validation by scaffold",
    ...                  "representations": {"fingerprint": {"r2": 0.5, "rmse": 0.61, "n": 80}}})
    'fingerprint chosen: fingerprint R2 0.50, RMSE 0.61 (80 molecules); nested 4-fold cross-validation by scaffold'
    """
    if "classes" in compared:
        return _describe_classes(compared)
    told = [
        f"{kind} R2 {_number(f.get('r2'), '.2f')}, RMSE {_write_error(f.get('rmse'))} ({f.get('n', 0):,} molecules)"
        for kind, f in compared["representations"].items()
    ]
    bounds = compared.get("bounds")
    counted = ""
    if bounds:
        counted = (
            f"; {compared['labelled']:,} labels, {bounds['count']:,} of them bounds, {_number(bounds.get('respected'), '.0%')} of which "
            "the predictions lie within"
        )
    if forest := compared.get("forest"):
        told.append(
            f"for comparison a random forest R2 {_number(forest.get('r2'), '.2f')}, RMSE {_write_error(forest.get('rmse'))} "
            f"({forest.get('n', 0):,} molecules)"
        )
    return f"{compared['chosen']} chosen: {'; '.join(told)}; {compared['by']}{counted}"


def _describe_classes(compared: Mapping[str, Any]) -> str:
    """Say how well the probability of the active class is known."""
    (_, high), figures = compared["classes"], compared.get("checked") or compared["representations"]["fingerprint"]
    told = ""
    if forest := compared.get("forest"):
        told = f"; for comparison a random forest: ROC AUC {_number(forest.get('roc_auc'), '.2f')}, Brier score {_number(forest.get('brier'), '.3f')}"
    return (
        f"probability of class {high:g}: ROC AUC {_number(figures.get('roc_auc'), '.2f')}, PR AUC {_number(figures.get('pr_auc'), '.2f')} "
        f"(by chance {_number(figures.get('base_rate'), '.2f')}), Brier score {_number(figures.get('brier'), '.3f')} (the share of actives "
        f"alone: {_number(figures.get('brier_of_base_rate'), '.3f')}); {compared['labelled']:,} molecules, {compared['active']:,} of them "
        f"active; {compared['by']}{told}"
    )


def _write_error(value: float | None) -> str:
    """Write an error in the unit of its property, which may be large."""
    return "not known" if value is None else format_brief(value)


def _number(value: float | None, form: str) -> str:
    return "not known" if value is None else format(value, form)
