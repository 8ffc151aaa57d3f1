"""A trained model works in SMILES and raw units."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from chem_vae.errors import UserError
from pipeline.models.trained_model import TrainedModel


def test_the_latent_space_in_smiles(model: TrainedModel, sample_smiles: list[str]) -> None:
    z = model.encode(sample_smiles[:3])
    assert z.shape == (3, 16)
    assert len(model.decode(z)) == 3
    assert len(model.interpolate(sample_smiles[0], sample_smiles[1], steps=5)) == 5
    assert len(model.sample(4, {"logp": 2.0}, seed=0)) == 4
    predicted = model.predict(sample_smiles[:3])["mw"]
    assert (predicted.std > 0).all()
    assert np.nanmax(model.distance_to_training(model.latent["mu"].float()[:5])) < 0.05
    assert math.isnan(model.distance_to_training(z * float("nan"))[0])
    with pytest.raises(UserError, match="cannot encode"):
        model.encode(["C1CC"])
    with pytest.raises(UserError, match=r"never seen .*Se"):
        model.encode(["C[Se]C"])


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda m, z: m.sample(-1), "n is -1: it must be 0 or more"),
        (lambda m, z: m.sample(2.0), "n is 2.0: it must be a whole number"),
        (lambda m, z: m.sample(3, redraws=-1), "redraws is -1"),
        (lambda m, z: m.sample(3, temperature=-1), "temperature is -1"),
        (lambda m, z: m.sample(3, temperature=math.nan), "temperature is nan"),
        (lambda m, z: m.sample(3, guidance=math.inf), "guidance is inf"),
        (lambda m, z: m.sample(3, seed=-1), "seed is -1"),
        (lambda m, z: m.decode(z, seed=-1), "seed is -1"),
        (lambda m, z: m.decode(z, seed=2**64), "seed is 18446744073709551616"),
        (lambda m, z: m.decode(z, temperature=-0.5), "temperature is -0.5"),
        (lambda m, z: m.decode(z, temperature=math.nan), "temperature is nan"),
        (lambda m, z: m.decode(z[0]), r"shape \(n, 16\), not \(16,\); of one point z.reshape"),
        (lambda m, z: m.decode(z[:, :7]), r"shape \(n, 16\), not \(2, 7\)"),
        (lambda m, z: m.decode("CCO"), "not a value of type str"),
        (lambda m, z: m.distance_to_training(z[0]), r"shape \(n, 16\), not \(16,\)"),
        *[(lambda m, z, n=n: m.interpolate("CCO", "CCN", n), "steps is .* it must be") for n in (-1, 0, 1, 10**8, 5.0)],
    ],
)
def test_numbers_and_points_that_cannot_be_are_refused(model: TrainedModel, ask: Any, said: str) -> None:
    with pytest.raises(UserError, match=said):
        ask(model, model.latent["mu"][:2].float())


def test_points_of_any_precision_are_decoded(model: TrainedModel) -> None:
    z = model.latent["mu"][:2]
    wanted = model.decode(z.float())
    for given in (z, z.double(), z.float().numpy(), z.double().numpy()):
        assert model.decode(given) == wanted
        assert model.distance_to_training(given).tolist() == model.distance_to_training(z.float()).tolist()
    assert model.decode(z[:0].float()) == model.sample(0) == []
