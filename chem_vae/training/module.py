"""TrainingModule: one training step of ChemVAE, its optimizer and schedules, and the average of its weights."""

from __future__ import annotations

import copy
import math
from typing import Any

import lightning
import torch
from torch import Tensor

from chem_vae.checkpoint import ConditionScale
from chem_vae.config import TrainingConfig
from chem_vae.data import Batch
from chem_vae.errors import TrainingError
from chem_vae.model import ChemVAE, make_optimizer
from chem_vae.seeds import derive_seed, number_seed
from chem_vae.training.losses import BatchTotals, Elbo, compute_beta, elbo, sum_kl

STEPS_BETWEEN_CHECKS = 50
"""Steps after which a GPU is asked whether its loss is still a number: each time all that it has to do is waited for."""


class TrainingModule(lightning.LightningModule):
    """ChemVAE with its optimizer and schedules, for Lightning's trainer.

    The gradient of a step is that of the loss of the whole batch, whether the batch is worked off at once, in pieces, or on
    several devices: each part is normalized by the counts of the whole, never by its own.

    Args:
        model: The model; it is trained in place.
        config: Schedules, optimizer and seed.
        scales: Mean and deviation of each property.
        steps: Optimizer steps of the whole training, over which the schedules stretch.
        pieces: The number of parts that a batch is worked off in, where the device has no memory for all of it at once.
    """

    def __init__(
        self,
        model: ChemVAE,
        config: TrainingConfig,
        scales: tuple[ConditionScale, ...],
        steps: int,
        pieces: int = 1,
    ) -> None:
        super().__init__()
        self.model, self.config, self.steps, self.pieces = model, config, steps, pieces
        self.averaged = copy.deepcopy(model).requires_grad_(False).eval() if config.averaging > 0 else model
        """The model that is scored and kept: the moving average of the weights (Polyak & Juditsky 1992), or the weights."""
        self.register_buffer("mean", torch.tensor([s.mean for s in scales]), persistent=False)
        self.register_buffer("std", torch.tensor([s.std for s in scales]), persistent=False)
        self.mean: Tensor
        self.std: Tensor
        self._waiting: list[tuple[int, Batch]] = []
        self._whole: BatchTotals | None = None

    def configure_optimizers(self) -> Any:
        optimizer = make_optimizer(self.model, self.config.learning_rate, self.config.weight_decay)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self._learning_rate_factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _learning_rate_factor(self, step: int) -> float:
        """Return the learning rate's factor: a linear warm-up, then half a cosine down to a hundredth."""
        warmup = max(1, round(self.config.warmup * self.steps))
        if step < warmup:
            return (step + 1) / warmup
        progress = min(1.0, (step - warmup) / max(1, self.steps - warmup))
        return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress))

    def training_step(self, batch: Batch, batch_index: int) -> dict[str, Any]:
        pieces = _split(batch, self.pieces)
        self._whole = self._count(pieces) if len(pieces) > 1 or self.trainer.world_size > 1 else None
        (_, first), *self._waiting = enumerate(pieces)
        terms = self._compute_elbo(0, first)
        return {
            "loss": terms.loss,
            "terms": terms._replace(loss=terms.loss.detach()),  # of the first piece, a fair sample of the batch
            "beta": self._beta,
            "molecules": len(batch.tokens),
        }

    def backward(self, loss: Tensor, *more: Any, **named: Any) -> None:
        """Add up the gradient of the batch, one piece after the other: no two of them are in memory together."""
        super().backward(loss, *more, **named)
        plugin: Any = self.trainer.precision_plugin
        scaler = getattr(plugin, "scaler", None)
        while self._waiting:
            number, piece = self._waiting.pop(0)
            with plugin.train_step_context():
                part = self._compute_elbo(number, piece).loss
            super().backward(part if scaler is None else scaler.scale(part), *more, **named)

    @property
    def _beta(self) -> float:
        return compute_beta(self.config, self.global_step / max(1, self.steps))

    def _compute_elbo(self, number: int, piece: Batch) -> Elbo:
        """Compute a piece's share of the loss, such that the mean over devices, which DDP takes, is the loss of the whole."""
        self._seed(number)
        terms = elbo(
            self.model, piece.tokens, self._standardize(piece), self._beta, self.config.free_bits, self._whole, piece.keeps_z
        )  # fmt: skip
        last = self.global_step >= self.steps - 1
        asked = self.device.type == "cpu" or last or self.global_step % STEPS_BETWEEN_CHECKS == 0
        if asked and not torch.isfinite(terms.loss):
            raise TrainingError(
                f"the loss is no longer a number (step {self.global_step}); lower train.training.learning_rate "
                f"(now {self.config.learning_rate:g}) or train with precision 32-true"
            )
        return terms._replace(loss=terms.loss * self.trainer.world_size)

    def _count(self, pieces: list[Batch]) -> BatchTotals:
        """Count the batch over all pieces and devices."""
        molecules = torch.tensor(sum(len(p.tokens) for p in pieces), device=self.device)
        measured = torch.stack([(~p.conditions.isnan()).sum() for p in pieces]).sum()
        if self.config.free_bits == 0:
            return BatchTotals(*self._sum_over_devices(molecules, measured))
        sums = []
        for number, piece in enumerate(pieces):
            self._seed(number)
            sums.append(sum_kl(self.model, piece.tokens, self._standardize(piece), piece.keeps_z))
        torch.clear_autocast_cache()  # its copies of the weights were made without a graph
        with_z, kl = (torch.stack(s).sum(dim=0) for s in zip(*sums, strict=True))
        return BatchTotals(*self._sum_over_devices(molecules, measured, with_z, kl))

    def _sum_over_devices(self, *values: Tensor) -> list[Tensor]:
        if self.trainer.world_size == 1:
            return list(values)
        return [self.trainer.strategy.reduce(v.float(), reduce_op="sum") for v in values]

    def _seed(self, piece: int) -> None:
        """Make random numbers a function of (seed, step, device, piece), so that no generator has to survive a kill."""
        seed = number_seed(self.config.seed, self.global_step) * 1009 + self.global_rank
        seed = derive_seed(seed, piece) if piece else seed
        if self.device.type == "cpu":  # the other way notes the seed for each kind of device, at a millisecond a step
            torch.default_generator.manual_seed(seed)
        else:
            torch.manual_seed(seed)

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """Copy a batch to the device; to a GPU without waiting for what it is still computing."""
        keeps_z = None if batch.keeps_z is None else _copy_to(batch.keeps_z, device)
        return Batch(_copy_to(batch.tokens, device), _copy_to(batch.conditions, device), keeps_z)

    def _standardize(self, batch: Batch) -> Tensor:
        return (batch.conditions - self.mean) / self.std

    def configure_gradient_clipping(self, optimizer: Any, *limits: Any, **more: Any) -> None:
        """Clip the norm of the gradient; Lightning's own clipping refuses a fused optimizer, whose step is twice as fast."""
        scaler = getattr(self.trainer.precision_plugin, "scaler", None)
        if scaler is not None and getattr(optimizer, "_step_supports_amp_scaling", False):
            scaler.unscale_(optimizer)  # which Lightning leaves to the step of a fused optimizer: too late for the norm
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.gradient_clip, foreach=True)

    def update_average(self) -> None:
        """Move the average towards the weights; more closely at the start, where they move fast."""
        if self.averaged is self.model:
            return
        decay = min(self.config.averaging, (1 + self.global_step) / (10 + self.global_step))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.averaged.parameters()), list(self.model.parameters()), 1 - decay)


def _copy_to(part: Tensor, device: torch.device) -> Tensor:
    return part.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else part.to(device)


def _split(batch: Batch, count: int) -> list[Batch]:
    """Split the batch into at most so many parts, none of them empty."""
    if count == 1:
        return [batch]
    tokens, conditions = batch.tokens.chunk(count), batch.conditions.chunk(count)
    keeps_z = [None] * len(tokens) if batch.keeps_z is None else batch.keeps_z.chunk(count)
    return [Batch(*parts) for parts in zip(tokens, conditions, keeps_z, strict=True)]
