"""The model, the loss and decoding: what must hold whatever the weights."""

from __future__ import annotations

import torch

from chem_vae.model import ChemVAE, Posterior


def test_shapes(model: ChemVAE, tokens: torch.Tensor) -> None:
    posterior = model.encode(tokens)
    assert posterior.mu.shape == posterior.logvar.shape == (6, 8)
    assert posterior.kl().shape == (6, 8)
    assert model.logits(tokens, posterior.mu).shape == (6, 8, 20)
    assert model.log_likelihood(tokens).shape == (6,)


def test_kl_is_that_of_torch(model: ChemVAE, tokens: torch.Tensor) -> None:
    q = model.encode(tokens)
    normal = torch.distributions.Normal(q.mu, (0.5 * q.logvar).exp())
    expected = torch.distributions.kl_divergence(normal, torch.distributions.Normal(0.0, 1.0))
    assert torch.allclose(q.kl(), expected, atol=1e-5)
    assert Posterior(torch.zeros(1, 8), torch.zeros(1, 8)).kl().abs().sum() == 0


def test_the_likelihoods_of_all_next_symbols_sum_to_one(model: ChemVAE) -> None:
    one = torch.arange(20).unsqueeze(1)
    logits = model.logits(one, torch.zeros(20, 8))
    assert torch.allclose(torch.softmax(logits[:, 0], -1).sum(-1), torch.ones(20))
    assert torch.allclose(logits[0, 0], logits[5, 0], atol=1e-6)  # the first symbol cannot see itself


def test_a_missing_condition_is_not_zero_and_not_another_one(model: ChemVAE, tokens: torch.Tensor) -> None:
    known = torch.zeros(6, 3)
    nats = [-model.log_likelihood(tokens, None, c) for c in (known, None, known.clone().fill_(torch.nan))]
    assert not torch.allclose(nats[0], nats[1])
    assert torch.equal(nats[1], nats[2])
    one_missing = known.clone()
    one_missing[:, 1] = torch.nan
    assert torch.isfinite(model.log_likelihood(tokens, None, one_missing)).all()
    assert not torch.allclose(model.log_likelihood(tokens, None, one_missing), -nats[0])


def test_rows_without_z_do_not_disturb_rows_with_z(model: ChemVAE, tokens: torch.Tensor) -> None:
    z = torch.randn(6, 8)
    mixed = z.clone()
    mixed[::2] = torch.nan
    assert torch.allclose(model.logits(tokens, mixed)[1::2], model.logits(tokens, z)[1::2], atol=1e-6)
    assert torch.allclose(model.logits(tokens, mixed)[::2], model.logits(tokens, None)[::2], atol=1e-6)
