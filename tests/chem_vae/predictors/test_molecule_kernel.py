"""The kernel over substructures and descriptors, its hyperparameters, and processes with it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from chem_vae.predictors.labels import Labels
from chem_vae.predictors.molecule_kernel import MoleculeKernel
from chem_vae.predictors.tanimoto import tanimoto
from chem_vae.predictors.tanimoto_classes import TanimotoClassifier
from chem_vae.predictors.tanimoto_fit import search_mixture
from chem_vae.predictors.tanimoto_process import TanimotoProcess

SIZE, D = 80, 3


def _draw(n: int, seed: int, *, of_descriptors: float) -> tuple[Tensor, Tensor]:
    """Draw inputs (n, F + d), and values (n,) that depend on descriptors to a share, and otherwise on substructures."""
    random = torch.Generator().manual_seed(seed)
    bits = (torch.rand(n, SIZE, generator=random) < 0.2).float()
    descriptors = 2.0 + torch.randn(n, D, generator=random)
    worth = torch.randn(SIZE, generator=torch.Generator().manual_seed(1))
    of_bits = bits @ worth / worth.norm() / 0.4
    of_both = of_descriptors * (descriptors[:, 0] - 0.5 * descriptors[:, 1]) + (1.0 - of_descriptors) * of_bits
    return torch.cat([bits, descriptors], dim=1), 3.0 + of_both + 0.1 * torch.randn(n, generator=random)


def test_the_kernel_is_the_weighted_sum() -> None:
    inputs, _ = _draw(20, 0, of_descriptors=0.5)
    kernel = MoleculeKernel.standardize(inputs[:, SIZE:])
    kernel = MoleculeKernel(kernel.center, kernel.width, weight=0.3, length=2.0)
    standard = (inputs[:, SIZE:].double() - kernel.center) / kernel.width
    torch.testing.assert_close(standard.std(dim=0, correction=0), torch.ones(D, dtype=torch.float64))
    for i, j in ((0, 1), (3, 3), (4, 19)):
        rbf = math.exp(-float((standard[i] - standard[j]).square().sum()) / (2 * 2.0**2))
        similar = float(tanimoto(inputs[i : i + 1, :SIZE], inputs[j : j + 1, :SIZE]))
        assert float(kernel(inputs, inputs)[i, j]) == pytest.approx(0.3 * similar + 0.7 * rbf, abs=1e-6)
    missing = inputs.clone()
    missing[0, SIZE] = torch.nan
    found = kernel(missing, inputs)
    assert found.isfinite().all() and float(found[0, 1]) == pytest.approx(
        0.3 * float(tanimoto(inputs[:1, :SIZE], inputs[1:2, :SIZE]))
    )


def test_one_more_donor_is_no_other_world_where_all_have_as_many() -> None:
    kernel = MoleculeKernel.standardize(torch.ones(10, 1))
    assert float(kernel.width) == 0.25 and kernel.measure_distance(
        torch.ones(1, 1), 1.25 * torch.ones(1, 1)
    ).item() == pytest.approx(1.0)
    assert len(MoleculeKernel.standardize(torch.zeros(5, 0)).center) == 0
    assert MoleculeKernel.standardize(torch.full((5, 2), torch.nan)).center.tolist() == [0.0, 0.0]


@pytest.mark.parametrize(("of_descriptors", "low", "high"), [(1.0, 0.0, 0.25), (0.0, 0.6, 1.0)])
def test_the_weight_follows_what_the_values_depend_on(of_descriptors: float, low: float, high: float) -> None:
    inputs, y = _draw(200, 2, of_descriptors=of_descriptors)
    process = TanimotoProcess(inputs, y, descriptors=D)
    assert low <= process.fit.weight <= high


def test_the_search_ends_where_no_neighbor_is_likelier() -> None:
    inputs, y = _draw(120, 3, of_descriptors=0.5)
    kernel = MoleculeKernel.standardize(inputs[:, SIZE:])
    similarity, distance = kernel.compare_substructures(inputs, inputs), kernel.measure_distance(inputs, inputs)
    y = ((y - y.mean()) / y.std()).double()
    found = search_mixture(similarity, distance, y)

    def score(weight: float, length: float) -> float:
        """The best marginal likelihood over the noise, with the priors of the search, from first principles."""
        near = (-0.5 * distance / length**2).exp()
        best = -math.inf
        for noise in np.geomspace(1e-3, 10, 80):
            matrix = weight * similarity + (1 - weight) * near + noise * torch.eye(len(y), dtype=torch.float64)
            inverse, ones = torch.linalg.inv(matrix), torch.ones_like(y)
            residual = y - (ones @ inverse @ y) / (ones @ inverse @ ones)
            amplitude = float(residual @ inverse @ residual) / len(y)
            likelihood = -0.5 * float(torch.logdet(amplitude * matrix))
            best = max(best, likelihood - 0.5 * (math.log(noise / 0.3) / 2.0) ** 2)
        logit = math.log(weight / (1 - weight))
        return best - 0.5 * ((logit - 1.5) / 1.5) ** 2 - 0.5 * (math.log(length / 4.0) / 0.5) ** 2

    at = score(*found)
    for weight, length in ((0.8, 1.0), (1.2, 1.0), (1.0, 0.8), (1.0, 1.25)):
        assert score(min(found[0] * weight, 0.999), found[1] * length) < at + 1e-3


def test_descriptors_help_where_they_matter_and_do_no_harm_elsewhere() -> None:
    for of_descriptors, gain in ((1.0, 0.5), (0.0, 1.1)):
        inputs, y = _draw(300, 4, of_descriptors=of_descriptors)
        mixed = TanimotoProcess(inputs[:150], y[:150], descriptors=D).predict(inputs[150:])
        plain = TanimotoProcess(inputs[:150, :SIZE], y[:150]).predict(inputs[150:, :SIZE])
        errors = [float((p.mean - y[150:]).square().mean().sqrt()) for p in (mixed, plain)]
        assert errors[0] < gain * errors[1]
        z = (y[150:] - mixed.mean) / mixed.std
        assert 0.7 < float(z.square().mean().sqrt()) < 1.25


def test_far_outside_it_says_that_it_does_not_know() -> None:
    inputs, y = _draw(150, 5, of_descriptors=1.0)
    process = TanimotoProcess(inputs, y, descriptors=D)
    far = inputs[:5].clone()
    far[:, :SIZE], far[:, SIZE:] = 0.0, 1e6
    mean, std = process.predict(far)
    prior = process.width * (process.fit.amplitude * (1 + process.fit.noise)) ** 0.5
    torch.testing.assert_close(std, torch.full((5,), prior), rtol=1e-4, atol=0.0)
    torch.testing.assert_close(
        mean, torch.full((5,), process.fit.mean * process.width + process.center), rtol=1e-4, atol=1e-4
    )


def test_processes_with_descriptors_are_read_as_they_were_written() -> None:
    inputs, y = _draw(80, 6, of_descriptors=0.5)
    bounds = Labels(y.masked_fill(y > 3.5, torch.nan), lower=torch.full_like(y, 3.5).masked_fill(y <= 3.5, torch.nan))
    made = [
        TanimotoProcess(inputs, y, descriptors=D),
        TanimotoProcess(inputs, bounds, descriptors=D),
        TanimotoClassifier(inputs, (y > 3.0).double(), (0.0, 1.0), descriptors=D),
    ]
    for process in made:
        assert 0.0 < process.fit.weight < 1.0
        read = type(process).from_tensors(process.tensors())
        assert read.fit == process.fit and torch.equal(read.descriptors, process.descriptors)
        for a, b in zip(process.predict(inputs), read.predict(inputs), strict=True):
            assert torch.allclose(a, b, atol=1e-4)
        broken = process.tensors() | {"descriptors": process.descriptors[:-1]}
        with pytest.raises(ValueError, match="not those of"):
            type(process).from_tensors(broken)


def test_bounds_and_classes_learn_from_descriptors() -> None:
    inputs, y = _draw(300, 7, of_descriptors=1.0)
    learned, limit = y[:150], float(y[:150].quantile(0.7))
    labels = Labels(
        learned.masked_fill(learned > limit, torch.nan),
        lower=torch.full_like(learned, limit).masked_fill(learned <= limit, torch.nan),
    )
    mean, _ = TanimotoProcess(inputs[:150], labels, descriptors=D).predict(inputs[150:])
    above = y[150:] > limit
    assert float(np.corrcoef(mean, y[150:])[0, 1]) > 0.95
    assert float(mean[above].mean()) > limit and float((y[150:] - mean).abs().mean()) < 0.3
    active = y > y.median()
    p, _ = TanimotoClassifier(inputs[:150], active[:150].double(), (0.0, 1.0), descriptors=D).predict(inputs[150:])
    assert float(((p > 0.5) == active[150:]).double().mean()) > 0.88
