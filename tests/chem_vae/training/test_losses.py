"""The loss: its terms, missing values, schedules."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from small_models import CONFIG

from chem_vae.config import TrainingConfig
from chem_vae.model import ChemVAE
from chem_vae.training.losses import compute_beta, elbo, hide_conditions, sum_kl, sum_property_errors


def test_gradients_are_finite_where_values_are_missing(model: ChemVAE, tokens: torch.Tensor) -> None:
    model.train()
    conditions = torch.tensor([[float("nan"), 1.0, float("nan")]] * 6)
    elbo(model, tokens, conditions, beta=0.5).loss.backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


def test_elbo_adds_up(model: ChemVAE, tokens: torch.Tensor) -> None:
    conditions = torch.randn(6, 3)
    model.requires_grad_(False)
    torch.manual_seed(3)
    terms = elbo(model, tokens, conditions, beta=0.25)
    expected = terms.reconstruction + 0.25 * terms.kl.sum() + CONFIG.property_weight * terms.properties
    assert torch.allclose(terms.loss, expected, atol=1e-4)
    torch.manual_seed(3)
    free = elbo(model, tokens, conditions, beta=0.25, free_bits=10.0)
    assert math.isclose(float(free.loss - terms.loss), float(0.25 * (8 * 10.0 - terms.kl.sum())), rel_tol=1e-3)


def test_molecules_that_keep_z_are_passed_over_by_latent_dropout(model: ChemVAE, tokens: torch.Tensor) -> None:
    model.config = replace(model.config, latent_dropout=0.999)
    model.train()
    conditions, some = torch.full((6, 3), torch.nan), torch.tensor([True, False, False, True, False, False])
    torch.manual_seed(0)
    count, _ = sum_kl(model, tokens, conditions, some)
    assert int(count) == 2
    assert elbo(model, tokens, conditions, 0.1, keeps_z=torch.ones(6, dtype=torch.bool)).without_z.isnan()
    assert elbo(model, tokens, conditions, 0.1).reconstruction.isnan()


def test_property_error_counts_what_was_measured() -> None:
    nan = float("nan")
    labels = torch.tensor([[3.0, nan], [0.0, nan]])
    assert sum_property_errors(torch.tensor([[1.0, 5.0], [0.0, 9.0]]), labels) == (4.0, 2)
    assert sum_property_errors(torch.zeros(2, 1), torch.full((2, 1), nan)) == (0.0, 0)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [("constant", [2, 2, 2, 2]), ("linear", [0, 1, 2, 2]), ("cyclical", [0, 2, 0, 2])],
)
def test_beta_schedules(schedule: str, expected: list[float]) -> None:
    config = TrainingConfig(beta=2.0, beta_schedule=schedule, beta_warmup=0.5)  # type: ignore[arg-type]
    assert [compute_beta(config, p) for p in (0.0, 0.25, 0.5, 0.75)] == expected


def test_hidden_conditions_are_all_or_a_subset_of_any_size() -> None:
    torch.manual_seed(0)
    shown = hide_conditions(torch.zeros(20_000, 4), 0.3)
    hidden = shown.isnan().sum(dim=1)
    shares = torch.bincount(hidden, minlength=5) / len(hidden)
    assert 0.44 < shares[0] < 0.48  # 0.4 untouched and a fifth of the 0.3 with a random subset
    assert 0.34 < shares[4] < 0.38
    assert all(0.05 < s < 0.07 for s in shares[1:4].tolist())
    assert not hide_conditions(torch.zeros(5, 4), 0.0).isnan().any()
