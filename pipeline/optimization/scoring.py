"""Scores molecules: from the oracle's answers and computed properties to the numbers that a strategy is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from chem_vae.errors import UserError
from pipeline.chemistry.molecule import parse_mol
from pipeline.chemistry.properties import PROPERTIES, compute, get_property
from pipeline.objectives.config import Objective
from pipeline.objectives.desirability import PropertySummary, ResolvedObjective, score, stack_rankings
from pipeline.objectives.resolve import resolve, restore_names
from pipeline.objectives.transforms import AsIs
from pipeline.optimization.config import OptimizeConfig
from pipeline.oracles.config import OracleConfig
from pipeline.workspace.presentation.formatting import count_things

WITHIN_0_1 = ("qed", "fraction_sp3")
"""Properties whose values lie in 0..1, so that they need no transform beside other objectives."""


def choose_oracle(config: OptimizeConfig) -> OracleConfig:
    """Return the settings' oracle, or one that computes the objectives' properties. Raises UserError for an unknown one."""
    if config.oracle is not None:
        return config.oracle
    return OracleConfig(property=tuple(map(PROPERTIES.spell, config.objectives)))


class Scoring:
    """Turns the oracle's answers into scores. It computes the properties that the oracle does not measure: these are free."""

    def __init__(self, config: OptimizeConfig, endpoints: Sequence[str], known: Sequence[PropertySummary]) -> None:
        """Resolve the objectives for an oracle's endpoints; `known` are the properties of the model's training data.

        Raises UserError for an objective that can be scored by nobody, or cannot be weighed against the others.
        """
        self.endpoints, self.aggregate = tuple(endpoints), config.aggregate
        given = restore_names(config.objectives, {*endpoints, *(p.name for p in known), *PROPERTIES})
        computed = [p for p in known if p.kind == "computed" and p.name in given]
        own: dict[str, tuple[str, str]] = {}
        for name in (*endpoints, *given):
            if name in endpoints and name not in PROPERTIES:
                own[name] = (name, "")
            elif name in endpoints or name not in {p.name for p in computed}:  # the model may know no data of it
                found = get_property(name)
                own[name] = (found.label, found.unit)
        objectives = given or {e: Objective(maximize=True) for e in endpoints}
        self.objectives: list[ResolvedObjective]
        self.objectives, self.warnings = resolve(objectives, [*computed, *(p for p in known if p.name in own)], own)
        self.free = [w.summary.name for w in self.objectives if w.summary.name not in endpoints]
        self._computed: dict[str | None, list[float]] = {}
        several = len(self.objectives) > 1
        if self.aggregate == "pareto" and not 2 <= len(self.objectives) <= 3:
            raise UserError(f"a Pareto front takes two or three objectives, not {len(self.objectives)}")
        averaged = several and self.aggregate != "pareto"
        self.as_is = [w for w in self.objectives if isinstance(w.transform, AsIs)] if averaged else []
        """Objectives whose values go into a mean as they are, clipped to 0..1."""
        loose = [w for w in self.as_is if not objectives[w.summary.name].transform and w.summary.name not in WITHIN_0_1]
        if loose:
            raise UserError(_ask_for_bounds(loose))

    @property
    def bounded(self) -> bool:
        """Whether any objective has a bound that makes a hit; without one every finite value is a hit."""
        return any(w.low is not None or w.high is not None for w in self.objectives)

    @property
    def several(self) -> int:
        """The number of scores that a strategy is told of each molecule."""
        return len(self.objectives) if self.aggregate == "pareto" else 1

    def evaluate(self, smiles: Sequence[str | None], answers: NDArray[np.float64]) -> dict[str, list[float]]:
        """Collect by objective and endpoint the values of n molecules, NaN where something failed.

        The values are the oracle's answers (n, E), and the properties that it does not measure, computed.
        """
        values: dict[str, list[float]] = {e: answers[:, i].tolist() for i, e in enumerate(self.endpoints)}
        if self.free:
            rows = [self._compute(text) for text in smiles]
            values |= {name: [row[i] for row in rows] for i, name in enumerate(self.free)}
        return values

    def _compute(self, smiles: str | None) -> list[float]:
        """Compute the free properties of a molecule, once for the whole search; NaN where there is none."""
        if smiles not in self._computed:
            mol = parse_mol(smiles)
            self._computed[smiles] = compute(mol, self.free) if mol is not None else [np.nan] * len(self.free)
        return self._computed[smiles]

    def score(self, values: Mapping[str, Sequence[float]], n: int) -> NDArray[np.float64]:
        """Score n molecules: (n,), or (n, objectives) for a Pareto front; higher is better, NaN where something failed."""
        if self.aggregate == "pareto":
            return stack_rankings(self.objectives, values, n)
        return score(self.objectives, values, n, self.aggregate)

    def to_own_value(self, score: float) -> float:
        """Turn a score into the value that the user asked for: where one value alone is to be low, with its own sign."""
        alone = self.objectives[0].transform if len(self.objectives) == 1 else None
        return -score if isinstance(alone, AsIs) and alone.falling else score

    def find_hits(self, values: Mapping[str, Sequence[float]], n: int) -> NDArray[np.bool_]:
        """Say for n molecules (n,) whether they meet every objective."""
        met = np.ones(n, dtype=np.bool_)
        for w in self.objectives:
            met &= w.find_hits(values[w.summary.name])
        return met

    def warn_of_outside(self, values: Mapping[str, Sequence[float]]) -> list[str]:
        """Warn of each objective that goes into a mean as it is, and whose values do not all lie in 0..1."""
        warnings = []
        for w in self.as_is:
            x = np.asarray(values[w.summary.name])
            if number := int(((x < -1e-6) | (x > 1 + 1e-6)).sum()):
                warnings.append(
                    f"{w.summary.name} is taken as it is, and was outside 0 to 1 for {count_things(number, 'molecule')}, where more counts no "
                    "more; give it a transform with low and high"
                )
        return warnings


def _ask_for_bounds(objectives: Sequence[ResolvedObjective]) -> str:
    names = ", ".join(w.summary.name for w in objectives)
    lines = [
        f'{w.summary.name} = {{ transform = "{"reverse_" * getattr(w.transform, "falling", False)}sigmoid", low = ..., high = ... }}'
        for w in objectives
    ]
    return (
        f"nothing is known of how high or low {names} may be, so that it cannot be weighed against the other objectives; say so "
        f"under [optimize.objectives] (or by --set 'optimize.objectives.{lines[0].replace(' = ', '=')}'), with a poor and a good "
        f'value for the two ends: {"; ".join(lines)}; or ask for a front of both: aggregate = "pareto"'
    )
