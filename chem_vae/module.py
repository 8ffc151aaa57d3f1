"""The Lightning module: one training step of ChemVAE, its optimizer and schedules, and the average of its weights."""

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
from chem_vae.losses import Elbo, beta_at, elbo
from chem_vae.model import ChemVAE


class TrainingModule(lightning.LightningModule):
    """ChemVAE with its optimizer and schedules."""

    def __init__(
        self,
        model: ChemVAE,
        config: TrainingConfig,
        scales: tuple[ConditionScale, ...],
        steps: int,
        pieces: int = 1,
    ) -> None:
        super().__init__()
        self.model, self.config, self.steps = model, config, steps
        self.pieces = pieces
        """How many parts a batch is worked off in, where the device has no memory for all of it at once."""
        self.waiting: list[Batch] = []
        self.molecules = 0  # of the batch at work
        self.averaged = copy.deepcopy(model).requires_grad_(False).eval() if config.averaging > 0 else model
        """What is scored and kept: the moving average of the weights (Polyak & Juditsky 1992), or the weights."""
        self.register_buffer("mean", torch.tensor([s.mean for s in scales]), persistent=False)
        self.register_buffer("std", torch.tensor([s.std for s in scales]), persistent=False)
        self.mean: Tensor
        self.std: Tensor

    def configure_optimizers(self) -> Any:
        decayed = [p for p in self.model.parameters() if p.ndim >= 2]
        others = [p for p in self.model.parameters() if p.ndim < 2]
        groups = [
            {"params": decayed, "weight_decay": self.config.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ]
        optimizer = torch.optim.AdamW(groups, lr=self.config.learning_rate, fused=True)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self._learning_rate_factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _learning_rate_factor(self, step: int) -> float:
        """Linear warm-up, then half a cosine down to a hundredth."""
        warmup = max(1, round(self.config.warmup * self.steps))
        if step < warmup:
            return (step + 1) / warmup
        progress = min(1.0, (step - warmup) / max(1, self.steps - warmup))
        return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress))

    def training_step(self, batch: Batch, batch_index: int) -> dict[str, Any]:
        # Random numbers as a function of (seed, step, device): no generator state has to survive a kill.
        torch.manual_seed((self.config.seed * 1_000_003 + self.global_step) * 1009 + self.global_rank)
        first, *self.waiting = _pieces(batch, self.pieces)
        self.molecules = len(batch.tokens)
        terms = self._bound(first)
        return {
            "loss": terms.loss * (len(first.tokens) / self.molecules),
            "terms": terms._replace(loss=terms.loss.detach()),  # of the first piece, a fair sample of the batch
            "beta": self._beta,
            "molecules": self.molecules,
        }

    def backward(self, loss: Tensor, *more: Any, **named: Any) -> None:
        """The gradient of the batch, one piece after the other: no two of them are in memory together."""
        super().backward(loss, *more, **named)
        plugin: Any = self.trainer.precision_plugin
        scaler = getattr(plugin, "scaler", None)
        while self.waiting:
            piece = self.waiting.pop()
            with plugin.train_step_context():
                part = self._bound(piece).loss * (len(piece.tokens) / self.molecules)
            super().backward(part if scaler is None else scaler.scale(part), *more, **named)

    @property
    def _beta(self) -> float:
        return beta_at(self.config, self.global_step / max(1, self.steps))

    def _bound(self, batch: Batch) -> Elbo:
        conditions = (batch.conditions - self.mean) / self.std
        terms = elbo(self.model, batch.tokens, conditions, self._beta, self.config.free_bits)
        if not torch.isfinite(terms.loss):
            raise TrainingError(
                f"the loss is no longer a number (step {self.global_step}); lower train.training.learning_rate "
                f"(now {self.config.learning_rate:g}) or train with precision 32-true"
            )
        return terms

    def configure_gradient_clipping(self, optimizer: Any, *limits: Any, **more: Any) -> None:
        """Lightning's own clipping refuses a fused optimizer, whose step is twice as fast."""
        scaler = getattr(self.trainer.precision_plugin, "scaler", None)
        if scaler is not None and getattr(optimizer, "_step_supports_amp_scaling", False):
            scaler.unscale_(optimizer)  # which Lightning leaves to the step of a fused optimizer: too late for the norm
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.gradient_clip, foreach=True)

    def follow(self) -> None:
        """Move the average towards the weights; at the start, where they move fast, more closely."""
        if self.averaged is self.model:
            return
        decay = min(self.config.averaging, (1 + self.global_step) / (10 + self.global_step))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.averaged.parameters()), list(self.model.parameters()), 1 - decay)


def _pieces(batch: Batch, count: int) -> list[Batch]:
    """The batch in at most so many parts, none of them empty."""
    if count == 1:
        return [batch]
    tokens, conditions = batch.tokens.chunk(count), batch.conditions.chunk(count)
    return [Batch(t, c) for t, c in zip(tokens, conditions, strict=True)]
