"""Configurations that make no sense are refused."""

from __future__ import annotations

import pytest

from chem_vae.config import ModelConfig


@pytest.mark.parametrize("bad", [{"latent_size": 0}, {"dropout": 1.0}, {"property_weight": -1}])
def test_impossible_architectures_are_refused(bad: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        ModelConfig(**bad)
