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
    hits: int,
    drawn: int,
    config: GenerateConfig,
    objectives: Sequence[ResolvedObjective],
    constraints: Constraints,
    refusals: Refusals,
) -> list[str]:
    """Explain why there are fewer candidates, or fewer within the targets, than were asked for; nothing where there are not.

    Args:
        candidates: The candidates, best first, with the values of the objectives.
        hits: The molecules within every target among those from which the candidates were chosen.
        drawn: The molecules that were drawn.
        config: The settings of the generation.
        objectives: The objectives.
        constraints: What molecules had to meet.
        refusals: What they refused.
    """
    more = f"ask for more with --samples {max(10 * drawn, 1000)}"
    if len(candidates) < config.n:
        told = f"{count_things(config.n, 'candidate', 'was', 'were')} asked for and {len(candidates):,} found among {drawn:,} samples"
        if refusals.passed < 0.5 * refusals.examined:
            told += f"; {refusals.explain(constraints)}"
        return [f"{told}; {more}"]
    within = int(candidates["within_target"].sum())
    if not any(w.kind in BOUNDED for w in objectives) or within == len(candidates) or config.strategy == "random":
        return []
    share = count_of(within, len(candidates), "candidate", "is", "are")
    told = f"only {share} within every target ({_describe_misses(candidates, objectives)})"
    if hits > within:
        return [
            f"{told}, although {hits:,} molecules were found that are: candidates are ranked by their score, which weighs how well each "
            "objective is met; give --range NAME=LOW:HIGH for what has to be met"
        ]
    return [
        f"{told}, although {drawn:,} molecules were drawn: the model knows few such molecules; widen what counts as reached "
        f"(--tolerance, --range), {more}, or fine-tune the model on molecules that are near"
    ]


def _describe_misses(candidates: pd.DataFrame, objectives: Sequence[ResolvedObjective]) -> str:
    """Name the objectives that some candidates miss, each with how many."""
    missed = []
    for w in objectives:
        values = candidates[f"{w.summary.name}_{w.basis}"].tolist()
        if count := len(values) - int(w.find_hits(values).sum()):
            missed.append(f"{w.summary.name} {w.aim}: {count:,} {'is' if count == 1 else 'are'} beside")
    return ", ".join(missed)
