"""Geometry of the latent space: paths, shells and information about properties."""

from __future__ import annotations

import math

import pytest
import torch

from chem_vae.latent import (
    DiagonalGaussian,
    compute_information_gaps,
    compute_squared_correlation,
    estimate_mutual_information,
    interpolate_path,
    measure_nearest_distances,
    sample_shell,
)


def test_a_path_keeps_its_ends_and_the_norm_of_the_prior() -> None:
    generator = torch.Generator().manual_seed(0)
    measure = DiagonalGaussian(torch.randn(64, generator=generator), torch.rand(64, generator=generator) + 0.5)
    a, b = (measure.center + measure.spread * torch.randn(64, generator=generator) for _ in range(2))
    path = interpolate_path(a, 1.3 * b, 11, measure)
    assert torch.equal(path[0], a) and torch.equal(path[-1], 1.3 * b)
    norms = ((path - measure.center) / measure.spread).norm(dim=1)
    assert (norms.diff().sign() == norms.diff().sign()[0]).all()  # from the one norm to the other without a dip
    straight = (a + 1.3 * b) / 2
    assert ((straight - measure.center) / measure.spread).norm() < 0.8 * norms[5]  # where a line would go
    turned = torch.nn.functional.normalize((path - measure.center) / measure.spread, dim=1)
    angles = torch.arccos((turned[1:] * turned[:-1]).sum(dim=1))
    assert torch.allclose(angles, angles.mean().expand(10), atol=1e-3)


def test_a_path_between_special_points_is_finite() -> None:
    z, standard = torch.randn(8, generator=torch.Generator().manual_seed(1)), DiagonalGaussian.standard(8)
    for a, b in ((z, z), (z, -z), (z, 2 * z), (torch.zeros(8), z)):
        path = interpolate_path(a, b, 5, standard)
        assert torch.isfinite(path).all() and torch.equal(path[0], a) and torch.equal(path[-1], b)
    assert torch.allclose(interpolate_path(z, z, 5, standard), z.expand(5, 8), atol=1e-5)


def test_shell_points_lie_at_the_radius() -> None:
    z = torch.ones(16)
    points = sample_shell(z, 2.5, 20, torch.linspace(0.1, 2, 16), torch.Generator().manual_seed(0))
    assert torch.allclose((points - z).norm(dim=1), torch.full((20,), 2.5), atol=1e-4)


def test_information_finds_the_dimension_that_tells() -> None:
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(1500, 4, generator=generator)
    values = torch.stack([z[:, 2] ** 3, z[:, 0] + z[:, 1], torch.randn(1500, generator=generator)], dim=1)
    values[::7, 0] = torch.nan
    told, entropy = estimate_mutual_information(z, values)
    assert told.shape == (4, 3) and torch.allclose(
        entropy, torch.full((3,), math.log(20), dtype=torch.float64), atol=0.01
    )
    assert int(told[:, 0].argmax()) == 2 and float(told[2, 0]) > 2.0 and float(told[:, 2].max()) < 0.1
    gap = compute_information_gaps(told, entropy)
    assert float(gap[0]) > 0.6 and float(gap[1]) < 0.1
    r2 = compute_squared_correlation(z, values)
    assert float(r2[2, 0]) == pytest.approx(0.6, abs=0.1) and float(r2[0, 1]) == pytest.approx(0.5, abs=0.1)
    few = torch.full((60, 1), torch.nan)
    assert (
        estimate_mutual_information(z[:60], few)[0].isnan().all()
        and compute_squared_correlation(z[:60], few).isnan().all()
    )


def test_nearest_distances() -> None:
    reference = torch.tensor([[0.0, 0.0], [3.0, 4.0]])
    assert measure_nearest_distances(torch.tensor([[0.0, 1.0], [3.0, 4.0]]), reference).tolist() == [1.0, 0.0]
    assert measure_nearest_distances(reference, reference, exclude_self=True).tolist() == [5.0, 5.0]
