"""Priors: distributions of z for molecules that do not come from an encoding."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from chem_vae.checkpoint import Checkpoint
from chem_vae.errors import VocabularyError, unknown_name
from chem_vae.seeds import derive_seed

PRIORS: dict[str, Callable[[Checkpoint, int, int, Tensor | None], Tensor]] = {}


def sample_prior(
    checkpoint: Checkpoint, n: int, kind: str = "normal", seed: int = 0, conditions: Tensor | None = None
) -> Tensor:
    """Draw latent points from a prior.

    normal: N(0, I). ancestral: draw x from p(x | c) without z and encode it, which follows the aggregate posterior where
    N(0, I) does not (Dai & Wipf 2019, arXiv:1903.05789, name the gap). none: NaN, for decoding without z.

    Args:
        checkpoint: The model.
        n: Number of points.
        kind: "normal", "ancestral" or "none".
        seed: The points may be decoded with the same seed, since they are drawn with seeds derived from it.
        conditions: (n, P) standardized, for "ancestral".

    Returns:
        (n, D) points.

    Raises:
        UserError: If there is no such prior.
    """
    if kind not in PRIORS:
        raise unknown_name("prior", kind, PRIORS)
    return PRIORS[kind](checkpoint, n, seed, conditions)


def _normal(checkpoint: Checkpoint, n: int, seed: int, conditions: Tensor | None) -> Tensor:
    return torch.randn(n, checkpoint.model.latent_size, generator=torch.Generator().manual_seed(derive_seed(seed, 0)))


def _none(checkpoint: Checkpoint, n: int, seed: int, conditions: Tensor | None) -> Tensor:
    return torch.full((n, checkpoint.model.latent_size), torch.nan)


def _ancestral(checkpoint: Checkpoint, n: int, seed: int, conditions: Tensor | None) -> Tensor:
    strings = checkpoint.decode(
        _none(checkpoint, n, seed, None), conditions, temperature=1.0, seed=derive_seed(seed, 1)
    )
    filled = [s if s else checkpoint.vocabulary.decode([3]) for s in strings]  # an empty molecule has no encoding
    posterior = checkpoint.encode(filled)
    if len(posterior.mu) != n:
        raise VocabularyError("a sampled molecule could not be encoded")
    return posterior.sample(torch.Generator().manual_seed(derive_seed(seed, 2)))


PRIORS |= {"normal": _normal, "none": _none, "ancestral": _ancestral}
