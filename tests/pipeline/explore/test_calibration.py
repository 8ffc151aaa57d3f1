"""Calibration of the predictors' intervals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import pipeline as mg
from chem_vae.errors import UserError
from pipeline.explore.calibration import calibration_error, calibration_figure
from pipeline.models.trained_model import TrainedModel
from pipeline.workspace.presentation.plot_style import save_figure


def test_calibration_from_held_out_molecules_or_the_card(
    model: TrainedModel, alone: TrainedModel, tmp_path: Path
) -> None:
    frame = mg.calibration(model)
    assert set(frame["property"]) == {"assay", "logp", "mw"} and "test molecules" in frame.attrs["origin"]
    for _, rows in frame.groupby("property"):
        assert rows["observed"].is_monotonic_increasing and rows["observed"].between(0, 1).all()
    assert all(0 <= error <= 0.5 for error in calibration_error(frame).values())
    save_figure(calibration_figure(frame), tmp_path / "c.svg")
    from_card = mg.calibration(alone)
    assert sorted(set(from_card["nominal"])) == [0.5, 0.8, 0.9, 0.95] and "trained" in from_card.attrs["origin"]


def test_two_classes_have_no_intervals(
    model: TrainedModel, alone: TrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = {"roc_auc": 0.8, "pr_auc": 0.7, "base_rate": 0.4, "brier": 0.15, "brier_of_base_rate": 0.24}
    card = {"classes": [0.0, 1.0], "checked": figures, "labelled": 100, "active": 40, "by": "by scaffold"}
    about: dict[str, Any] = {"classification": figures, "compared": card, "coverage": {}}
    for opened in (model, alone):
        for key, value in about.items():
            entry = next(p for p in opened.card["predictors"] if p["property"] == "assay")
            monkeypatch.setitem(entry, key, value)
        frame = mg.calibration(opened)
        assert set(frame["property"]) == {"logp", "mw"}
        assert frame.attrs["classes"]["assay"].startswith("probability of class 1: ROC AUC 0.80")
    for entry in alone.card["predictors"]:
        monkeypatch.setitem(entry, "coverage", {})
    with pytest.raises(UserError, match="assay has two classes and no interval: probability of class 1"):
        mg.calibration(alone)
