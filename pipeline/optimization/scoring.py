"""From what the oracle and RDKit say of molecules to the scores that a strategy is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

from chem_vae.errors import UserError
from pipeline.chemistry.properties import PROPERTIES, compute, get_property
from pipeline.objectives.desirability import PropertySummary, ResolvedObjective, columns, score
from pipeline.objectives.resolve import resolve
from pipeline.objectives.transforms import AsIs
from pipeline.optimization.config import OptimizeConfig
from pipeline.oracles.config import OracleConfig

WITHIN_0_1 = ("qed", "fraction_sp3")
"""Properties that need no transform beside others."""


def oracle_of(config: OptimizeConfig) -> OracleConfig:
    """The oracle asked for, or the computed properties of the objectives. Raises UserError where one is neither."""
    if config.oracle is not None:
        return config.oracle
    for name in config.objectives:
        get_property(name)  # raises, naming the near ones
    return OracleConfig(property=tuple(config.objectives))


class Scoring:
    """The objectives with every number. What the oracle does not say is computed: that is free."""

    def __init__(self, config: OptimizeConfig, endpoints: Sequence[str], known: Sequence[PropertySummary]) -> None:
        """known: of the model's training data.

        Raises UserError for an objective that nobody can score, or that cannot be weighed against the others.
        """
        computed = [p for p in known if p.kind == "computed" and p.name in config.objectives]
        about = {e: (e, "") if e not in PROPERTIES else (PROPERTIES[e].label, PROPERTIES[e].unit) for e in endpoints}
        missing = [n for n in config.objectives if n not in about and n not in {p.name for p in computed}]
        for name in missing:  # computed properties of which the model knows no data
            found = get_property(name)
            about[name] = (found.label, found.unit)
        self.endpoints = tuple(endpoints)
        self.aggregate = config.aggregate
        self.objectives: list[ResolvedObjective]
        own = {name: about[name] for name in about if name in endpoints or name in missing}
        objectives = config.objectives or {e: _as_high_as_possible() for e in endpoints}
        self.objectives, self.warnings = resolve(objectives, [*computed, *_of_endpoints(known, own)], own)
        self.free = [w.about.name for w in self.objectives if w.about.name not in endpoints]
        if self.aggregate == "pareto" and not 2 <= len(self.objectives) <= 3:
            raise UserError(f"a Pareto front takes two or three objectives, not {len(self.objectives)}")
        self.as_is = [w for w in self.objectives if isinstance(w.transform, AsIs)] if self._averaged else []
        """In a mean, which takes them as far as they lie in 0..1."""
        if loose := [
            w for w in self.as_is if not objectives[w.about.name].transform and w.about.name not in WITHIN_0_1
        ]:
            raise UserError(_bounds_missing(loose))

    @property
    def _averaged(self) -> bool:
        return self.aggregate != "pareto" and len(self.objectives) > 1

    @property
    def bounded(self) -> bool:
        """Whether any objective says what is good enough: else every finite value is a hit."""
        return any(w.low is not None or w.high is not None for w in self.objectives)

    @property
    def several(self) -> int:
        """Numbers that a strategy is told of each molecule."""
        return len(self.objectives) if self.aggregate == "pareto" else 1

    def values(self, smiles: Sequence[str | None], answers: NDArray[np.float64]) -> dict[str, list[float]]:
        """By objective and endpoint, (n,) each: the oracle's answers (n, E), and what is computed beside them."""
        found: dict[str, list[float]] = {e: answers[:, i].tolist() for i, e in enumerate(self.endpoints)}
        if self.free:
            mols = [Chem.MolFromSmiles(s) if s is not None else None for s in smiles]
            rows = [compute(m, self.free) if m is not None else [np.nan] * len(self.free) for m in mols]
            found |= {name: [row[i] for row in rows] for i, name in enumerate(self.free)}
        return found

    def scores(self, values: Mapping[str, Sequence[float]], n: int) -> NDArray[np.float64]:
        """(n,), or (n, objectives) for a Pareto front; higher is better, NaN where something failed."""
        if self.aggregate == "pareto":
            return columns(self.objectives, values, n)
        return score(self.objectives, values, n, self.aggregate)

    def outside(self, values: Mapping[str, Sequence[float]]) -> list[str]:
        """A warning for each objective in a mean that is taken as it is, and whose values do not all lie in 0..1."""
        warnings = []
        for w in self.as_is:
            x = np.asarray(values[w.about.name])
            if number := int(((x < -1e-6) | (x > 1 + 1e-6)).sum()):
                warnings.append(
                    f"{w.about.name} is taken as it is, and was outside 0 to 1 for {number:,} molecules, where more counts no "
                    "more; give it a transform with low and high"
                )
        return warnings

    def hits(self, values: Mapping[str, Sequence[float]], n: int) -> NDArray[np.bool_]:
        """(n,) whether every objective is met."""
        met = np.ones(n, dtype=np.bool_)
        for w in self.objectives:
            met &= w.hits(values[w.about.name])
        return met


def _falls(objective: ResolvedObjective) -> bool:
    return isinstance(objective.transform, AsIs) and objective.transform.falling


def _bounds_missing(objectives: Sequence[ResolvedObjective]) -> str:
    names = ", ".join(w.about.name for w in objectives)
    lines = [
        f'{w.about.name} = {{ transform = "{"reverse_" * _falls(w)}sigmoid", low = ..., high = ... }}'
        for w in objectives
    ]
    return (
        f"nothing is known of how high or low {names} may be, so that it cannot be weighed against the other objectives; say so "
        f"under [optimize.objectives] (or by --set 'optimize.objectives.{lines[0].replace(' = ', '=')}'), with a poor and a good "
        f'value for the two ends: {"; ".join(lines)}; or ask for a front of both: aggregate = "pareto"'
    )


def _as_high_as_possible() -> Any:
    from pipeline.objectives.config import Objective

    return Objective(maximize=True)


def _of_endpoints(known: Sequence[PropertySummary], own: Mapping[str, object]) -> list[PropertySummary]:
    """The model's data on what the oracle measures too."""
    return [p for p in known if p.name in own]
