"""Ranks molecules: those within every target first where the objectives say what is good enough, then by score."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pipeline.generation.sampling.budget import BOUNDED
from pipeline.objectives.desirability import ResolvedObjective


def has_only_bounded(objectives: Sequence[ResolvedObjective]) -> bool:
    """Say whether molecules within every target go before all others: where each objective says itself what is good enough."""
    return bool(objectives) and all(w.kind in BOUNDED for w in objectives)


def rank_candidates(eligible: pd.DataFrame, n: int, behind: pd.Series, hits_first: bool) -> pd.DataFrame:
    """Rank the best n by score, or in the order of sampling without an objective, and add the column rank.

    Rows of which `behind` is True, the unusual molecules, come after all others.
    """
    if "batch" in eligible:
        eligible = eligible[eligible["batch"].notna()]
    ordered = sort_molecules(eligible, hits_first)
    ordered = ordered.loc[behind[ordered.index].sort_values(kind="stable").index]
    ordered = ordered.head(n).reset_index(drop=True).drop(columns="batch", errors="ignore")
    ordered.insert(0, "rank", np.arange(1, len(ordered) + 1))
    return ordered


def sort_molecules(molecules: pd.DataFrame, hits_first: bool) -> pd.DataFrame:
    """Sort molecules by score, best first, or those of a batch by their place in it.

    Args:
        molecules: With the columns score, sample and within_target, or batch and acquisition.
        hits_first: Whether those within every target go before all others.
    """
    if "batch" in molecules:
        return molecules.sort_values(["batch", "acquisition"], ascending=[True, False], kind="stable")
    if hits_first:
        by, ascending = ["within_target", "score", "sample"], [False, False, True]
    else:
        by, ascending = ["score", "sample"], [False, True]
    return molecules.sort_values(by, ascending=ascending, kind="stable", na_position="last")
