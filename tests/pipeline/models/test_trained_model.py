"""A trained model works in SMILES and raw units."""

from __future__ import annotations

import math

import numpy as np
import pytest

from chem_vae.errors import UserError
from pipeline.models.trained_model import TrainedModel


def test_the_latent_space_in_smiles(model: TrainedModel, sample_smiles: list[str]) -> None:
    z = model.encode(sample_smiles[:3])
    assert z.shape == (3, 16)
    assert len(model.decode(z)) == 3
    assert len(model.interpolate(*sample_smiles[:2], steps=5)) == 5
    assert len(model.sample(4, {"logp": 2.0}, seed=0)) == 4
    predicted = model.predict(sample_smiles[:3])["mw"]
    assert (predicted.std > 0).all()
    assert np.nanmax(model.distance_to_training(model.latent["mu"].float()[:5])) < 0.05
    assert math.isnan(model.distance_to_training(z * float("nan"))[0])
    with pytest.raises(UserError, match="cannot encode"):
        model.encode(["C1CC"])
    with pytest.raises(UserError, match=r"never seen .*Se"):
        model.encode(["C[Se]C"])
