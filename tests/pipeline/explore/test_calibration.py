"""Calibration of the predictors' intervals."""

from __future__ import annotations

from pathlib import Path

import pytest

import pipeline as mg
from pipeline.explore.calibration import calibration_error, calibration_figure
from pipeline.models.trained_model import TrainedModel
from pipeline.workspace.presentation.plot_style import save_figure


def test_calibration_from_held_out_molecules_or_the_card(
    model: TrainedModel, alone: TrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = mg.calibration(model)
    assert set(frame["property"]) == {"assay", "logp", "mw"} and "test molecules" in frame.attrs["origin"]
    for _, rows in frame.groupby("property"):
        assert rows["observed"].is_monotonic_increasing and rows["observed"].between(0, 1).all()
    assert all(0 <= error <= 0.5 for error in calibration_error(frame).values())
    save_figure(calibration_figure(frame), tmp_path / "c.svg")
    compared = next(p for p in model.card["predictors"] if p["property"] == "assay")["compared"]
    with monkeypatch.context() as patch:
        patch.setitem(compared, "classes", [0, 1])
        assert set(mg.calibration(model)["property"]) == {"logp", "mw"}, "the probability of a class is no interval"
    from_card = mg.calibration(alone)
    assert sorted(set(from_card["nominal"])) == [0.5, 0.8, 0.9, 0.95] and "trained" in from_card.attrs["origin"]
