"""The model, the loss and decoding: what must hold whatever the weights."""

from __future__ import annotations

import math

import pytest
import torch

from chem_vae.analysis import advise_on_collapse, compute_principal_axes
from chem_vae.config import ModelConfig, TrainingConfig
from chem_vae.decoding import decode_ids
from chem_vae.losses import compute_beta, elbo, sum_property_errors
from chem_vae.model import ChemVAE, Posterior
from chem_vae.vocabulary import END, MASK, START

CONFIG = ModelConfig(
    embedding_size=16, encoder_size=12, encoder_layers=2, decoder_size=24, decoder_layers=2, latent_size=8
)


@pytest.fixture
def model() -> ChemVAE:
    torch.manual_seed(0)
    return ChemVAE(CONFIG, vocabulary_size=20, properties=3).eval()


@pytest.fixture
def tokens() -> torch.Tensor:
    return torch.randint(3, 20, (6, 7), generator=torch.Generator().manual_seed(1))


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


def test_decoding_keeps_rows_in_place_and_agrees_with_one_at_a_time(model: ChemVAE) -> None:
    z = torch.randn(9, 8, generator=torch.Generator().manual_seed(2))
    z[4] = torch.nan
    together = decode_ids(model, z, max_length=30)
    assert together == [decode_ids(model, z[i : i + 1], max_length=30)[0] for i in range(9)]
    sampled = decode_ids(
        model, z.repeat(20, 1), temperature=2.0, max_length=200, generator=torch.Generator().manual_seed(0)
    )
    ids = {i for row in sampled if row is not None for i in row}
    assert len({len(row) for row in sampled if row is not None}) > 3
    assert ids.isdisjoint({START, END, MASK})
    assert ids


def test_guidance_weighs_the_conditions(model: ChemVAE) -> None:
    z = torch.full((9, 8), torch.nan)
    conditions = torch.randn(9, 3, generator=torch.Generator().manual_seed(3))
    conditions[2] = torch.nan  # guided towards nothing: as without
    plain = decode_ids(model, z, conditions, max_length=30)
    guided = decode_ids(model, z, conditions, guidance=3.0, max_length=30)
    assert guided[2] == plain[2]
    assert guided == [decode_ids(model, z[:1], conditions[i : i + 1], guidance=3.0, max_length=30)[0] for i in range(9)]
    assert decode_ids(model, z, None, guidance=3.0, max_length=30) == decode_ids(model, z, max_length=30)
    with torch.no_grad():
        first = model.decoder.step(model.embedding(torch.zeros(9, dtype=torch.long)), _start(model, z, conditions))[0]
        free = model.decoder.step(model.embedding(torch.zeros(9, dtype=torch.long)), _start(model, z, None))[0]
    mixed = first + 3.0 * (first - free)
    mixed[:, [START, MASK]] = -torch.inf
    assert [row[0] if row else END for row in guided if row is not None] == [
        i for i, row in zip(mixed.argmax(-1).tolist(), guided, strict=True) if row is not None
    ]


def _start(model: ChemVAE, z: torch.Tensor, conditions: torch.Tensor | None) -> object:
    return model.decoder.start(z, model.conditions(model.fill(conditions, len(z))))


def test_a_molecule_that_does_not_end_is_none(model: ChemVAE) -> None:
    with torch.no_grad():
        model.decoder.to_symbols.bias[END] = -1e9
    assert decode_ids(model, torch.zeros(3, 8), max_length=5) == [None, None, None]


def test_greedy_decoding_is_the_argmax_of_the_teacher_forced_logits(model: ChemVAE) -> None:
    many = 3 * torch.randn(400, 8, generator=torch.Generator().manual_seed(7))
    for bias in torch.linspace(0, 1, 21):  # random weights tend to never end or to end at once
        with torch.no_grad():
            model.decoder.to_symbols.bias[END] = bias
        ended = [
            (row, ids)
            for row, ids in enumerate(decode_ids(model, many, max_length=50))
            if ids is not None and len(ids) > 2
        ]
        if ended:
            break
    row, ids = ended[0]
    z = many[row : row + 1]
    logits = model.logits(torch.tensor([ids], dtype=torch.long), z)[0]
    logits[:, [START, MASK]] = -torch.inf
    assert logits.argmax(-1).tolist() == [*ids, END]


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


@pytest.mark.parametrize("bad", [{"latent_size": 0}, {"dropout": 1.0}, {"property_weight": -1}])
def test_impossible_architectures_are_refused(bad: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        ModelConfig(**bad)
