"""The ask/tell interface that every strategy shares, the problem that it is given, and the registry of strategies."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from chem_vae.checkpoint import Checkpoint
from chem_vae.errors import UserError, match_name, unknown_name
from chem_vae.plugins import Registry
from chem_vae.search_config import SearchConfig

REMOVED = {"turbo": "adaptive", "cma_es": "adaptive"}
"""Strategies of version 0.1.0, and which to use instead."""


@dataclass(frozen=True)
class Molecule:
    """A molecule as a strategy sees it: names and numbers; the chemistry stays outside."""

    key: str
    """Its identity: two spellings of one molecule have one key (canonical SMILES)."""
    selfies: str
    """Its canonical SELFIES; "" where the vocabulary cannot spell it."""
    features: Tensor
    """(F,) zeros and ones that say which substructures it has, for surrogates over structure (Tanimoto)."""

    @property
    def spelled(self) -> str:
        """Its SELFIES also where that has symbols which the vocabulary has not; "" where there is none."""
        return self.selfies


class Proposal(NamedTuple):
    """Latent points to decode, or, in `strings`, molecules that were decoded already."""

    z: Tensor
    """(n, D); a row of NaN is decoded without z."""
    conditions: Tensor
    """(n, P) standardized; NaN unknown."""
    strings: list[str | None] | None = None
    """n SELFIES strings that stand for the rows; None: the rows are yet to be decoded."""
    origins: list[str] | None = None
    """n words for the report: the move or center that each row comes from."""
    parents: list[str | None] | None = None
    """n keys of the molecules that the rows were made from; None where there is no single one."""


@dataclass(frozen=True)
class Problem:
    """All that a strategy may know. It knows nothing of chemistry: properties are columns, scores are numbers."""

    checkpoint: Checkpoint
    draw_conditions: Callable[[int, torch.Generator], Tensor]
    """Draws n rows of conditions (n, P), standardized, that ask for what is wanted; NaN where nothing is."""
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
    """Temperature of the decoder's symbols, where a strategy decodes by itself."""
    objectives: int = 1
    """1: scores are numbers (n,). More: a Pareto front is wanted, and scores are (n, objectives)."""
    adapt: Callable[[Sequence[str | None], int], list[str | None]] | None = None
    """(decoded SELFIES strings; seed) -> strings that hold what has to be kept, row i for row i; None where one cannot."""
    search: SearchConfig = field(default_factory=SearchConfig)
    """The settings of the strategy."""
    narrow: Problem | None = None
    """The same problem with a narrower screen, to be searched first; None where there is nothing to leave out at first."""
    vary_molecules: Callable[[Sequence[str], int, int], list[tuple[Molecule | None, str]]] | None = None
    """The same as `vary`, with molecules that have passed the screen in the place of strings: their strings are written only for
    those that are proposed. None where there is only `vary`."""


class LatentOptimizer(ABC):
    """A strategy: it proposes latent points or molecules, and may learn from their scores; `ask` and `tell` take turns.

    A subclass sets `name`, defines `ask`, defines `_learn` where it learns, and is registered by `register`.

    Args:
        problem: What the strategy may know.
        seed: The same seed gives the same proposals after the same scores.

    Raises:
        UserError: If the problem lacks what the strategy needs.
    """

    name: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()
    """Fields of the Problem that may not be empty, e.g. ("screen",)."""
    needs_encodings: ClassVar[bool] = True
    """Whether `tell` has to be given where molecules lie; else the caller may give NaN, which saves the encoder's time."""
    several_objectives: ClassVar[bool] = False
    """Whether it takes scores of several objectives; else the caller makes them one."""

    def __init__(self, problem: Problem, seed: int = 0) -> None:
        if missing := [name for name in self.needs if not getattr(problem, name)]:
            raise UserError(f"the strategy {self.name} needs {', '.join(missing)} of its problem")
        self.problem = problem
        self.search = problem.search
        self.seed = seed
        self.generator = torch.Generator().manual_seed(seed)
        self.checkpoint = problem.checkpoint
        """The model that decodes its proposals; a strategy that trains works on a copy of its own."""

    @abstractmethod
    def ask(self, n: int) -> Proposal:
        """Propose n rows."""

    def decode(
        self, proposal: Proposal, *, temperature: float, guidance: float = 0.0, seed: int = 0
    ) -> list[str | None]:
        """Return the SELFIES strings of a proposal, decoded now where they were not yet, row i for row i."""
        if proposal.strings is not None:
            return proposal.strings
        strings = self.checkpoint.decode(
            proposal.z, proposal.conditions, temperature=temperature, guidance=guidance, seed=seed
        )
        return strings if self.problem.adapt is None else self.problem.adapt(strings, seed)

    def tell(
        self,
        proposal: Proposal,
        z: Tensor,
        scores: Tensor,
        molecules: Sequence[Molecule | None] | None = None,
    ) -> None:
        """Report how the molecules of a proposal, or molecules that were known before, scored.

        Args:
            proposal: As `ask` gave it.
            z: (n, D) where each decoded molecule itself lies (its encoding), NaN where there is no molecule.
            scores: (n,) or (n, objectives), higher is better, NaN where it failed.
            molecules: The molecules that the rows became, None where there is none.

        Raises:
            UserError: If the numbers of rows differ.
        """
        if not len(proposal.z) == len(z) == len(scores) or (molecules is not None and len(molecules) != len(z)):
            raise UserError(
                f"told {len(scores)} scores for {len(proposal.z)} proposals; every proposal needs its score"
            )
        self._learn(z, scores, molecules if molecules is not None else [None] * len(z))

    def _learn(self, z: Tensor, scores: Tensor, molecules: Sequence[Molecule | None]) -> None:  # noqa: B027 (need not learn)
        """Learn from scores; a strategy that does not learn ignores them."""


STRATEGIES: Registry[type[LatentOptimizer]] = Registry("strategy", "chem_vae.strategies")


def register(optimizer: type[LatentOptimizer]) -> type[LatentOptimizer]:
    """Register a strategy under its `name`; a class decorator.

    Raises:
        UserError: If the name is taken.
    """
    return STRATEGIES.add(optimizer.name, optimizer)


def spell_strategy(name: str, *others: str) -> str:
    """Return the name of a strategy as it was registered, whatever its capitals.

    Args:
        name: The name.
        others: Further names that the caller understands.

    Raises:
        UserError: If it cannot; names the one to use instead, or the nearest ones.
    """
    if (found := match_name(name, (*others, *STRATEGIES))) is not None:
        return found
    if (name := name.casefold()) in REMOVED:
        raise UserError(
            f"the strategy {name} was removed after version 0.1.0, because {REMOVED[name]} found better molecules on every "
            f"benchmark task that tells them apart; use the strategy {REMOVED[name]}"
        )
    raise unknown_name("strategy", name, (*others, *STRATEGIES))


def create(name: str, problem: Problem, seed: int = 0) -> LatentOptimizer:
    """Make the strategy of that name for a problem.

    Raises:
        UserError: If there is no such strategy, or it cannot work on this problem.
    """
    return STRATEGIES[spell_strategy(name)](problem, seed)
