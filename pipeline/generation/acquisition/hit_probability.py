"""Computes the probability that a measurement of a candidate reaches the goal, and how many hits a batch is expected to have."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from pipeline.models.trained_model import TrainedModel
from pipeline.objectives.desirability import ResolvedObjective
from pipeline.workspace.presentation.formatting import format_brief

COLUMN = "hit_probability"
DRAWS = 400
"""The number of joint draws that the interval of the number of hits is taken from."""
INTERVAL = (0.1, 0.9)
"""The quantiles of the interval of the number of hits."""


@dataclass(frozen=True)
class ExpectedHits:
    """The number of candidates that are expected to reach the goal when they are measured."""

    goal: str
    """The goal in words, as "pIC50 at least 7.2"."""
    expected: float
    low: int
    """The number is this or more with 90 % probability."""
    high: int
    """The number is this or less with 90 % probability."""
    of: int
    """The candidates of which a probability is known."""


def has_goal(objectives: Sequence[ResolvedObjective]) -> bool:
    """Say whether reaching the goal is uncertain and can be told: a value is predicted, and every objective has an interval."""
    predicted = any(w.basis == "predicted" for w in objectives)
    return predicted and all(w.low is not None or w.high is not None for w in objectives)


def compute_hit_probability(objectives: Sequence[ResolvedObjective], table: pd.DataFrame) -> NDArray[np.float64]:
    """Compute the probability (n,) that a measurement of each molecule is within the interval of every objective.

    Predictions are taken as independent and normal; a computed value is within its interval or not.

    Args:
        objectives: The objectives, each with an interval.
        table: `<name>_computed`, or `<name>_predicted` with `<name>_predicted_std` (of a new measurement); of two classes the
            prediction is the expected label and has no deviation.

    Returns:
        Probabilities, NaN where a value or its deviation is missing.
    """
    probability = np.ones(len(table))
    for w in objectives:
        mean = _read_column(table, f"{w.summary.name}_{w.basis}")
        if w.basis == "computed":
            own = np.where(np.isfinite(mean), w.find_hits(mean.tolist()), np.nan)
        elif w.summary.classes:
            own = _share_of_classes(w, mean)
        else:
            own = _normal_share(w, mean, _read_column(table, f"{w.summary.name}_predicted_std"))
        probability = probability * own
    return probability


def add_hit_probability(
    candidates: pd.DataFrame, model: TrainedModel, objectives: Sequence[ResolvedObjective], seed: int
) -> tuple[pd.DataFrame, ExpectedHits | None]:
    """Add the column `hit_probability` where there is a goal; return the table with what the batch promises."""
    if not has_goal(objectives):
        return candidates, None
    candidates = candidates.assign(**{COLUMN: compute_hit_probability(objectives, candidates)})
    return candidates, expect_hits(candidates, model, objectives, seed)


def expect_hits(
    candidates: pd.DataFrame, model: TrainedModel, objectives: Sequence[ResolvedObjective], seed: int = 0
) -> ExpectedHits | None:
    """Compute how many candidates are expected to reach the goal, and the interval of that number.

    The errors of similar molecules go together, so that the interval is taken from joint draws of the predictor's functions,
    each with the noise of a measurement added.

    Args:
        candidates: The columns `molecule`, `z` and `hit_probability`, and the values of the objectives.
        model: The model that predicted them.
        objectives: The objectives.
        seed: The seed of the draws.

    Returns:
        The promise, or None where no probability is known.
    """
    known = candidates[np.isfinite(_read_column(candidates, COLUMN))]
    if not len(known):
        return None
    generator = torch.Generator().manual_seed(seed)
    reached = np.ones((DRAWS, len(known)), dtype=bool)
    for w in objectives:
        name = w.summary.name
        if w.basis == "computed":
            reached &= w.find_hits(known[f"{name}_computed"].tolist())
        else:
            reached &= _draw_hits(known, model, w, generator)
    low, high = np.quantile(reached.sum(axis=1), INTERVAL)
    expected = float(known[COLUMN].sum())
    return ExpectedHits(
        describe_goal(objectives),
        expected,
        math.floor(min(low, expected)),
        math.ceil(max(high, expected)),
        len(known),
    )


def describe_goal(objectives: Sequence[ResolvedObjective]) -> str:
    """Describe in words what a hit is."""
    return " and ".join(
        " ".join(filter(None, (w.summary.name, _describe_interval(w), w.summary.unit))) for w in objectives
    )


def _describe_interval(w: ResolvedObjective) -> str:
    if w.low is None:
        return f"at most {format_brief(w.high)}"
    return f"at least {format_brief(w.low)}" if w.high is None else f"{format_brief(w.low)} to {format_brief(w.high)}"


def expect_within(w: ResolvedObjective, table: pd.DataFrame) -> float | None:
    """Compute how many molecules are expected to be within one predicted objective's interval when they are measured.

    Returns:
        The sum of their probabilities, or None for a computed value, without an interval, or where no probability is known.
    """
    if w.basis == "computed" or (w.low is None and w.high is None):
        return None
    probability = compute_hit_probability([w], table)
    known = probability[np.isfinite(probability)]
    return float(known.sum()) if len(known) else None


def _read_column(table: pd.DataFrame, name: str) -> NDArray[np.float64]:
    """Read a column of numbers (n,); NaN where it is missing."""
    if name not in table:
        return np.full(len(table), np.nan)
    return np.array(table[name], dtype=np.float64)


def _normal_share(
    w: ResolvedObjective, mean: NDArray[np.float64], deviation: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the share of normal distributions within the interval."""
    m, s = torch.from_numpy(mean), torch.from_numpy(np.maximum(deviation, 1e-12))
    above = 1.0 if w.high is None else torch.special.ndtr((w.high - m) / s).numpy()
    below = 0.0 if w.low is None else torch.special.ndtr((w.low - m) / s).numpy()
    return np.where(np.isfinite(mean) & np.isfinite(deviation), above - below, np.nan)


