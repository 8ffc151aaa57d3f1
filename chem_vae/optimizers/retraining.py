"""Weighted retraining: a copy of the model is trained on the best molecules, so that it generates more like them."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from chem_vae.checkpoint import Checkpoint
from chem_vae.config import TrainingConfig
from chem_vae.model import cross_entropy, make_optimizer
from chem_vae.seeds import number_seed
from chem_vae.training.losses import corrupt
from chem_vae.training.precision import resolve_precision


class WeightedRetraining:
    """Trains a checkpoint's copy on the best molecules found so far, and can go back to the original.

    Tripp et al. 2020, arXiv:2006.09191: molecules are drawn by rank, w = 1 / (k N + rank), so that the model moves towards
    the good ones and forgets the rest slowly. Conditions stay unknown; most batches are decoded without z, so that
    p(x) moves as well as p(x | z), and the encoder has nothing to do for them.

    Args:
        checkpoint: The model to start from; it stays as it is, and `checkpoint` is the retrained copy.
        steps: Optimizer steps of each call of `step`.
        batch_size: Molecules of each optimizer step.
        learning_rate: Learning rate of AdamW.
        rank_weight: k; the smaller, the more the best molecules count.
        beta: Weight of the KL term.
        seed: The same seed and molecules give the same weights.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        *,
        steps: int = 16,
        batch_size: int = 32,
        learning_rate: float = 5e-4,
        rank_weight: float = 0.01,
        beta: float = 0.05,
        seed: int = 0,
    ) -> None:
        self.base = checkpoint
        self.steps, self.batch_size, self.learning_rate = steps, batch_size, learning_rate
        self.rank_weight, self.beta, self.seed = rank_weight, beta, seed
        self.calls = 0
        self.reset()

    def reset(self) -> None:
        """Go back to the weights that it started from."""
        base = self.base
        self.checkpoint = Checkpoint(
            copy.deepcopy(base.model), base.vocabulary, base.scales, base.max_length, dict(base.card)
        )
        self.optimizer = make_optimizer(self.checkpoint.model, self.learning_rate, weight_decay=0.01)

    def step(self, selfies: Sequence[str]) -> float:
        """Train the copy on some molecules.

        Args:
            selfies: SELFIES strings, best first; those that the vocabulary cannot spell are passed over.

        Returns:
            The mean -log p(x), in nats, of the molecules that were shown; NaN where there were fewer than two.
        """
        model, vocabulary = self.checkpoint.model, self.checkpoint.vocabulary
        strings = [s for s in selfies if s and not vocabulary.find_missing(s)]
        if len(strings) < 2:
            return float("nan")
        self.calls += 1
        weights = 1.0 / (self.rank_weight * len(strings) + np.arange(len(strings)) + 1.0)
        batches = self._draw_batches(vocabulary.encode_batch(strings), weights)
        nats, seen = 0.0, 0
        device = model.device
        half = resolve_precision(TrainingConfig()) == "bf16-mixed"
        state = torch.get_rng_state()
        torch.manual_seed(number_seed(self.seed, self.calls))
        model.train()
        try:
            for batch in batches:
                has_z = bool(torch.rand(()) >= model.config.latent_dropout)
                with torch.autocast(device.type, torch.bfloat16, enabled=half):
                    reconstruction, kl = self._compute_terms(batch.to(device), has_z)
                self.optimizer.zero_grad(set_to_none=True)
                (reconstruction + self.beta * kl).backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0, foreach=True)
                self.optimizer.step()
                if not has_z:
                    nats, seen = nats + float(reconstruction.detach()) * len(batch), seen + len(batch)
        finally:
            model.eval()
            torch.set_rng_state(state)
        return nats / seen if seen else float("nan")

    def _compute_terms(self, tokens: Tensor, has_z: bool) -> tuple[Tensor, Tensor]:
        """Compute -log p(x | z), or -log p(x), and the KL of a batch (B, T), in nats per molecule; see `chem_vae.training.losses.elbo`."""
        model, z, kl = self.checkpoint.model, None, torch.zeros((), device=tokens.device)
        if has_z:
            posterior = model.encode(corrupt(tokens, model.config.corruption))
            z, kl = posterior.sample(), posterior.kl().sum(dim=1).mean()
        return cross_entropy(model.logits(tokens, z, masked=model.config.symbol_dropout), tokens).mean(), kl

    def _draw_batches(self, ids: Sequence[Sequence[int]], weights: NDArray[Any]) -> Iterator[Tensor]:
        """(B, T) tokens, each of molecules of one length: the length is drawn first, by the weight of its molecules.

        A step on few molecules costs half of one on many, so that none is spent on what is left of a length.
        """
        random = np.random.default_rng((self.seed, self.calls))
        lengths = np.array([len(i) for i in ids])
        for length in random.choice(lengths, size=self.steps, p=weights / weights.sum()):
            rows = np.flatnonzero(lengths == length)
            drawn = random.choice(rows, size=self.batch_size, p=weights[rows] / weights[rows].sum())
            yield torch.tensor([ids[i] for i in drawn])
