"""Advice on collapse, and principal axes."""

from __future__ import annotations

import pytest
import torch

from chem_vae.analysis import (
    advise_on_collapse,
    advise_on_idle_dimensions,
    compute_principal_axes,
)


def test_collapse_advice() -> None:
    assert advise_on_collapse(kl=12.0, active_units=40, latent_size=64, beta=0.1) is None
    assert "Lower train.training.beta" in str(advise_on_collapse(kl=0.1, active_units=3, latent_size=64, beta=1.0))


def test_principal_axes_find_the_plane() -> None:
    torch.manual_seed(0)
    plane = torch.randn(500, 2) @ torch.tensor([[3.0, 0, 0, 0], [0, 0, 1.0, 0]]) + 5.0
    mean, axes, explained = compute_principal_axes(plane)
    assert axes[0].abs().argmax() == 0
    assert axes[1].abs().argmax() == 2
    assert float(explained.sum()) == pytest.approx(1.0, abs=1e-4)
    assert mean.shape == (4,)


def test_advice_on_idle_dimensions_begins_below_half_of_them() -> None:
    assert advise_on_idle_dimensions(8, 16) is None
    assert "latent_size near 7" in str(advise_on_idle_dimensions(7, 16))
    assert advise_on_idle_dimensions(0, 16) is None  # that is a collapse, and advise_on_collapse says so
    assert "collapsed" in str(advise_on_collapse(3.0, 0, 16, 0.1))