def _share_of_classes(w: ResolvedObjective, mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probability of the classes that are hits, from expected labels."""
    assert w.summary.classes is not None
    low, high = w.summary.classes
    active = np.clip((mean - low) / (high - low), 0.0, 1.0)
    of_low, of_high = w.find_hits([low, high])
    return active * of_high + (1.0 - active) * of_low


def _draw_hits(
    known: pd.DataFrame, model: TrainedModel, w: ResolvedObjective, generator: torch.Generator
) -> NDArray[np.bool_]:
    """Draw measurements of n molecules, and say which are hits (DRAWS, n)."""
    name, n = w.summary.name, len(known)
    predictor = model.measured.get(name)
    mean = torch.tensor(known[f"{name}_predicted"].to_numpy(dtype=np.float64))
    z = torch.stack(known["z"].tolist()) if predictor is None or predictor.needs_z else None
    if predictor is not None:
        drawn = predictor.draw(known["molecule"].tolist(), z, DRAWS, generator).double()
    if w.summary.classes:
        low, high = w.summary.classes
        active = ((drawn if predictor is not None else mean.expand(DRAWS, n)) - low) / (high - low)
        is_active = torch.rand(DRAWS, n, generator=generator, dtype=torch.float64) < active
        values = torch.where(is_active, high, low)
    else:
        total = torch.tensor(known[f"{name}_predicted_std"].to_numpy(dtype=np.float64))
        noise = torch.randn(DRAWS, n, generator=generator, dtype=torch.float64)
        if predictor is None:  # a predictor on latent points alone: its errors are taken as independent
            values = mean + total * noise
        else:
            function = predictor.predict_function(known["molecule"].tolist(), z).std.double()
            values = drawn + (total.square() - function.square()).clamp_min(0.0).sqrt() * noise
    return w.find_hits(values.flatten().tolist()).reshape(DRAWS, n)
