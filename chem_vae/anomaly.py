"""Anomaly scores: how unlikely a molecule is under the model, in nats, and as a percentile of a reference sample.

-log p(x) comes from the decoder without z and without conditions: an exact likelihood, not a bound. -log p(x | mu) says how
well the molecule survives the latent space. A likelihood alone can mislead (Nalisnick et al. 2019, arXiv:1810.09136: deep
models may find strange data likelier than their own), so both are given, and always against a reference.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from chem_vae.checkpoint import Checkpoint
from chem_vae.data import TokenDataset
from chem_vae.progress import Progress, silent

FILE = "anomaly.safetensors"
"""The file of a model's folder that keeps the result of `fit_anomaly`."""
SCORES = ("nats", "nats_per_symbol", "reconstruction_nats")
FEWEST_HELD_OUT = 200
"""Held-out molecules that make a reference; with fewer it is of training molecules."""


class Surprise(NamedTuple):
    """The anomaly scores of N molecules, in nats, summed over the symbols of a molecule with its [end]."""

    nats: Tensor
    """(N,) -log p(x)."""
    nats_per_symbol: Tensor
    """(N,) the same, divided by the molecule's SELFIES symbols (merges taken apart)."""
    reconstruction_nats: Tensor
    """(N,) -log p(x | mu(x))."""


@torch.no_grad()
def compute_surprise(
    checkpoint: Checkpoint, data: TokenDataset, batch_size: int = 512, progress: Progress = silent
) -> Surprise:
    """Compute the anomaly scores of each molecule of a dataset, conditions unknown.

    Args:
        checkpoint: The model.
        data: Molecules in the tokens of this checkpoint's vocabulary.
        batch_size: Molecules at a time.
        progress: Told of the molecules done.

    Returns:
        The scores of the N molecules.
    """
    model, n = checkpoint.model.eval(), len(data)
    lengths = torch.tensor([len(checkpoint.vocabulary.expand_token(i)) for i in range(len(checkpoint.vocabulary))])
    nats, symbols, reconstruction = (torch.full((n,), torch.nan) for _ in range(3))
    done = 0
    progress("likelihood", 0, n)
    for items, batch in data.iterate_batches(batch_size):
        tokens = batch.tokens.to(model.device)
        nats[items] = -model.log_likelihood(tokens).cpu()
        reconstruction[items] = -model.log_likelihood(tokens, model.encode(tokens).mu).cpu()
        symbols[items] = lengths[batch.tokens].sum(dim=1).float()
        done += len(items)
        progress("likelihood", done, n)
    return Surprise(nats, nats / symbols.clamp_min(1.0), reconstruction)


def fit_anomaly(
    checkpoint: Checkpoint,
    data: TokenDataset,
    n: int = 5000,
    seed: int = 0,
    progress: Progress = silent,
    *,
    held_out: bool,
    kept: TokenDataset | None = None,
) -> dict[str, Tensor]:
    """Make the reference that anomaly scores are compared with, for `anomaly.safetensors` beside the model.

    Args:
        checkpoint: The model.
        data: The molecules to score. Molecules that the model was trained on look too likely, so they should be held-out ones.
        n: The most molecules of each kind, drawn with the seed.
        seed: The seed.
        progress: Told of the molecules done.
        held_out: Whether `data` is held out.
        kept: Training molecules, of which the ids are kept (some 20 bytes each), so that a model without its dataset still has
            molecules to name as neighbors; None keeps none.

    Returns:
        nats, nats_per_symbol, reconstruction_nats: sorted (n,); held_out: bool; and of `kept` flat (int32) and offsets (n + 1,).
    """

    def draw_some(of: TokenDataset) -> TokenDataset:
        return of.select(np.sort(np.random.default_rng(seed).permutation(len(of))[:n]))

    found = compute_surprise(checkpoint, draw_some(data), progress=progress)
    reference = {name: torch.sort(values).values for name, values in zip(SCORES, found, strict=True)}
    reference["held_out"] = torch.tensor(held_out)
    if kept is not None:
        some = draw_some(kept)
        ids = [some[i][0].astype(np.int32) for i in range(len(some))]
        offsets = np.concatenate([[0], np.cumsum([len(i) for i in ids])]).astype(np.int64)
        flat = np.concatenate(ids) if ids else np.zeros(0, np.int32)
        reference |= {"flat": torch.from_numpy(flat), "offsets": torch.from_numpy(offsets)}
    return reference


def read_kept_molecules(reference: dict[str, Tensor], checkpoint: Checkpoint) -> list[str]:
    """Return the SELFIES strings that `fit_anomaly` kept; none where they were left out."""
    if "flat" not in reference or "offsets" not in reference:
        return []
    flat, offsets = reference["flat"].tolist(), reference["offsets"].tolist()
    return [checkpoint.vocabulary.decode(flat[a:b]) for a, b in pairwise(offsets)]


def compute_percentiles(values: Tensor, reference: Tensor) -> Tensor:
    """Compute the share of a reference that lies below each value, in percent.

    Args:
        values: (n,) values; NaN stays NaN.
        reference: (m,) values, sorted.

    Returns:
        (n,) percentiles from 0 to 100, ties counted half; NaN without a reference.
    """
    if len(reference) == 0:
        return torch.full(values.shape, torch.nan)
    sorted_reference, values = reference.float().contiguous(), values.float().contiguous()
    below = torch.searchsorted(sorted_reference, values, right=False)
    up_to = torch.searchsorted(sorted_reference, values, right=True)
    return torch.where(values.isnan(), torch.nan, 50.0 * (below + up_to) / len(reference))
