"""Says before a generation that its targets are rare, and afterwards why it found fewer molecules than were asked for."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import pandas as pd
import torch

from chem_vae.errors import ChemVAEWarning
from pipeline.generation.budget import BOUNDED
from pipeline.generation.config import GenerateConfig
from pipeline.generation.constraint_filter import Refusals
from pipeline.models.trained_model import TrainedModel
from pipeline.objectives.config import Constraint
from pipeline.objectives.constraints import Constraints
from pipeline.objectives.desirability import ResolvedObjective
from pipeline.objectives.latent_objective import find_limits

RARE = 0.005
"""The share of training molecules near all targets below which a warning is given."""


def warn_of_rare_targets(
    model: TrainedModel, objectives: Sequence[ResolvedObjective], constraints: Sequence[Constraint]
) -> list[str]:
    """Warn, before the work begins, where hardly any training molecule is near the targets and within the limits.

    Returns:
        The warnings that were given. A target outside of the training data is none of them: `resolve` tells of it.
    """
    known = model.list_known_values()
    asked = {w.summary.name: (w.low, w.high, f"{w.summary.name} {w.aim}") for w in objectives if w.kind in BOUNDED}
    limits = {name: ends for name, ends in find_limits(constraints).items() if name not in asked}
    asked |= {
        c.property: (*limits[c.property], c.describe())
        for c in constraints
        if c.property is not None and c.property in limits
    }
    there = {
        name: values for name in asked if len(values := known.get(name, torch.zeros(0))) and values.isfinite().all()
    }
    if not there:
        return []
    near = {}
    for name, values in there.items():
        low, high, _ = asked[name]
        near[name] = (values >= (-torch.inf if low is None else low)) & (
            values <= (torch.inf if high is None else high)
        )
    together = torch.stack(list(near.values())).all(dim=0)
    of, count = len(together), int(together.sum())
    if count >= RARE * of or any(w.summary.name in near and not near[w.summary.name].any() for w in objectives):
        return []
    told = (
        f"{' and '.join(asked[name][2] for name in near)}: {count:,} of {of:,} training molecules ({count / of:.2%}) are like that; "
        "expect a longer search, and fewer hits"
    )
    warnings.warn(told, ChemVAEWarning, stacklevel=2)
    return [told]


def explain_shortfall(
    candidates: pd.DataFrame,
    drawn: int,
    config: GenerateConfig,
    objectives: Sequence[ResolvedObjective],
    constraints: Constraints,
    refusals: Refusals,
) -> list[str]:
    """Explain why there are fewer candidates, or fewer within the targets, than were asked for; nothing where there are not."""
    more = f"ask for more with --samples {max(10 * drawn, 1000)}"
    if len(candidates) < config.n:
        told = f"{config.n:,} candidates were asked for and {len(candidates):,} found among {drawn:,} samples"
        if refusals.passed < 0.5 * refusals.examined:
            told += f"; {refusals.explain(constraints)}"
        return [f"{told}; {more}"]
    within = int(candidates["within_target"].sum())
    bounded = [f"{w.summary.name} {w.aim}" for w in objectives if w.kind in BOUNDED]
    if not bounded or within == len(candidates) or config.strategy == "random":
        return []
    return [
        f"only {within:,} of {len(candidates):,} candidates are within every target ({', '.join(bounded)}), although {drawn:,} molecules "
        f"were drawn: the model knows few such molecules; widen what counts as reached (--tolerance, --range), {more}, or fine-tune the "
        "model on molecules that are near"
    ]
