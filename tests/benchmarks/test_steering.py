"""Steering: requested and computed values."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from steering import steering, steering_figure, steering_figures

from chem_vae.errors import UserError
from pipeline.models.trained_model import TrainedModel
from pipeline.workspace.presentation.plot_style import save_figure


def test_steering_compares_what_was_asked_for_with_what_came(model: TrainedModel, tmp_path: Path) -> None:
    frame = steering(model, ["mw"], levels=3, n=20)
    assert frame["requested"].nunique() == 3 and frame["computed"].notna().all()
    figures = steering_figures(frame)["mw"]
    assert figures["of"] == len(frame) and figures["mae"] > 0 and -1 <= figures["r"] <= 1
    save_figure(steering_figure(frame), tmp_path / "s.png")
    with pytest.raises(UserError, match="unknown computed condition"):
        steering(model, ["assay"])
    bare = TrainedModel(model.folder, model.manifest)
    column = [p.name for p in bare.properties].index("mw")
    bare.latent["values"][:, column] = torch.nan  # a condition of the base that fine-tuning's data has no value of
    assert set(steering(bare, levels=2, n=5)["property"]) == {"logp"}
    with pytest.raises(UserError, match="no value of mw"):
        steering(bare, ["mw"])
