"""One objective with all its numbers, and the weighted mean of several desirabilities.

Derringer & Suich 1980, doi:10.1080/00224065.1980.11980968.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.objectives.transforms import AsIs, Interval, Transform

Aggregate = Literal["geometric", "arithmetic"]


@dataclass(frozen=True)
class PropertySummary:
    """Summarizes a property's values in the training data; of an oracle's endpoint without data it has the name alone."""

    name: str
    label: str
    unit: str
    kind: Literal["computed", "measured", "oracle"]
    std: float
    low: float
    high: float
    quantiles: dict[str, float]
    """By level: "0.05", "0.1", "0.5", "0.9", "0.95"; empty where no value is known."""
    classes: tuple[float, float] | None = None
    """The inactive and the active label of a measured property with two values: its prediction is the expected label."""

    @property
    def class_label(self) -> str:
        """The label of predictions of two classes: a probability, or a value between other labels than 0 and 1."""
        assert self.classes is not None
        low, high = self.classes
        if (low, high) == (0.0, 1.0):
            return f"probability of {self.name}"
        return f"{self.name}: expected label, from {low:g} to {high:g}"

    @classmethod
    def from_values(
        cls,
        name: str,
        label: str,
        unit: str,
        kind: Literal["computed", "measured", "oracle"],
        values: NDArray[np.floating[Any]],
    ) -> PropertySummary:
        """Summarize raw values, NaN where unmeasured."""
        measured = values[np.isfinite(values)].astype(np.float64)
        if len(measured) == 0:
            nan = float("nan")
            return cls(name, label, unit, kind, nan, nan, nan, {})
        levels = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
        quantiles = {str(q): float(v) for q, v in zip(levels, np.quantile(measured, levels), strict=True)}
        low, high = float(measured.min()), float(measured.max())
        two = kind == "measured" and low < high and bool(np.isin(measured, (low, high)).all())
        return cls(name, label, unit, kind, float(measured.std()), low, high, quantiles, (low, high) if two else None)


@dataclass(frozen=True)
class ResolvedObjective:
    """An objective with every number that it needs, made by `resolve`."""

    summary: PropertySummary
    kind: str
    """"target", "range", "maximize", "minimize" or the name of a transform."""
    aim: str
    weight: float
    target: float | None
    tolerance: float
    """The tolerance of a target; outside a range, the distance that halves the desirability."""
    low: float | None
    """A value within [low, high] is a hit; None is open."""
    high: float | None
    transform: Transform

    @property
    def basis(self) -> Literal["computed", "predicted"]:
        """The source of a new molecule's value: computed from its structure (an oracle's too), or only predicted."""
        return "predicted" if self.summary.kind == "measured" else "computed"

    def compute_log_desirability(self, x: Tensor) -> Tensor:
        """Compute log d of raw values of any shape, differentiable; NaN stays NaN (see `Transform`)."""
        return self.transform.compute_log_desirability(x)

    def compute_desirability(self, values: Sequence[float]) -> NDArray[np.float64]:
        """Compute d of raw values (n,); NaN stays NaN."""
        d: NDArray[np.float64] = self.transform.compute_desirability(
            torch.tensor(list(values), dtype=torch.float64)
        ).numpy()
        return d

    def compute_ranking(self, values: Sequence[float]) -> NDArray[np.float64]:
        """Compute what ranks molecules where this is the only objective: d (n,), but x or -x where values are taken as is."""
        if isinstance(self.transform, AsIs):
            return np.asarray(self.transform.compute_rank(torch.tensor(list(values), dtype=torch.float64)).numpy())
        return self.compute_desirability(values)

    def find_hits(self, values: Sequence[float]) -> NDArray[np.bool_]:
        """Find the hits (n,): values within [low, high]; every finite value where neither is known."""
        x = np.asarray(values, dtype=np.float64)
        low = -np.inf if self.low is None else self.low
        high = np.inf if self.high is None else self.high
        return np.isfinite(x) & (x >= low) & (x <= high)

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw n values (n,) to ask the decoder for: from the transform's target interval, or from the data's best tenth.

        They are NaN, unknown, where an end is open and no data is known.
        """
        low, high = self._find_target_interval()
        if low == high:
            return torch.full((n,), low)
        return low + (high - low) * torch.rand(n, generator=generator)

    def _find_target_interval(self) -> tuple[float, float]:
        best, worst = ("0.9", "0.99"), ("0.01", "0.1")
        if self.summary.classes and self.kind in ("maximize", "minimize"):
            low, high = self.summary.classes
            return (high, high) if self.kind == "maximize" else (low, low)
        falling = self.kind == "minimize" or (isinstance(self.transform, AsIs) and self.transform.falling)
        if self.kind in ("maximize", "minimize", "as_is"):
            low, high = (self.summary.quantiles.get(q, math.nan) for q in (worst if falling else best))
            return low, high
        low_, high_ = self.transform.target_interval
        low = self.summary.quantiles.get("0.01", math.nan) if low_ is None else low_
        high = self.summary.quantiles.get("0.99", math.nan) if high_ is None else high_
        if low_ is None:
            return min(low, high), high
        return low, (max(low, high) if high_ is None else high)

    def to_dict(self, seen: Sequence[float] = ()) -> dict[str, Any]:
        """Convert to plain data for report.json, with the transform as points to draw, over the data and the values `seen`."""
        p = self.summary
        known = [p.low, p.high, self.low, self.high, *seen, *_ends_of(self.transform, wide=not p.quantiles)]
        ends = [v for v in known if v is not None and math.isfinite(v)] or [0.0, 1.0]
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
            "falling": isinstance(self.transform, AsIs) and self.transform.falling,
            "transform": np.stack([grid, self.compute_desirability(grid.tolist())], axis=1).tolist(),
        }


