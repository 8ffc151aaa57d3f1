"""Molecules that are kept with a model, and samples of its data."""

from __future__ import annotations

import pytest

from chem_vae.errors import UserError
from pipeline.models.trained_model import TrainedModel
from pipeline.models.training_set.kept_molecules import draw_held_out_molecules, draw_training_molecules


def test_samples_of_the_data(model: TrainedModel, alone: TrainedModel) -> None:
    sample = draw_held_out_molecules(model, 10)
    assert len(sample) == 10 and sample.values.shape == (10, 3) and all(sample.smiles(model))
    dataset = model.dataset()
    assert dataset is not None
    assert set(sample.smiles(model)) <= set(dataset.table(["smiles"], split="test")["smiles"])
    assert len(draw_training_molecules(model, 7)) == 7
    with pytest.raises(UserError, match="held-out molecules are needed"):
        draw_held_out_molecules(alone, 5)
