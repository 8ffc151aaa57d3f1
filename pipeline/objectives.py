"""What is wanted of a molecule: objectives made exact by the data, desirabilities, and their geometric mean."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from chem_vae.errors import UserError, unknown_name
from pipeline.config import Objective

LN2 = math.log(2.0)
Kind = Literal["target", "range", "maximize", "minimize"]


@dataclass(frozen=True)
class PropertySummary:
    """What a model knows of a property of its training data."""

    name: str
    label: str
    unit: str
    kind: Literal["computed", "measured"]
    std: float
    low: float
    high: float
    quantiles: dict[str, float]
    """By level: "0.05", "0.1", "0.5", "0.9", "0.95"."""

    @classmethod
    def of(
        cls, name: str, label: str, unit: str, kind: Literal["computed", "measured"], values: NDArray[np.floating[Any]]
    ) -> PropertySummary:
        """From raw training values, NaN where unmeasured."""
        measured = values[np.isfinite(values)].astype(np.float64)
        if len(measured) == 0:
            nan = float("nan")
            return cls(name, label, unit, kind, nan, nan, nan, {})
        levels = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
        quantiles = {str(q): float(v) for q, v in zip(levels, np.quantile(measured, levels), strict=True)}
        return cls(
            name, label, unit, kind, float(measured.std()), float(measured.min()), float(measured.max()), quantiles
        )


@dataclass(frozen=True)
class Wanted:
    """One objective, with every number that it needs.

    The desirability d(x), in 0..1 (Derringer & Suich 1980, doi:10.1080/00224065.1980.11980968):
    target: 2^-((x - target) / tolerance)^2, so one half at the tolerance; range: 1 inside, falling the same way outside;
    maximize: logistic, 0.12 at the data's median and 0.88 at its 95th percentile; minimize: mirrored at the 5th.
    """

    about: PropertySummary
    kind: Kind
    aim: str
    weight: float
    target: float | None
    tolerance: float
    """Of a target; outside a range or below a threshold, the distance that halves the desirability."""
    low: float | None
    """A value within [low, high] is a hit; None is open."""
    high: float | None

    @property
    def basis(self) -> Literal["computed", "predicted"]:
        """Whether a new molecule's value can be computed from its structure or only predicted."""
        return "computed" if self.about.kind == "computed" else "predicted"

    def log_desirability(self, x: Tensor) -> Tensor:
        """log d of raw values, any shape, differentiable; NaN stays NaN."""
        if self.kind == "target":
            assert self.target is not None
            return -LN2 * ((x - self.target) / self.tolerance).square()
        if self.kind == "range":
            assert self.low is not None and self.high is not None
            outside = torch.relu(self.low - x) + torch.relu(x - self.high)
            return -LN2 * (outside / self.tolerance).square()
        middle = self.about.quantiles["0.5"]
        sign, edge = (1.0, "0.95") if self.kind == "maximize" else (-1.0, "0.05")
        width = max(abs(self.about.quantiles[edge] - middle), 1e-6)
        return torch.nn.functional.logsigmoid(sign * 4.0 * (x - middle) / width - 2.0)

    def desirability(self, values: Sequence[float]) -> NDArray[np.float64]:
        """d of raw values (n,); NaN stays NaN."""
        return np.exp(self.log_desirability(torch.tensor(list(values), dtype=torch.float64)).numpy())

    def hits(self, values: Sequence[float]) -> NDArray[np.bool_]:
        """Which values are within what was asked for: the tolerance, the range, the best tenth of the data."""
        x = np.asarray(values, dtype=np.float64)
        low = -np.inf if self.low is None else self.low
        high = np.inf if self.high is None else self.high
        return (x >= low) & (x <= high)

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """n values (n,) to ask the decoder for: the target; else anywhere in the range or the data's best tenth."""
        if self.target is not None:
            return torch.full((n,), self.target)
        levels = {"maximize": ("0.9", "0.99"), "minimize": ("0.01", "0.1")}
        low, high = (
            [self.about.quantiles[q] for q in levels[self.kind]] if self.kind in levels else (self.low, self.high)
        )
        assert low is not None and high is not None
        return low + (high - low) * torch.rand(n, generator=generator)

    def to_dict(self) -> dict[str, Any]:
        """For report.json, with the transform as points to draw."""
        p = self.about
        ends = [v for v in (p.low, p.high, self.low, self.high) if v is not None and math.isfinite(v)] or [0.0, 1.0]
        grid = np.linspace(min(ends), max(ends), 101)
        return {
            "property": p.name,
            "label": p.label,
            "unit": p.unit,
            "basis": self.basis,
            "aim": self.aim,
            "kind": self.kind,
            "target": self.target,
            "tolerance": self.tolerance if self.kind == "target" else None,
            "low": self.low,
            "high": self.high,
            "weight": self.weight,
            "transform": np.stack([grid, self.desirability(grid.tolist())], axis=1).tolist(),
        }


