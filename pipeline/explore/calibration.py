"""Calibration of predictors: nominal and observed coverage of their intervals on held-out molecules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.stats import norm

from chem_vae.errors import UserError
from chem_vae.progress import Progress, silent
from pipeline.models.by_name import by_name
from pipeline.models.description.predictor_wording import describe_choice
from pipeline.models.trained_model import TrainedModel
from pipeline.models.training_set.kept_molecules import draw_held_out_molecules
from pipeline.workspace.check_arguments import check_count, check_seed
from pipeline.workspace.presentation.plot_style import PAPER, open_figure

LEVELS = tuple(round(0.05 * i, 2) for i in range(1, 20))
COLUMNS = ["property", "nominal", "observed", "of"]


@by_name
def calibration(model: TrainedModel, n: int = 2000, seed: int = 0, progress: Progress = silent) -> pd.DataFrame:
    """Measure the coverage of the central prediction intervals, for each property with a predictor and each nominal level.

    A measured property's predictor may have learned from all labels; it is checked on the outer folds that the model's card keeps. The
    others are checked on the dataset's test split. Without the dataset the card's four levels are taken for all. A property of two classes is
    left out: it is predicted as a probability, which has no interval.

    Args:
        model: The model.
        n: Test molecules to check on at most.
        seed: Draws them.
        progress: Is told of the start and the end.

    Returns:
        Columns property, nominal, observed (share of the values within the interval) and of (their number). `frame.attrs["origin"]`
        names the molecules; `frame.attrs["classes"]` says of each property of two classes how well its probability is known.

    Raises:
        UserError: There is neither a dataset nor a coverage on the card, or a number is out of range.
    """
    check_count("n", n)
    check_seed(seed)
    try:
        sample = draw_held_out_molecules(model, n, seed)
    except UserError:
        return _read_card(model)
    progress("predict", 0, 1)
    z = model.checkpoint.encode(sample.selfies).mu
    classes = _describe_classes(model)
    compared = [p for p in model.card["predictors"] if p.get("compared") and p["property"] not in classes]
    folds = {p["property"]: torch.tensor(p["parity"]) for p in compared}
    rows = []
    for name, predictor in model.predictors.items():
        if name in folds:
            y, mean, std = folds[name].T
        elif name in sample.properties and name not in classes:
            y = torch.from_numpy(sample.values[:, sample.properties.index(name)])
            with torch.no_grad():
                mean, std = predictor.predict(z)
        else:
            continue
        off = ((y - mean).abs() / std).double()
        off = off[torch.isfinite(off)]
        if len(off) >= 2:
            within = [(off <= norm.ppf(0.5 + level / 2)).double().mean().item() for level in LEVELS]
            rows += [(name, level, share, len(off)) for level, share in zip(LEVELS, within, strict=True)]
    progress("predict", 1, 1)
    if not rows:
        return _read_card(model)
    frame = pd.DataFrame(rows, columns=COLUMNS)
    frame.attrs["origin"] = f"{sample.origin}{'; of measured properties the outer folds' if folds else ''}"
    frame.attrs["classes"] = classes
    return frame


def _describe_classes(model: TrainedModel) -> dict[str, str]:
    """Say of each property of two classes how well the probability of the active one is known."""
    return {p["property"]: describe_choice(p["compared"]) for p in model.card["predictors"] if p.get("classification")}


def calibration_error(frame: pd.DataFrame) -> dict[str, float]:
    """Compute the mean absolute difference of observed and nominal coverage by property; 0 is perfect."""
    off = (frame["observed"] - frame["nominal"]).abs()
    return {str(name): float(value) for name, value in off.groupby(frame["property"]).mean().items()}


def calibration_figure(frame: pd.DataFrame) -> Any:
    """Draw observed against nominal coverage, a line for each property; returns a matplotlib Figure."""
    errors = calibration_error(frame)
    with open_figure(4.6, 3.9) as figure:
        axes = figure.subplots()
        axes.plot((0, 100), (0, 100), color=PAPER.muted, lw=1, ls="--")
        for color, (name, rows) in zip(PAPER.cycle * 9, frame.groupby("property", sort=False), strict=False):
            label = f"{name} (off by {100 * errors[str(name)]:.1f} points, n = {rows['of'].iloc[0]:,})"
            axes.plot(100 * rows["nominal"], 100 * rows["observed"], color=color, marker="o", ms=3, lw=1.2, label=label)
        axes.set(xlim=(0, 100), ylim=(0, 100), aspect="equal")
        axes.set(xlabel="interval promised, %", ylabel="held-out values inside it, %")
        axes.legend(loc="upper left", fontsize=7)
        axes.text(98, 4, "too sure below the line", ha="right", color=PAPER.muted, size=7.5)
    return figure


def _read_card(model: TrainedModel) -> pd.DataFrame:
    rows = [
        (p["property"], float(level), float(observed), int(p["n_test"]))
        for p in model.card["predictors"]
        for level, observed in sorted((p.get("coverage") or {}).items(), key=lambda item: float(item[0]))
        if observed is not None and np.isfinite(observed)
    ]
    classes = _describe_classes(model)
    if not rows:
        told = "".join(f"; {name} has two classes and no interval: {text}" for name, text in classes.items())
        raise UserError(
            "there is nothing to check the predictors on: the dataset of this model is not in the same workspace, and its "
            f"card has no coverage{told}"
        )
    frame = pd.DataFrame(rows, columns=COLUMNS)
    frame.attrs["origin"] = "held-out molecules, measured when the model was trained"
    frame.attrs["classes"] = classes
    return frame
