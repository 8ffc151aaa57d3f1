"""Warns where most candidates are far from the data, unusual, of sizes that the data has not, flagged by alerts, or of undefined stereo."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pandas as pd

from pipeline.chemistry.filters.unusual_cells import read_names
from pipeline.chemistry.properties import compute
from pipeline.models.trained_model import TrainedModel
from pipeline.models.training_set.sizes import Sizes

MOST = 0.5
"""The share of the candidates from which on a sentence is worth the reader's time."""
FEWEST = 5
"""The least number of such candidates."""
FAR = 2.0
"""A prediction is an extrapolation from so many times the typical distance of the data on."""


def list_cautions(candidates: pd.DataFrame, model: TrainedModel) -> list[str]:
    """List what a chemist should know of most of the candidates before anything is ordered, the most harmful first.

    Args:
        candidates: The candidates, with the columns `molecule` and, where it is known, `distance_to_training`, `unusual`, `alerts`
            and `undefined_stereo`.
        model: The model that made them.

    Returns:
        A sentence for each fault that most of them have; nothing where they are fine.
    """
    n = len(candidates)
    found = [
        (
            _count(candidates, "distance_to_training", lambda distance: distance > FAR),
            "are far from the training data (over twice the distance at which its molecules lie from each other): predictions there are "
            "guesses; lower the temperature, or ask for values within the data",
        ),
        (
            _count(candidates, "unusual", lambda cell: bool(read_names(cell))),
            "have something unusual in the structure, marked in the drawing: look at each before anything is made",
        ),
        *_count_sizes(candidates, model),
        (
            _count(candidates, "alerts", bool),
            "carry structural alerts (PAINS, BRENK): look at them before ordering, or ask for molecules without them: "
            "--without-alerts PAINS,BRENK",
        ),
        (
            _count(candidates, "undefined_stereo", lambda centers: centers > 0),
            "have undefined stereo: what would be made is a mixture of isomers, or one has to be chosen (--enumerate-stereo 8 predicts each)",
        ),
    ]
    return [f"{count:,} of {n:,} candidates {what}" for count, what in found if count >= max(FEWEST, MOST * n)]


def _count(candidates: pd.DataFrame, column: str, is_faulty: Callable[[Any], bool]) -> int:
    """Count the candidates that have a fault; what is missing is none."""
    return sum(map(is_faulty, candidates[column].dropna())) if column in candidates else 0


def _count_sizes(candidates: pd.DataFrame, model: TrainedModel) -> list[tuple[int, str]]:
    """Count the candidates that are heavier, and those that are lighter, than the training molecules."""
    sizes = Sizes.measure(model) if len(candidates) >= FEWEST else None
    if sizes is None:
        return []
    known = candidates["mw_computed"] if "mw_computed" in candidates else [math.nan] * len(candidates)
    pairs = zip(candidates["molecule"], known, strict=True)
    weights = [compute(molecule.mol, ["mw"])[0] if math.isnan(mw) else mw for molecule, mw in pairs]
    low, high = sizes.mw
    told = (
        (sum(mw > high for mw in weights), "heavier", high, f":{high}"),
        (sum(mw < low for mw in weights), "lighter", low, f"{low}:"),
    )
    return [
        (
            count,
            f"are {word} than 99 % of the training molecules ({limit} g/mol): distrust what the model says of them, or limit the weight: "
            f"--within mw={within}",
        )
        for count, word, limit, within in told
    ]
