"""Latent dimensions: traversals and disentanglement."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pipeline as mg
from chem_vae.errors import UserError
from pipeline.models.trained_model import TrainedModel


def test_traversals_go_through_the_molecule(model: TrainedModel, sample_smiles: list[str]) -> None:
    frame = mg.traverse(model, sample_smiles[0], steps=5, reach=2.0)
    assert frame["direction"].drop_duplicates().tolist() == ["axis 0", "axis 1", "axis 2", "axis 3"]
    assert frame["offset"].tolist() == [-2.0, -1.0, 0.0, 1.0, 2.0] * 4
    middle = frame.loc[frame["offset"] == 0, "smiles"]
    assert middle.nunique(dropna=False) == 1
    assert middle.iloc[0] == mg.reconstruct(model, [sample_smiles[0]])["decoded"][0]
    own = mg.traverse(model, sample_smiles[0], along="dimensions", which=[3], steps=3)
    assert own["direction"].tolist() == ["dimension 3"] * 3
    one = mg.traverse(model, sample_smiles[0], along="dimensions", which=np.int64(3), steps=3)  # type: ignore[arg-type]
    assert one.equals(own)
    wrongs: tuple[dict[str, Any], ...] = (
        {"steps": 4}, {"steps": 10**8 + 1}, {"which": [99]}, {"which": [0.5]}, {"which": []}, {"which": "0"}, {"along": "width"}, {"reach": 0.0},
    )  # fmt: skip
    for wrong in wrongs:
        with pytest.raises(UserError):
            mg.traverse(model, sample_smiles[0], **wrong)


@pytest.mark.parametrize("method", ["mi", "r2"])
def test_disentanglement(model: TrainedModel, tmp_path: Path, method: str) -> None:
    made = mg.disentangle(model, method)
    dimensions = model.checkpoint.model.latent_size
    assert made.values.shape == (dimensions, 3) and made.to_frame().columns.tolist() == ["logp", "mw", "assay"]
    assert (made.values >= 0).all() and ((made.gap >= 0) & (made.gap <= 1)).all()
    summary = made.summary()
    assert (summary["value"] >= summary["second_value"]).all() and summary["property"].tolist() == made.properties
    best = int(summary["best"].iloc[1])
    assert made.values[best, 1] == made.values[:, 1].max()
    assert made.save(tmp_path / "d.png").stat().st_size > 3000
    assert mg.disentangle(model, method, properties="mw").values.shape == (dimensions, 1)
    with pytest.raises(UserError, match="no property is given"):
        mg.disentangle(model, method, properties=[])
    with pytest.raises(UserError, match="unknown property"):
        mg.disentangle(model, method, properties=["mass"])
