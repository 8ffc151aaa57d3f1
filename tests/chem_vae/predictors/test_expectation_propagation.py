"""Expectation propagation against integrals and ordinary regression."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from chem_vae.predictors.expectation_propagation import Targets, find_sites, match_moments

N, NOISE, BOUND = 30, 0.09, 0.5


@pytest.fixture
def regression() -> tuple[Tensor, Tensor]:
    """A kernel (n, n) and noisy values (n,) of a process with it."""
    random = torch.Generator().manual_seed(0)
    x = torch.rand(N, 2, dtype=torch.float64, generator=random)
    kernel = (-(x[:, None] - x).square().sum(-1) / 0.1).exp()
    root = torch.linalg.cholesky(kernel + NOISE * torch.eye(N, dtype=torch.float64))
    return kernel, root @ torch.randn(N, dtype=torch.float64, generator=random)


def _targets(y: Tensor, lower: Tensor | None = None) -> Targets:
    open_ = torch.full_like(y, math.inf)
    return Targets(y, -open_ if lower is None else lower, open_, torch.full_like(y, NOISE))


@pytest.mark.parametrize(
    ("mean", "variance", "noise", "lower", "upper"),
    [
        (0.3, 0.5, 0.1, 0.0, math.inf),
        (-1.0, 1.0, 0.2, -math.inf, -2.0),
        (2.0, 2.0, 0.3, 3.0, math.inf),
        (0.0, 1.0, 0.01, -1.0, 1.0),
        (-6.0, 1.0, 0.1, 2.0, math.inf),
        (5.0, 1.0, 0.1, -1.0, 1.0),
    ],
)
def test_moments_are_those_of_the_integral(
    mean: float, variance: float, noise: float, lower: float, upper: float
) -> None:
    x = torch.linspace(-15, 15, 200_001, dtype=torch.float64)
    inside = torch.special.ndtr((upper - x) / noise**0.5) - torch.special.ndtr((lower - x) / noise**0.5)
    density = (-0.5 * (x - mean).square() / variance).exp() / (2 * math.pi * variance) ** 0.5 * inside
    total = float(torch.trapezoid(density, x))
    first = float(torch.trapezoid(x * density, x)) / total
    second = float(torch.trapezoid((x - first).square() * density, x)) / total
    arguments = (torch.tensor([v], dtype=torch.float64) for v in (mean, variance, noise, lower, upper))
    found = [float(v) for v in match_moments(*arguments)]
    assert found == pytest.approx([math.log(total), first, second], abs=1e-6)


def test_values_alone_give_the_marginal_likelihood(regression: tuple[Tensor, Tensor]) -> None:
    kernel, y = regression
    sites = find_sites(kernel, _targets(y), mean_variance=1e-9)
    covariance = kernel + NOISE * torch.eye(N, dtype=torch.float64)
    exact = torch.distributions.MultivariateNormal(torch.zeros(N, dtype=torch.float64), covariance).log_prob(y)
    assert sites.log_evidence == pytest.approx(float(exact), abs=1e-6)
    assert torch.allclose(sites.value, y) and torch.allclose(sites.precision, torch.full_like(y, 1 / NOISE))


def test_the_evidence_of_one_bound_is_exact(regression: tuple[Tensor, Tensor]) -> None:
    kernel, y = regression
    covariance = kernel + NOISE * torch.eye(N, dtype=torch.float64)
    across = torch.linalg.solve(covariance[1:, 1:], covariance[1:, 0])
    mean, variance = across @ y[1:], covariance[0, 0] - across @ covariance[1:, 0]
    others = torch.distributions.MultivariateNormal(torch.zeros(N - 1, dtype=torch.float64), covariance[1:, 1:])
    exact = others.log_prob(y[1:]) + torch.special.log_ndtr((mean - BOUND) / variance.sqrt())
    lower = torch.full_like(y, -math.inf)
    lower[0] = BOUND
    y = torch.cat([torch.tensor([math.nan], dtype=torch.float64), y[1:]])
    assert find_sites(kernel, _targets(y, lower), 1e-9).log_evidence == pytest.approx(float(exact), abs=1e-5)


def test_bounds_of_any_tightness_stay_finite(regression: tuple[Tensor, Tensor]) -> None:
    kernel, y = regression
    lower = torch.where(torch.arange(N) % 2 == 0, torch.linspace(-30, 30, N, dtype=torch.float64), -math.inf)
    sites = find_sites(kernel, _targets(torch.where(torch.isinf(lower), y, math.nan), lower))
    assert torch.isfinite(sites.precision).all() and (sites.precision > 0).all()
    assert torch.isfinite(sites.shift).all() and math.isfinite(sites.log_evidence)
