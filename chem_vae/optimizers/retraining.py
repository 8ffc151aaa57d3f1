"""A model that moves to where the good molecules are: weighted retraining of a copy of it."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from chem_vae.checkpoint import Checkpoint
from chem_vae.config import TrainingConfig
from chem_vae.data import SameLengthBatches, TokenDataset
from chem_vae.losses import elbo


class MovingModel:
    """A checkpoint's copy that is trained on the best molecules found so far, and can go back.

    Tripp et al. 2020, arXiv:2006.09191: molecules are drawn by rank, w = 1 / (k N + rank), so that the model moves towards
    the good ones and forgets the rest slowly. Conditions stay unknown; most molecules are decoded without z, so that
    p(x) moves as well as p(x | z).
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        *,
        shown: int = 1024,
        batch_size: int = 64,
        learning_rate: float = 5e-4,
        rank_weight: float = 0.01,
        beta: float = 0.05,
        seed: int = 0,
    ) -> None:
        """shown: molecules drawn for each move."""
        self.base = checkpoint
        self.shown, self.batch_size, self.learning_rate = shown, batch_size, learning_rate
        self.rank_weight, self.beta, self.seed = rank_weight, beta, seed
        self.moves = 0
        self.reset()

    def reset(self) -> None:
        """Back to the weights it started from."""
        base = self.base
        self.checkpoint = Checkpoint(
            copy.deepcopy(base.model), base.vocabulary, base.scales, base.max_length, dict(base.card)
        )
        decayed = [p for p in self.checkpoint.model.parameters() if p.ndim >= 2]
        others = [p for p in self.checkpoint.model.parameters() if p.ndim < 2]
        self.optimizer = torch.optim.AdamW(
            [{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}],
            lr=self.learning_rate,
            fused=True,
        )

    def move(self, selfies: Sequence[str]) -> float:
        """Train on molecules, best first; returns the mean -log p(x) in nats of those shown. Strings that the vocabulary
        cannot spell are passed over."""
        model, vocabulary = self.checkpoint.model, self.checkpoint.vocabulary
        strings = [s for s in selfies if s and not vocabulary.missing(s)]
        if len(strings) < 2:
            return float("nan")
        self.moves += 1
        ranks = np.arange(len(strings))
        weights = 1.0 / (self.rank_weight * len(strings) + ranks + 1.0)
        random = np.random.default_rng((self.seed, self.moves))
        drawn = random.choice(len(strings), size=self.shown, p=weights / weights.sum())
        ids = vocabulary.encode_batch([strings[i] for i in np.unique(drawn)])
        data = TokenDataset.from_lists(ids).select(np.searchsorted(np.unique(drawn), drawn))
        batches = SameLengthBatches(data, self.batch_size, seed=self.seed + self.moves)
        from chem_vae.training import resolve_precision  # Lightning takes seconds to load

        nats, seen = 0.0, 0
        device = model.device
        half = resolve_precision(TrainingConfig()) == "bf16-mixed"
        state = torch.get_rng_state()
        torch.manual_seed(self.seed * 1_000_003 + self.moves)
        model.train()
        try:
            for batch in batches:
                tokens = batch.tokens.to(device)
                unknown: Tensor = torch.full((len(tokens), model.properties), torch.nan, device=device)
                with torch.autocast(device.type, torch.bfloat16, enabled=half):
                    terms = elbo(model, tokens, unknown, self.beta)
                self.optimizer.zero_grad(set_to_none=True)
                terms.loss.backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0, foreach=True)
                self.optimizer.step()
                without = float(terms.without_z.detach())
                if without == without:
                    nats, seen = nats + without * len(tokens), seen + len(tokens)
        finally:
            model.eval()
            torch.set_rng_state(state)
        return nats / seen if seen else float("nan")
