"""The process over substructures: the kernel it is of, what it learns, and that it draws what it believes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from chem_vae.tanimoto import TanimotoProcess, tanimoto


def some_bits(n: int, seed: int) -> Tensor:
    return (torch.rand(n, 60, generator=torch.Generator().manual_seed(seed)) < 0.2).float()


@pytest.fixture(scope="module")
def worth() -> Tensor:
    return torch.randn(60, generator=torch.Generator().manual_seed(3))


@pytest.fixture(scope="module")
def process(worth: Tensor) -> TanimotoProcess:
    train = some_bits(300, 4)
    return TanimotoProcess(train, 5 + train @ worth)


def test_the_similarity_is_shared_over_all() -> None:
    x = torch.tensor([[1, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]])
    matrix = tanimoto(x, x)
    assert matrix[0].tolist() == pytest.approx([1.0, 1 / 3, 0.0])
    drawn = some_bits(80, 1)
    assert torch.linalg.eigvalsh(tanimoto(drawn, drawn).double()).min() > -1e-5  # a kernel


def test_it_learns_what_parts_are_worth(process: TanimotoProcess, worth: Tensor) -> None:
    test = some_bits(200, 5)
    found = process.predict(test)
    assert float(np.corrcoef(found.mean, 5 + test @ worth)[0, 1]) > 0.7
    assert process.predict(some_bits(300, 4)).std.mean() < found.std.mean()  # surer of what it has seen


def test_molecules_that_are_nearly_the_same_do_no_harm() -> None:
    rare = (torch.rand(800, 6, generator=torch.Generator().manual_seed(1)) < 0.5).float()
    alike = torch.cat([torch.ones(800, 60), rare], dim=1)  # rounding leaves their kernel matrix indefinite
    process = TanimotoProcess(alike, rare.sum(dim=1))
    assert process.predict(alike[:50]).mean.isfinite().all()
    assert process.draw(alike[:50], 3, torch.Generator().manual_seed(0)).isfinite().all()


def test_what_it_draws_is_what_it_believes(process: TanimotoProcess) -> None:
    test = some_bits(200, 5)
    drawn = process.draw(test, 4000, torch.Generator().manual_seed(0))
    believed = process.predict(test)
    deviation = (believed.std**2 - process.noise**2).clamp_min(0).sqrt()  # draws are of the score, without noise
    assert drawn.shape == (4000, 200)
    assert torch.allclose(drawn.mean(dim=0), believed.mean, atol=0.1 * float(deviation.mean()))
    assert torch.allclose(drawn.std(dim=0), deviation, rtol=0.1)
    assert torch.equal(drawn, process.draw(test, 4000, torch.Generator().manual_seed(0)))
    same = torch.cat([test[:5], test[:5]])  # molecules with the same parts have the same score in every function
    twice = process.draw(same, 50, torch.Generator().manual_seed(1))
    assert torch.allclose(twice[:, :5], twice[:, 5:], atol=0.05 * float(deviation.mean()))
