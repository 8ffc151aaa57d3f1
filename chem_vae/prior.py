"""Where z is drawn from when there is no molecule to encode."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from chem_vae.checkpoint import Checkpoint
from chem_vae.errors import VocabularyError, unknown_name

PRIORS: dict[str, Callable[[Checkpoint, int, int, Tensor | None], Tensor]] = {}


def sample_prior(
    checkpoint: Checkpoint, n: int, kind: str = "normal", seed: int = 0, conditions: Tensor | None = None
) -> Tensor:
    """n latent points (n, D) from the prior `kind`; conditions (n, P) standardized matter to "ancestral" and "none".

    normal: N(0, I). ancestral: draw x from p(x | c) without z and encode it, which follows the aggregate posterior where
    N(0, I) does not (Dai & Wipf 2019, arXiv:1903.05789, name the gap). none: NaN, for decoding without z.
    The points may be decoded with the same seed: nothing here draws from its own stream of random numbers.
    """
    if kind not in PRIORS:
        raise unknown_name("prior", kind, PRIORS)
    return PRIORS[kind](checkpoint, n, seed, conditions)


def _normal(checkpoint: Checkpoint, n: int, seed: int, conditions: Tensor | None) -> Tensor:
    return torch.randn(n, checkpoint.model.latent_size, generator=torch.Generator().manual_seed(_derived(seed, 0)))


def _none(checkpoint: Checkpoint, n: int, seed: int, conditions: Tensor | None) -> Tensor:
    return torch.full((n, checkpoint.model.latent_size), torch.nan)


def _ancestral(checkpoint: Checkpoint, n: int, seed: int, conditions: Tensor | None) -> Tensor:
    strings = checkpoint.decode(_none(checkpoint, n, seed, None), conditions, temperature=1.0, seed=_derived(seed, 1))
    filled = [s if s else checkpoint.vocabulary.decode([3]) for s in strings]  # an empty molecule has no encoding
    posterior = checkpoint.encode(filled)
    if len(posterior.mu) != n:
        raise VocabularyError("a sampled molecule could not be encoded")
    return posterior.sample(torch.Generator().manual_seed(_derived(seed, 2)))


def _derived(seed: int, stream: int) -> int:
    """A seed for each use, unlike the one it comes from: z and what is decoded from it must not share random numbers."""
    return int(np.random.SeedSequence([seed % 2**64, stream]).generate_state(1, np.uint64)[0] >> np.uint64(1))


PRIORS |= {"normal": _normal, "none": _none, "ancestral": _ancestral}
