"""Says after a generation why it found fewer molecules than were asked for."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from pipeline.generation.config import GenerateConfig
from pipeline.generation.sampling.budget import BOUNDED
from pipeline.generation.sampling.constraint_filter import Refusals
from pipeline.objectives.constraints import Constraints
from pipeline.objectives.desirability import ResolvedObjective
from pipeline.workspace.presentation.formatting import count_of, count_things


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
        told = f"{count_things(config.n, 'candidate', 'was', 'were')} asked for and {len(candidates):,} found among {drawn:,} samples"
        if refusals.passed < 0.5 * refusals.examined:
            told += f"; {refusals.explain(constraints)}"
        return [f"{told}; {more}"]
    within = int(candidates["within_target"].sum())
    bounded = [f"{w.summary.name} {w.aim}" for w in objectives if w.kind in BOUNDED]
    if not bounded or within == len(candidates) or config.strategy == "random":
        return []
    return [
        f"only {count_of(within, len(candidates), 'candidate', 'is', 'are')} within every target ({', '.join(bounded)}), although {drawn:,} molecules "
        f"were drawn: the model knows few such molecules; widen what counts as reached (--tolerance, --range), {more}, or fine-tune the "
        "model on molecules that are near"
    ]