def resolve(objectives: Mapping[str, Objective], known: Sequence[PropertySummary]) -> tuple[list[Wanted], list[str]]:
    """Objectives made exact by what is known of the training data, and warnings for aims outside of it.

    Raises UserError for a property that the model does not know.
    """
    by_name = {p.name: p for p in known}
    wanted, warnings = [], []
    for name, objective in objectives.items():
        if name not in by_name:
            raise unknown_name("property of this model", name, by_name)
        if not by_name[name].quantiles:
            raise UserError(f"{name} was measured for none of the training molecules, so nothing can be aimed at it")
        wanted.append(_resolve(objective, by_name[name]))
        warnings += _outside(wanted[-1], objective)
    return wanted, warnings


def _resolve(objective: Objective, known: PropertySummary) -> Wanted:
    spread = known.std if math.isfinite(known.std) and known.std > 0 else 1.0
    tolerance = objective.tolerance or 0.1 * _span(known, spread)

    def exact(kind: Kind, aim: str, tolerance: float, low: float | None, high: float | None) -> Wanted:
        return Wanted(known, kind, aim, objective.weight, objective.target, tolerance, low, high)

    if objective.target is not None:
        aim = f"{objective.target:g} ± {tolerance:.3g}"
        return exact("target", aim, tolerance, objective.target - tolerance, objective.target + tolerance)
    if objective.range is not None:
        return exact("range", objective.describe(), 0.25 * spread, *objective.range)
    if objective.maximize:
        low = known.quantiles.get("0.9", float("nan"))
        return exact("maximize", f"high (a hit: at least {low:.3g}, the data's best tenth)", spread, low, None)
    high = known.quantiles.get("0.1", float("nan"))
    return exact("minimize", f"low (a hit: at most {high:.3g}, the data's best tenth)", spread, None, high)


def _span(known: PropertySummary, spread: float) -> float:
    """The middle 90 % of the data, of which a tenth is the tolerance that nobody named."""
    span = known.quantiles.get("0.95", 0.0) - known.quantiles.get("0.05", 0.0)
    return span if span > 0 else spread


def _outside(wanted: Wanted, objective: Objective) -> list[str]:
    p = wanted.about
    low, high = objective.range or (objective.target, objective.target)
    if low is None or high is None or (low <= p.high and high >= p.low):  # a range need only overlap
        return []
    return [
        f"{p.name} {objective.describe()} lies outside the training data ({p.low:.3g} to {p.high:.3g}): expect few hits, "
        "and distrust predictions there"
    ]


def score(wanted: Sequence[Wanted], values: Mapping[str, Sequence[float]], n: int) -> NDArray[np.float64]:
    """(n,) weighted geometric mean of the desirabilities; NaN where a value is missing or nothing is wanted."""
    if not wanted:
        return np.full(n, np.nan)
    with np.errstate(divide="ignore"):
        logs = np.stack([w.weight * np.log(w.desirability(values[w.about.name])) for w in wanted])
    return np.asarray(np.exp(logs.sum(axis=0) / sum(w.weight for w in wanted)))
