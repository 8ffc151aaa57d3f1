"""Whether a predictor's intervals hold what they promise: nominal against observed coverage on held-out molecules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch

from chem_vae.errors import UserError
from chem_vae.progress import Progress, silent
from pipeline.models.kept_molecules import held_out_molecules
from pipeline.models.trained_model import TrainedModel

LEVELS = tuple(round(0.05 * i, 2) for i in range(1, 20))


def calibration(model: TrainedModel, n: int = 2000, seed: int = 0, progress: Progress = silent) -> pd.DataFrame:
    """Coverage of the central prediction intervals, for each property with a predictor and each nominal level.

    Columns: property, nominal, observed (share of held-out values within the interval), of (their number). From up to n
    molecules of the dataset's test split; where the dataset is not there, from the model's card, whose four levels were
    measured when it was trained. `frame.attrs["origin"]` says which.

    Raises UserError where neither says anything.
    """
    try:
        sample = held_out_molecules(model, n, seed)
    except UserError:
        return _from_card(model)
    progress("predict", 0, 1)
    z = model.checkpoint.encode(sample.selfies).mu
    normal = torch.distributions.Normal(0.0, 1.0)
    rows = []
    with torch.no_grad():
        for name, predictor in model.predictors.items():
            if name not in sample.properties:
                continue
            y = torch.from_numpy(sample.values[:, sample.properties.index(name)])
            known = torch.isfinite(y)
            if int(known.sum()) < 2:
                continue
            mean, std = predictor.predict(z[known])
            off = ((y[known] - mean).abs() / std).double()
            for level in LEVELS:
                inside = (off <= normal.icdf(torch.tensor(0.5 + level / 2))).double().mean()
                rows.append((name, level, float(inside), int(known.sum())))
    progress("predict", 1, 1)
    if not rows:
        return _from_card(model)
    frame = pd.DataFrame(rows, columns=["property", "nominal", "observed", "of"])
    frame.attrs["origin"] = sample.origin
    return frame


def calibration_error(frame: pd.DataFrame) -> dict[str, float]:
    """The mean absolute difference of observed and nominal coverage by property: 0 is perfect."""
    off = (frame["observed"] - frame["nominal"]).abs()
    return {str(name): float(value) for name, value in off.groupby(frame["property"]).mean().items()}


def calibration_figure(frame: pd.DataFrame) -> Any:
    """A matplotlib Figure of `calibration`: observed against nominal coverage, a line for each property."""
    from pipeline.explore.figures import CYCLE, MUTED, drawing

    errors = calibration_error(frame)
    with drawing(4.6, 3.9) as figure:
        axes = figure.subplots()
        axes.plot((0, 100), (0, 100), color=MUTED, lw=1, ls="--")
        for color, (name, rows) in zip(CYCLE * 9, frame.groupby("property", sort=False), strict=False):
            label = f"{name} (off by {100 * errors[str(name)]:.1f} points, n = {rows['of'].iloc[0]:,})"
            axes.plot(100 * rows["nominal"], 100 * rows["observed"], color=color, marker="o", ms=3, lw=1.2, label=label)
        axes.set(xlim=(0, 100), ylim=(0, 100), aspect="equal")
        axes.set(xlabel="interval promised, %", ylabel="held-out values inside it, %")
        axes.legend(loc="upper left", fontsize=7)
        axes.text(98, 4, "too sure below the line", ha="right", color=MUTED, size=7.5)
    return figure


def _from_card(model: TrainedModel) -> pd.DataFrame:
    rows = [
        (p["property"], float(level), float(observed), int(p["n_test"]))
        for p in model.card["predictors"]
        for level, observed in sorted((p.get("coverage") or {}).items(), key=lambda item: float(item[0]))
        if observed is not None and np.isfinite(observed)
    ]
    if not rows:
        raise UserError(
            "there is nothing to check the predictors on: the dataset of this model is not in the same workspace, and its "
            "card has no coverage"
        )
    frame = pd.DataFrame(rows, columns=["property", "nominal", "observed", "of"])
    frame.attrs["origin"] = "held-out molecules, measured when the model was trained"
    return frame
