"""The objectives for a strategy in the latent space: conditions for the decoder, and the expected score of a point."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from chem_vae.checkpoint import Checkpoint
from chem_vae.predictors import PropertyPredictor
from pipeline.objectives.config import Constraint
from pipeline.objectives.desirability import ResolvedObjective, compute_log_score

FEWEST_KNOWN = 20  # known values within limits, from which on one is drawn among them


def draw_conditions(
    objectives: Sequence[ResolvedObjective],
    checkpoint: Checkpoint,
    constraints: Sequence[Constraint] = (),
    known: Mapping[str, Tensor] | None = None,
) -> Callable[[int, torch.Generator], Tensor]:
    """Return a function that draws conditions for the decoder: what objectives want, within what constraints allow.

    A property that an objective is about is drawn by `ResolvedObjective.draw`. One that only a constraint limits is drawn among
    the values of known molecules within the limits, those of several properties from the same molecule.

    Args:
        objectives: The resolved objectives.
        checkpoint: The model.
        constraints: Those that limit a property are followed.
        known: Values (m,) of training molecules by property, NaN where unknown.

    Returns:
        (n, generator) -> standardized conditions (n, P); NaN for a condition that nothing is said about.
    """
    columns = {name: i for i, name in enumerate(checkpoint.conditions)}
    limits = {name: ends for name, ends in find_limits(constraints).items() if name in columns}
    aimed = {objective.summary.name for objective in objectives}
    free = {name: ends for name, ends in limits.items() if name not in aimed}
    values = {name: (known or {}).get(name, torch.zeros(0)) for name in free}
    inside = {name: (values[name] >= low) & (values[name] <= high) for name, (low, high) in free.items()}
    together = torch.stack(list(inside.values())).all(dim=0).nonzero()[:, 0] if free else torch.zeros(0)

    def draw(n: int, generator: torch.Generator) -> Tensor:
        raw = torch.full((n, len(columns)), torch.nan)
        for objective in objectives:
            if (column := columns.get(objective.summary.name)) is not None:
                raw[:, column] = objective.draw(n, generator)
        if len(together) >= FEWEST_KNOWN:
            rows = together[torch.randint(len(together), (n,), generator=generator)]
            for name in free:
                raw[:, columns[name]] = values[name][rows]
        else:
            for name, ends in free.items():
                scale = checkpoint.scales[columns[name]]
                raw[:, columns[name]] = _draw_inside(
                    values[name][inside[name]], ends, scale.mean, scale.std, n, generator
                )
        for name, (low, high) in limits.items():
            raw[:, columns[name]].clamp_(low, high)
        return checkpoint.standardize_values(raw)

    return draw


def find_limits(constraints: Sequence[Constraint]) -> dict[str, tuple[float, float]]:
    """Find the lowest and the highest value that constraints allow, by the property that they limit."""
    limits: dict[str, tuple[float, float]] = {}
    for constraint in constraints:
        if constraint.property is not None:
            low, high = constraint.bounds()
            least, most = limits.get(constraint.property, (-math.inf, math.inf))
            limits[constraint.property] = max(low, least), min(high, most)
    return limits


def _draw_inside(
    found: Tensor, ends: tuple[float, float], mean: float, std: float, n: int, generator: torch.Generator
) -> Tensor:
    """Draw n values within limits: among the found ones, or where there are few, as near to the training data as allowed."""
    if len(found) >= FEWEST_KNOWN:
        return found[torch.randint(len(found), (n,), generator=generator)]
    low, high = max(ends[0], min(mean - 2 * std, ends[1])), min(ends[1], max(mean + 2 * std, ends[0]))
    if not low < high:  # the limits lie beyond the data
        low, high = (low, min(ends[1], low + 0.25 * std)) if low > mean else (max(ends[0], high - 0.25 * std), high)
    return low + (high - low) * torch.rand(n, generator=generator)


def predict_log_desirability(
    objectives: Sequence[ResolvedObjective], predictors: Mapping[str, PropertyPredictor]
) -> Callable[[Tensor], Tensor] | None:
    """Return a differentiable function from latent points to the log of the score of their predicted values.

    Returns:
        z (n, D) -> `compute_log_score` (n,); None where an objective has no predictor.
    """
    names = [objective.summary.name for objective in objectives]
    if not names or not set(names) <= set(predictors):
        return None
    return lambda z: compute_log_score(objectives, {name: predictors[name].predict(z).mean for name in names})
