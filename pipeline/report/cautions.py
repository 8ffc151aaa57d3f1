"""Warns in the verdict of a report where most candidates carry structural alerts, or exceed the sizes of the training data."""

from __future__ import annotations

import pandas as pd

from pipeline.chemistry.properties import compute
from pipeline.models.sizes import Sizes
from pipeline.models.trained_model import TrainedModel

MOST = 0.5
"""The share of the candidates from which on a sentence is worth the reader's time."""
FEWEST = 5
"""The least number of such candidates."""


def list_cautions(candidates: pd.DataFrame, model: TrainedModel) -> list[str]:
    """List what a chemist should know of most of the candidates before anything is ordered; nothing where they are fine.

    Args:
        candidates: The candidates, with the columns `molecule` and `alerts`.
        model: The model that made them.
    """
    found = []
    n = len(candidates)
    flagged = int((candidates["alerts"].fillna("") != "").sum()) if "alerts" in candidates else 0
    if flagged >= max(FEWEST, MOST * n):
        found.append(
            f"{flagged:,} of {n:,} candidates carry structural alerts (PAINS, BRENK): look at them before ordering, or ask for "
            "molecules without them: --without-alerts PAINS,BRENK"
        )
    sizes = Sizes.measure(model) if n >= FEWEST else None
    if sizes is None:
        return found
    weights = [compute(molecule.mol, ["mw"])[0] for molecule in candidates["molecule"]]
    low, high = sizes.mw
    heavy, light = sum(mw > high for mw in weights), sum(mw < low for mw in weights)
    for count, word, limit in ((heavy, "heavier", f":{high}"), (light, "lighter", f"{low}:")):
        if count >= max(FEWEST, MOST * n):
            found.append(
                f"{count:,} of {n:,} candidates are {word} than 99 % of the training molecules ({limit.strip(':')} g/mol): distrust what "
                f"the model says of them, or limit the weight: --within mw={limit}"
            )
    return found
