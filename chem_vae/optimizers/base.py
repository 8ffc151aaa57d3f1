"""The ask/tell interface that every strategy shares, and what it is told of the problem."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from chem_vae.checkpoint import Checkpoint
from chem_vae.errors import UserError, unknown_name


@dataclass(frozen=True)
class Molecule:
    """What a strategy sees of a molecule: names and numbers; the chemistry stays outside."""

    key: str
    """Its identity: two spellings of one molecule have one key (canonical SMILES)."""
    selfies: str
    """Its own spelling, as the training data would have it; "" where the vocabulary has none."""
    features: Tensor
    """(F,) zeros and ones that say which substructures it has, for surrogates over structure (Tanimoto)."""


class Proposal(NamedTuple):
    """What to decode, or, in `strings`, what was decoded already."""

    z: Tensor
    """(n, D); a row of NaN is decoded without z."""
    conditions: Tensor
    """(n, P) standardized; NaN unknown."""
    strings: list[str | None] | None = None
    """n SELFIES strings that stand for the rows; None: the rows are yet to be decoded."""
    origins: list[str] | None = None
    """n words, for the report: which move or center each row comes from."""
    parents: list[str | None] | None = None
    """n keys of the molecules that the rows were made from; None where there is no single one."""


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
    screen: Callable[[Sequence[str | None]], list[Molecule | None]] | None = None
    """SELFIES strings -> the molecules that they are, row i for row i; None where a string is none, or breaks a constraint.
    Costs no oracle call."""
    vary: Callable[[Sequence[str], int, int], list[tuple[str | None, str]]] | None = None
    """(keys of parents, best first; n; seed) -> n pairs (a child's SELFIES or None, its parent's key), by crossing and mutating
    structures."""
    pool: Sequence[str] = ()
    """SELFIES of known molecules without scores, to start from."""
    temperature: float = 1.0
    """Of the decoder's symbols, where a strategy decodes by itself."""
    objectives: int = 1
    """1: scores are numbers (n,). More: a Pareto front is wanted, and scores are (n, objectives)."""


class LatentOptimizer(ABC):
    """Proposes latent points; `ask` and `tell` take turns, and nothing is dropped between them."""

    name: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()
    """Fields of the Problem that may not be empty, e.g. ("screen",)."""
    several_objectives: ClassVar[bool] = False
    """Whether it takes scores of several objectives; else the caller makes them one."""

    def __init__(self, problem: Problem, seed: int = 0) -> None:
        if missing := [name for name in self.needs if not getattr(problem, name)]:
            raise UserError(f"the strategy {self.name} needs {', '.join(missing)} of its problem")
        self.problem = problem
        self.seed = seed
        self.generator = torch.Generator().manual_seed(seed)
        self.checkpoint = problem.checkpoint
        """What its proposals are decoded with; a strategy that trains works on a copy of its own."""

    @abstractmethod
    def ask(self, n: int) -> Proposal:
        """n points to decode."""

    def decode(
        self, proposal: Proposal, *, temperature: float, guidance: float = 0.0, seed: int = 0
    ) -> list[str | None]:
        """The SELFIES strings of a proposal, row i for row i."""
        if proposal.strings is not None:
            return proposal.strings
        return self.checkpoint.decode(
            proposal.z, proposal.conditions, temperature=temperature, guidance=guidance, seed=seed
        )

    def tell(
        self,
        proposal: Proposal,
        z: Tensor,
        scores: Tensor,
        molecules: Sequence[Molecule | None] | None = None,
    ) -> None:
        """How the molecules of a proposal did; also called with molecules whose scores are known from the start.

        z: (n, D) where each decoded molecule itself lies (its encoding), NaN where there is no molecule; scores: (n,) or
        (n, objectives), higher is better, NaN where it failed; molecules: what the rows became, None where there is none.
        """
        if not len(proposal.z) == len(z) == len(scores) or (molecules is not None and len(molecules) != len(z)):
            raise UserError(
                f"told {len(scores)} scores for {len(proposal.z)} proposals; every proposal needs its score"
            )
        self._learn(z, scores, molecules if molecules is not None else [None] * len(z))

    def _learn(self, z: Tensor, scores: Tensor, molecules: Sequence[Molecule | None]) -> None:  # noqa: B027 (need not learn)
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
