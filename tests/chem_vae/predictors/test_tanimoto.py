"""Tanimoto similarities, which are a kernel, and the bits that features are kept in."""

from __future__ import annotations

import pytest
import torch

from chem_vae.predictors.tanimoto import pack, tanimoto, unpack


def test_the_similarity_is_shared_over_all() -> None:
    x = torch.tensor([[1, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]])
    matrix = tanimoto(x, x)
    assert matrix[0].tolist() == pytest.approx([1.0, 1 / 3, 0.0])
    drawn = (torch.rand(80, 60, generator=torch.Generator().manual_seed(1)) < 0.2).float()
    assert torch.linalg.eigvalsh(tanimoto(drawn, drawn).double()).min() > -1e-5  # a kernel


def test_features_are_the_same_after_packing() -> None:
    x = (torch.rand(5, 61, generator=torch.Generator().manual_seed(0)) < 0.2).to(torch.uint8)
    assert pack(x).shape == (5, 8)
    assert torch.equal(unpack(pack(x), 61), x)
