"""The objectives for a strategy in the latent space: conditions for the decoder, and the expected score of a point."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from chem_vae.checkpoint import Checkpoint
from chem_vae.predictors import PropertyPredictor
from pipeline.objectives.desirability import ResolvedObjective, compute_log_score


def draw_conditions(
    objectives: Sequence[ResolvedObjective], checkpoint: Checkpoint
) -> Callable[[int, torch.Generator], Tensor]:
    """Return a function that draws conditions for the decoder (`ResolvedObjective.draw`).

    Returns:
        (n, generator) -> standardized conditions (n, P); NaN for a condition that no objective is about.
    """
    columns = {name: i for i, name in enumerate(checkpoint.conditions)}

    def draw(n: int, generator: torch.Generator) -> Tensor:
        raw = torch.full((n, len(columns)), torch.nan)
        for objective in objectives:
            if (column := columns.get(objective.summary.name)) is not None:
                raw[:, column] = objective.draw(n, generator)
        return checkpoint.standardize_values(raw)

    return draw


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
