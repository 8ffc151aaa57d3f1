"""Predictors and optimizers: calibrated, saved without pickle, differentiable; ask and tell keep their accounts."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from chem_vae.checkpoint import Checkpoint
from chem_vae.config import ModelConfig
from chem_vae.errors import CheckpointError, DataError, UserError
from chem_vae.model import ChemVAE
from chem_vae.optimizers import STRATEGIES, Problem, create
from chem_vae.predictors import check, fit_predictor, load_predictors, measure_nearest_distances, save_predictors
from chem_vae.prior import sample_prior
from chem_vae.vocabulary import SelfiesVocabulary


def made(n: int, noise: float = 0.3, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """y = 3 sin(z0) + z1 + noise, in 8 dimensions of which two matter."""
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(n, 8, generator=generator)
    return z, 3 * z[:, 0].sin() + z[:, 1] + noise * torch.randn(n, generator=generator)


@pytest.mark.parametrize(("n", "method"), [(200, "Gaussian process"), (3000, "MLP ensemble")])
def test_fit_check_save_load(n: int, method: str, tmp_path: Path) -> None:
    z, y = made(n)
    y[::7] = torch.nan  # unmeasured molecules are left out
    predictor = fit_predictor(z, y)
    predictor.calibrate(*made(300, seed=1))
    z_test, y_test = made(1000, seed=2)
    figures = check(predictor, z_test, y_test, n)
    assert figures.method == method
    assert figures.r2 > 0.85
    assert figures.mae < 0.6
    for nominal, observed in figures.coverage.items():
        assert abs(float(nominal) - observed) < 0.12, figures.coverage
    save_predictors({"pIC50": predictor}, tmp_path / "p.safetensors")
    loaded = load_predictors(tmp_path / "p.safetensors")["pIC50"]
    for a, b in zip(predictor.predict(z_test[:50]), loaded.predict(z_test[:50]), strict=True):
        assert torch.allclose(a, b, atol=1e-3)


@pytest.mark.parametrize("n", [100, 2000])
def test_predictions_have_gradients(n: int) -> None:
    predictor = fit_predictor(*made(n))
    z = torch.zeros(3, 8, requires_grad=True)
    predictor.predict(z).mean.sum().backward()
    assert z.grad is not None
    assert (z.grad[:, 0] > 0.5).all()  # the slope of 3 sin(z0) at 0 is 3


def test_uncertainty_grows_away_from_the_data() -> None:
    predictor = fit_predictor(*made(150))
    near, far = predictor.predict(torch.zeros(1, 8)).std, predictor.predict(torch.full((1, 8), 6.0)).std
    assert far > 1.5 * near


def test_too_few_and_damaged(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="too few"):
        fit_predictor(torch.zeros(30, 2), torch.tensor([1.0] * 9 + [float("nan")] * 21))
    (tmp_path / "p.safetensors").write_bytes(b"\x80\x04rubbish")
    with pytest.raises(CheckpointError, match="damaged"):
        load_predictors(tmp_path / "p.safetensors")


def test_nearest_distances() -> None:
    reference = torch.tensor([[0.0, 0.0], [3.0, 4.0]])
    assert measure_nearest_distances(torch.tensor([[0.0, 1.0], [3.0, 4.0]]), reference).tolist() == [1.0, 0.0]
    assert measure_nearest_distances(reference, reference, exclude_self=True).tolist() == [5.0, 5.0]


@pytest.fixture
def checkpoint() -> Checkpoint:
    torch.manual_seed(0)
    vocabulary = SelfiesVocabulary(["[C]", "[O]", "[N]"])
    config = ModelConfig(embedding_size=8, encoder_size=8, decoder_size=16, latent_size=8)
    return Checkpoint(ChemVAE(config, len(vocabulary), 1).eval(), vocabulary, (), 40)


def no_conditions(n: int, generator: torch.Generator) -> torch.Tensor:
    return torch.full((n, 1), torch.nan)


def test_gradient_ascent_climbs_and_learns_from_what_it_is_told(checkpoint: Checkpoint) -> None:
    peak = torch.zeros(8)
    peak[0] = 1.5
    known = torch.randn(500, 8, generator=torch.Generator().manual_seed(0))

    def log_desirability(z: torch.Tensor) -> torch.Tensor:
        return -(z - peak).square().sum(dim=1)

    optimizer = create("gradient", Problem(checkpoint, no_conditions, log_desirability, known), seed=3)
    proposal = optimizer.ask(40)
    assert proposal.z.shape == (40, 8)
    assert log_desirability(proposal.z).mean() > log_desirability(known).topk(40).values.mean() + 1.0
    scores = torch.full((40,), torch.nan)
    scores[:12] = -300.0  # on a scale of its own
    elsewhere = torch.full((40, 8), 4.0)
    optimizer.tell(proposal, elsewhere, scores)
    assert len(optimizer.archive) == 12  # type: ignore[attr-defined]
    optimizer.steps = 0  # type: ignore[attr-defined]
    begun = optimizer.ask(40).z
    assert int((begun.mean(dim=1) > 3).sum()) == 20  # half from what was told
    with pytest.raises(UserError, match="every proposal"):
        optimizer.tell(proposal, proposal.z[:5], scores[:5])
    again = create("gradient", Problem(checkpoint, no_conditions, log_desirability, known), seed=3).ask(40)
    assert torch.equal(again.z, proposal.z)


def test_conditional_sampling_asks_without_z(checkpoint: Checkpoint) -> None:
    proposal = create("conditional", Problem(checkpoint, lambda n, g: torch.ones(n, 1))).ask(5)
    assert proposal.z.isnan().all()
    assert proposal.conditions.tolist() == [[1.0]] * 5


def test_registry_errors_name_what_there_is(checkpoint: Checkpoint) -> None:
    with pytest.raises(UserError, match="did you mean 'gradient'"):
        create("gradiant", Problem(checkpoint, no_conditions))
    with pytest.raises(UserError, match="needs a predictor"):
        create("gradient", Problem(checkpoint, no_conditions))
    with pytest.raises(UserError, match="unknown prior"):
        sample_prior(checkpoint, 2, "norml")
    assert set(STRATEGIES) == {"adaptive", "conditional", "genetic", "gradient", "random"}
    for removed in ("turbo", "cma_es"):
        with pytest.raises(UserError, match=f"{removed} was removed.*use the strategy adaptive"):
            create(removed, Problem(checkpoint, no_conditions))


@pytest.mark.parametrize("kind", ["normal", "ancestral", "none"])
def test_priors_are_reproducible(checkpoint: Checkpoint, kind: str) -> None:
    a, b, c = (sample_prior(checkpoint, 16, kind, seed) for seed in (1, 1, 2))
    assert a.shape == (16, 8)
    assert torch.equal(a.nan_to_num(), b.nan_to_num())
    assert kind == "none" or not torch.equal(a, c)


@pytest.mark.parametrize("kind", ["normal", "ancestral"])
def test_a_prior_shares_no_random_numbers_with_what_is_decoded(
    checkpoint: Checkpoint, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds: list[int] = []
    decode, manual_seed = Checkpoint.decode, torch.Generator.manual_seed

    def decoded(self: Checkpoint, *given: object, seed: int, **more: object) -> list[str | None]:
        seeds.append(seed)
        return decode(self, *given, seed=seed, **more)  # type: ignore[arg-type]

    class Seen(torch.Generator):
        def manual_seed(self, seed: int) -> torch.Generator:
            seeds.append(seed)
            return manual_seed(self, seed)

    monkeypatch.setattr(Checkpoint, "decode", decoded)
    monkeypatch.setattr(torch, "Generator", Seen)
    for seed in (0, 5):
        sample_prior(checkpoint, 4, kind, seed)
    assert not {0, 5} & set(seeds)
    # decode() hands its own seed on to a generator, so "ancestral" is seen three times and has two seeds.
    assert len(seeds) == (6 if kind == "ancestral" else 2) and len(set(seeds)) == (4 if kind == "ancestral" else 2)
