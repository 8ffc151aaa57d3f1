"""TrainingModule: the gradient of a step is that of the whole batch, in pieces and on several devices too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightning
import pytest
import torch
from small_models import TINY
from torch import Tensor

from chem_vae.checkpoint import ConditionScale
from chem_vae.config import ModelConfig, TrainingConfig
from chem_vae.data import Batch
from chem_vae.model import ChemVAE, Posterior, cross_entropy
from chem_vae.training.module import TrainingModule

CONFIG = ModelConfig(
    embedding_size=16, encoder_size=16, decoder_size=32, latent_size=8, dropout=0.0, symbol_dropout=0.0, corruption=0.0
)
SCALES = (ConditionScale("a", "", 1.0, 2.0), ConditionScale("b", "", -1.0, 0.5))
BETA = 0.7


class Recorder(lightning.Callback):
    """Keeps the gradients of a step, and what the decoder was given in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_after_backward(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        gradient = {n: p.grad.clone() for n, p in pl_module.model.named_parameters() if p.grad is not None}  # type: ignore[union-attr]
        torch.save((gradient, given), self.folder / f"{trainer.global_rank}.pt")


class Dealt:
    """Each device's own batches."""

    def __init__(self, batches: list[Batch]) -> None:
        self.batches = batches

    def __iter__(self) -> Iterator[Batch]:
        distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
        yield self.batches[torch.distributed.get_rank() if distributed else 0]

    def __len__(self) -> int:
        return 1


given: list[tuple[Tensor, Tensor, Tensor]] = []
"""Tokens, z and shown conditions of each piece."""


@pytest.fixture(autouse=True)
def spied(monkeypatch: pytest.MonkeyPatch) -> None:
    """z is the posterior's mean, and what the decoder is given is noted: with it a gradient can be worked out afterwards."""
    given.clear()
    original = ChemVAE.logits

    def logits(self: ChemVAE, tokens: Tensor, z: Tensor, conditions: Tensor, **more: Any) -> Tensor:
        given.append((tokens, z.detach().clone(), conditions.detach().clone()))
        return original(self, tokens, z, conditions, **more)

    monkeypatch.setattr(Posterior, "sample", lambda self, generator=None: self.mu)
    monkeypatch.setattr(ChemVAE, "logits", logits)


def make_batch(n: int, length: int, seed: int, labelled: float = 0.5) -> Batch:
    """Labels are missing, and more of them in the first half than in the second."""
    generator = torch.Generator().manual_seed(seed)
    conditions = 3.0 * torch.randn(n, 2, generator=generator)
    missing = torch.rand(n, 2, generator=generator) < torch.linspace(1.2 - labelled, 0.6 - labelled, n)[:, None]
    return Batch(torch.randint(3, 12, (n, length), generator=generator), conditions.masked_fill(missing, torch.nan))


def make_module(free_bits: float, pieces: int) -> TrainingModule:
    torch.manual_seed(0)
    model = ChemVAE(CONFIG, 12, 2)
    with torch.no_grad():  # some dimensions with much KL, some with little
        model.encoder.to_posterior.weight[:3].mul_(12.0)
    config = TrainingConfig(
        beta=BETA, beta_schedule="constant", free_bits=free_bits, precision="32-true", averaging=0.0
    )
    return TrainingModule(model, config, SCALES, 10, pieces)


def run_step(module: TrainingModule, batches: list[Batch], folder: Path, **trainer: Any) -> dict[str, Tensor]:
    """Let Lightning do one step, and return its gradients; `given` is what all devices' decoders were given."""
    lightning.Trainer(
        accelerator="cpu",
        max_steps=1,
        callbacks=[Recorder(folder)],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        **trainer,
    ).fit(module, train_dataloaders=Dealt(batches))
    saved = [torch.load(path, weights_only=True) for path in sorted(folder.glob("*.pt"))]
    given[:] = [piece for _, own in saved for piece in own]
    for gradient, _ in saved[1:]:
        assert all(torch.equal(gradient[n], saved[0][0][n]) for n in gradient)
    return saved[0][0]


def expect_gradient(batches: list[Batch], free_bits: float) -> dict[str, Tensor]:
    """The gradient of the definition: the mean over all molecules that were given to the decoders, whatever their pieces."""
    model = make_module(free_bits, 1).model
    nats, kl, means, shown_with_z = [], [], [], []
    pieces = list(given)  # the model notes what it is given below, too
    for tokens, z, shown in pieces:
        posterior = model.encode(tokens)
        has_z = ~z.isnan().any(dim=1)
        assert torch.allclose(posterior.mu[has_z], z[has_z], atol=1e-6)
        z = torch.where(has_z[:, None], posterior.mu, torch.nan)
        nats.append(cross_entropy(model.logits(tokens, z, shown), tokens))
        kl.append(posterior.kl()[has_z])
        means.append(posterior.mu)
        shown_with_z.append(has_z)
    tokens = [t for t, _, _ in pieces]
    labels = {tuple(t): c for b in batches for t, c in zip(b.tokens.tolist(), b.conditions, strict=True)}
    conditions = torch.stack([labels[tuple(row)] for t in tokens for row in t.tolist()])
    known = conditions.isfinite()
    standardized = (conditions - torch.tensor([1.0, -1.0])) / torch.tensor([2.0, 0.5])
    error = (model.property_head(torch.cat(means)) - standardized)[known].square().mean()
    charged = torch.cat(kl).mean(dim=0)
    assert free_bits == 0 or 0 < int((charged < free_bits).sum()) < len(charged), (
        "free bits must bind in some dimensions"
    )
    share = torch.cat(shown_with_z).float().mean()
    assert 0.2 < share < 0.8
    loss = torch.cat(nats).mean() + BETA * share * charged.clamp_min(free_bits).sum() + error
    loss.backward()
    return {n: p.grad for n, p in model.named_parameters() if p.grad is not None}


def assert_same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-3, atol=1e-5, msg=name)


