"""The settings of the strategies of search, as the table [optimize.search] of a configuration has them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar


@dataclass(frozen=True)
class SearchConfig:
    """How a strategy searches; the defaults were measured (docs/how-to/optimize.md), and few searches need others."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "allow_inf_nan": False}

    founders: int = 100
    """Molecules that are scored before the first children are made, for genetic and adaptive; a round is enough where it is smaller."""
    population: int = 1000
    """The most parents: the best molecules so far. The better a parent, the more often it is drawn."""
    elite: int = 100
    """A move has succeeded where its child enters so many best molecules; moves that succeed are made more often."""
    least_share: float = 0.1
    """The least share of each move in what is proposed, 0 to 0.2."""
    memory: float = 0.9
    """How much of a move's earlier successes counts a round later."""
    latent_noise: float = 0.8
    """The most noise of a latent crossing of genetic, in standard deviations of the known points."""
    drafts: int = 8
    """Molecules that adaptive makes for each that is asked about; the surrogate selects."""
    retrain_every: int = 100
    """Scores after which adaptive trains its copy of the model on the best molecules again."""
    retrain_on: int = 200
    """The best molecules that the copy is trained on; the better, the more often it is shown."""
    retrain_steps: int = 16
    """Optimizer steps each time."""
    retrain_batch: int = 32
    """Molecules of each step."""
    surrogate_molecules: int = 1000
    """The most scored molecules that the surrogate learns."""
    surrogate_best: int = 500
    """How many of these are the best; the others are drawn from the rest by chance."""
    surrogate_drafts: int = 300
    """The most drafts that whole functions of the surrogate are drawn for: those with the highest upper bounds."""
    front_draws: int = 32
    """Functions that are drawn from the surrogates for the expected hypervolume of a Pareto front."""
    widen_after: int = 300
    """Scores without a better best ten, after which adaptive proposes unusual structures too, where they are allowed."""
    stagnation: int = 1000
    """Scores without a better best ten, after which adaptive starts again elsewhere."""
    alike: float = 0.4
    """Tanimoto similarity to the best of a center that was given up, from which on a molecule is no parent any more."""
    most_centers: int = 4
    """Centers that are remembered; after so many all molecules are parents again."""
    explore_until: int = 10
    """Molecules that must score above what most molecules score before novelty alone decides on none."""
    climb_steps: int = 25
    """Steps of each climb of gradient."""
    climb_step_size: float = 0.1
    """Learning rate of a climb (Adam)."""
    climb_starts: int = 4000
    """The most known points that climbs begin at."""
    prior_weight: float = 0.05
    """How strongly a climb is held to where the decoder has seen molecules: the weight of |z|² / 2."""

    def __post_init__(self) -> None:
        at_least_0 = {"widen_after", "explore_until", "latent_noise", "prior_weight", "climb_steps"}
        shares = {"least_share": 0.2, "memory": 1.0, "alike": 1.0}
        for field in fields(self):
            name, value = field.name, getattr(self, field.name)
            if name in shares:
                if not 0 <= value <= shares[name]:
                    raise ValueError(f"{name} must be from 0 to {shares[name]:g}, not {value:g}")
            elif name in at_least_0:
                if value < 0:
                    raise ValueError(f"{name} must not be below 0, and is {value:g}")
            elif value <= 0:
                raise ValueError(f"{name} must be above 0, and is {value:g}")
        if self.surrogate_best > self.surrogate_molecules:
            raise ValueError("surrogate_best must not be above surrogate_molecules")
