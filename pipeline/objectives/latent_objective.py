"""The objectives as a strategy in the latent space sees them: what to ask the decoder for, what to expect of a point."""

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
    """(n, generator) -> standardized conditions (n, P) that ask for what is wanted (`ResolvedObjective.draw`); NaN where nothing is."""
    columns = {name: i for i, name in enumerate(checkpoint.conditions)}

    def draw(n: int, generator: torch.Generator) -> Tensor:
        raw = torch.full((n, len(columns)), torch.nan)
        for w in objectives:
            if w.summary.name in columns:
                raw[:, columns[w.summary.name]] = w.draw(n, generator)
        return checkpoint.standardize_values(raw)

    return draw


def predict_log_desirability(
    objectives: Sequence[ResolvedObjective], predictors: Mapping[str, PropertyPredictor]
) -> Callable[[Tensor], Tensor] | None:
    """z (n, D) -> `compute_log_score` (n,) of the expected values, differentiable; None where not each objective has a predictor."""
    if not objectives or any(w.summary.name not in predictors for w in objectives):
        return None

    def expected(z: Tensor) -> Tensor:
        return compute_log_score(
            objectives, {w.summary.name: predictors[w.summary.name].predict(z).mean for w in objectives}
        )

    return expected
