"""The ask/tell interface that every strategy shares, and what it is told of the problem."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from chem_vae.checkpoint import Checkpoint
from chem_vae.errors import UserError, unknown_name


class Proposal(NamedTuple):
    """What to decode."""

    z: Tensor
    """(n, D); a row of NaN is decoded without z."""
    conditions: Tensor
    """(n, P) standardized; NaN unknown."""


@dataclass(frozen=True)
class Problem:
    """What a strategy may know. It knows nothing of chemistry: properties are columns, scores are numbers."""

    checkpoint: Checkpoint
    draw_conditions: Callable[[int, torch.Generator], Tensor]
    """n rows of conditions (n, P), standardized, that ask for what is wanted; NaN where nothing is."""
    log_desirability: Callable[[Tensor], Tensor] | None = None
    """Differentiable: z (n, D) -> (n,), 0 where the predictors expect all that is wanted, negative elsewhere."""
    known: Tensor | None = None
    """(m, D) latent points of known molecules to start from."""


class LatentOptimizer(ABC):
    """Proposes latent points; `ask` and `tell` take turns, and nothing is dropped between them."""

    name: ClassVar[str]

    def __init__(self, problem: Problem, seed: int = 0) -> None:
        self.problem = problem
        self.generator = torch.Generator().manual_seed(seed)

    @abstractmethod
    def ask(self, n: int) -> Proposal:
        """n points to decode."""

    def tell(self, proposal: Proposal, z: Tensor, scores: Tensor) -> None:
        """How the molecules of a proposal did.

        z: (n, D) where each decoded molecule itself lies (its encoding), NaN where there is no molecule; scores: (n,),
        higher is better, NaN where it failed.
        """
        if not len(proposal.z) == len(z) == len(scores):
            raise UserError(
                f"told {len(scores)} scores for {len(proposal.z)} proposals; every proposal needs its score"
            )
        self._learn(z, scores)

    def _learn(self, z: Tensor, scores: Tensor) -> None:  # noqa: B027 (a strategy need not learn)
        """What the strategy makes of the scores; nothing by default."""


OPTIMIZERS: dict[str, type[LatentOptimizer]] = {}


def register(optimizer: type[LatentOptimizer]) -> type[LatentOptimizer]:
    """Class decorator. A doubled name fails at once."""
    if optimizer.name in OPTIMIZERS:
        raise ValueError(f"two optimizers are called {optimizer.name!r}")
    OPTIMIZERS[optimizer.name] = optimizer
    return optimizer


def create(name: str, problem: Problem, seed: int = 0) -> LatentOptimizer:
    """The optimizer of that name. Raises UserError that lists what there is."""
    if name not in OPTIMIZERS:
        raise unknown_name("strategy", name, OPTIMIZERS)
    return OPTIMIZERS[name](problem, seed)