@pytest.mark.parametrize("free_bits", [0.0, 0.02])
@pytest.mark.parametrize("pieces", [1, 3])
def test_a_batch_in_pieces_has_the_gradient_of_the_batch(pieces: int, free_bits: float, tmp_path: Path) -> None:
    batch = make_batch(14, 6, seed=1)
    found = run_step(make_module(free_bits, pieces), [batch], tmp_path)
    assert [len(t) for t, _, _ in given] == ([14] if pieces == 1 else [5, 5, 4])
    assert_same(found, expect_gradient([batch], free_bits))


@pytest.mark.parametrize("free_bits", [0.0, 0.02])
def test_devices_with_unequal_batches_have_the_gradient_of_all_molecules(free_bits: float, tmp_path: Path) -> None:
    batches = [make_batch(12, 6, seed=1, labelled=0.9), make_batch(5, 4, seed=2, labelled=0.3)]
    module = make_module(free_bits, 1)
    found = run_step(module, batches, tmp_path, strategy="ddp_fork", devices=2)
    assert [len(t) for t, _, _ in given] == [12, 5]
    assert_same(found, expect_gradient(batches, free_bits))


def test_a_batch_in_pieces_is_scaled_for_half_precision(tmp_path: Path) -> None:
    module = make_module(0.0, 3)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    scaler.scale(torch.zeros(1))  # which sets the scale up
    plugin = SimpleNamespace(scaler=scaler, train_step_context=lambda: torch.autocast("cpu", enabled=False))
    strategy = SimpleNamespace(backward=lambda loss, *_, **__: loss.backward())
    module._trainer = SimpleNamespace(  # type: ignore[assignment]
        precision_plugin=plugin, strategy=strategy, world_size=1, global_step=0, global_rank=0
    )
    batch = make_batch(14, 6, seed=1)
    module.backward(scaler.scale(module.training_step(batch, 0)["loss"]))
    found = {n: p.grad / 2.0**10 for n, p in module.model.named_parameters() if p.grad is not None}
    assert_same(found, expect_gradient([batch], 0.0))


def test_gradients_are_clipped_without_the_scale_of_half_precision(molecules: tuple) -> None:
    _, vocabulary, scales = molecules
    module = TrainingModule(ChemVAE(TINY, len(vocabulary), 1), TrainingConfig(gradient_clip=1.0), scales, 10)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**16)
    module._trainer = SimpleNamespace(precision_plugin=SimpleNamespace(scaler=scaler))  # type: ignore[assignment]
    optimizer = module.configure_optimizers()["optimizer"]
    weight = next(p for p in module.model.parameters() if p.ndim == 2)
    before = weight.detach().clone()
    scaler.scale((0.5 * weight[0, 0]).sum()).backward()
    module.configure_gradient_clipping(optimizer)
    assert float(weight.grad[0, 0]) == pytest.approx(0.5), "shorter than the limit: left as it is"  # type: ignore[index]
    scaler.step(optimizer)
    scaler.update()
    assert not torch.equal(weight, before) and torch.isfinite(weight).all()


class LossCurve(lightning.Callback):
    """Keeps the loss of each step of each device."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.losses = folder, list[Tensor]()

    def on_train_batch_end(self, trainer: lightning.Trainer, pl_module: Any, outputs: Any, *more: Any) -> None:
        self.losses.append(outputs["loss"].detach())
        torch.save(torch.stack(self.losses), self.folder / f"{trainer.global_rank}-of-{trainer.world_size}.pt")


def train_curve(batches: list[list[Batch]], folder: Path, **trainer: Any) -> Tensor:
    """Train on each device's batches in turn and return the loss (steps,) of the whole batch at each step."""

    class DealtInTurn:
        def __iter__(self) -> Iterator[Batch]:
            distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
            yield from batches[torch.distributed.get_rank() if distributed else 0]

        def __len__(self) -> int:
            return len(batches[0])

    lightning.Trainer(
        accelerator="cpu",
        max_epochs=1,
        callbacks=[LossCurve(folder)],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        **trainer,
    ).fit(make_module(0.0, 1), train_dataloaders=DealtInTurn())
    losses = [torch.load(path, weights_only=True) for path in sorted(folder.glob("*.pt"))]
    assert len(losses) == len(batches)
    return torch.stack(losses).mean(dim=0)


def test_two_devices_have_the_loss_curve_of_one_with_the_joined_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chem_vae.training.losses.hide_conditions", lambda conditions, share: conditions)
    monkeypatch.setattr("torch.rand", rand_by_molecule(torch.rand))
    halves = [[make_batch(9, 6, seed=2 * step + rank) for step in range(8)] for rank in range(2)]
    joined = [Batch(*map(torch.cat, zip(a[:2], b[:2], strict=True))) for a, b in zip(*halves, strict=True)]
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one = train_curve([joined], tmp_path / "one")
    two = train_curve(halves, tmp_path / "two", strategy="ddp_fork", devices=2)
    assert one[-1] < 0.95 * one[0], "it learns"
    assert any(b.conditions.isnan().any() for b in joined)
    torch.testing.assert_close(two, one, rtol=1e-3, atol=1e-4)


def rand_by_molecule(draw: Any) -> Any:
    """Let latent dropout hide z of every other molecule, whichever device has it."""

    def rand(*size: Any, **more: Any) -> Tensor:
        if size == (9,) or size == (18,):
            return (torch.arange(size[0]) % 9 % 2).float()
        found: Tensor = draw(*size, **more)
        return found

    return rand