def _ends_of(transform: Transform, wide: bool) -> Interval:
    """Find where a transform changes; `wide` adds room on both sides, for where no data gives it."""
    low, high = transform.hit_interval
    low, high = getattr(transform, "low", low), getattr(transform, "high", high)
    if not wide:
        return low, high
    step: float = getattr(transform, "scale", 0.25)
    width = step if low is None or high is None else high - low
    return None if low is None else low - width, None if high is None else high + width


def stack_desirabilities(
    objectives: Sequence[ResolvedObjective], values: Mapping[str, Sequence[float]], n: int
) -> NDArray[np.float64]:
    """Compute the desirability of each objective (n, M), clipped to 0..1; NaN where its value is missing."""
    columns = np.empty((n, len(objectives)))
    for i, w in enumerate(objectives):
        columns[:, i] = w.compute_desirability(values[w.summary.name])
    return columns.clip(0, 1)


def stack_rankings(
    objectives: Sequence[ResolvedObjective], values: Mapping[str, Sequence[float]], n: int
) -> NDArray[np.float64]:
    """Compute what a Pareto front is made of (n, M): higher is better; values that are taken as is may have any range."""
    return (
        np.stack([w.compute_ranking(values[w.summary.name]) for w in objectives], axis=1)
        if objectives
        else np.empty((n, 0))
    )


def score(
    objectives: Sequence[ResolvedObjective],
    values: Mapping[str, Sequence[float]],
    n: int,
    aggregate: Aggregate = "geometric",
) -> NDArray[np.float64]:
    """Compute the weighted geometric or arithmetic mean of the desirabilities.

    Args:
        objectives: The M objectives; one alone scores by `ResolvedObjective.compute_ranking`.
        values: By property name, (n,) values.
        n: Number of molecules.
        aggregate: Which mean.

    Returns:
        (n,) higher is better; NaN where a value is missing or there is no objective.
    """
    if not objectives:
        return np.full(n, np.nan)
    if len(objectives) == 1:
        return objectives[0].compute_ranking(values[objectives[0].summary.name])
    weights = np.array([w.weight for w in objectives])
    d, weights = stack_desirabilities(objectives, values, n), weights / weights.sum()
    if aggregate == "arithmetic":
        return np.asarray((d * weights).sum(axis=1))
    with np.errstate(divide="ignore"):
        return np.asarray(np.exp((np.log(d) * weights).sum(axis=1)))


def compute_log_score(objectives: Sequence[ResolvedObjective], values: Mapping[str, Tensor]) -> Tensor:
    """Compute the log of the geometric mean that `score` takes, differentiable, of values by property, all of one shape."""
    total = sum(w.weight for w in objectives)
    return torch.stack([w.weight / total * w.compute_log_desirability(values[w.summary.name]) for w in objectives]).sum(
        dim=0
    )
