"""Conditional sampling: requested property values and those that RDKit computes for the molecules that come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from chem_vae.errors import UserError, unknown_name
from chem_vae.progress import Progress, silent
from pipeline.explore.inputs import compute_values
from pipeline.models.trained_model import TrainedModel


def steering(
    model: TrainedModel,
    names: Sequence[str] | None = None,
    *,
    levels: int = 7,
    n: int = 200,
    temperature: float = 1.0,
    seed: int = 0,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Sample n molecules from p(x | c) for each of some values of each property alone, and compute what they have.

    Args:
        model: The model.
        names: Conditions of the model that a structure gives; None: all of them.
        levels: Values of each, over the middle 90 % of the training data.
        n: Molecules for each value.
        temperature: Of the decoder.
        seed: Draws the molecules.
        progress: Is told of the values done.

    Returns:
        A row for each valid molecule. Columns: property, requested, smiles, computed.

    Raises:
        UserError: The model was not conditioned on a property, or there is none to check.
    """
    about = {p.name: p for p in model.properties}
    possible = [c for c in model.conditions if c in about and about[c].kind == "computed"]
    for name in names or ():
        if name not in possible:
            raise unknown_name("computed condition of this model", name, possible)
    chosen = list(names) if names is not None else possible
    columns = {name: model.latent["values"][:, i].double().numpy() for i, name in enumerate(about)}
    known = {name: columns[name][np.isfinite(columns[name])] for name in chosen}
    for name in [name for name in chosen if not len(known[name])]:
        if names is not None:
            raise UserError(f"the training data has no value of {name}: there is nothing to tell what to ask for")
        chosen.remove(name)
    if not chosen:
        raise UserError("this model is not conditioned on any property that can be computed and has values")
    rows: list[tuple[str, float, str, float]] = []
    for number, name in enumerate(chosen):
        low, high = np.quantile(known[name], [0.05, 0.95]).tolist()
        for level, value in enumerate(np.linspace(low, high, levels).tolist()):
            progress("sample to targets", number * levels + level, len(chosen) * levels)
            found = [s for s in model.sample(n, {name: value}, temperature=temperature, seed=seed + level) if s]
            values = compute_values(model, found)[f"{name}_computed"]
            rows += [(name, value, s, v) for s, v in zip(found, values, strict=True)]
    progress("sample to targets", len(chosen) * levels, len(chosen) * levels)
    return pd.DataFrame(rows, columns=["property", "requested", "smiles", "computed"])


def steering_figures(frame: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Compute for each property the mean absolute error in its unit and the correlation of requested and computed values."""
    out = {}
    for name, rows in frame.groupby("property", sort=False):
        error = (rows["computed"] - rows["requested"]).abs()
        correlation = rows["computed"].corr(rows["requested"])
        out[str(name)] = {"mae": float(error.mean()), "r": float(correlation), "of": float(len(rows))}
    return out


def steering_figure(frame: pd.DataFrame) -> Any:
    """Draw for each property the middle 50 % and 90 % of computed values at each requested one; returns a matplotlib Figure."""
    from pipeline.workspace.presentation.plot_style import PAPER, open_figure

    names = list(dict.fromkeys(frame["property"]))
    figures = steering_figures(frame)
    with open_figure(2.6 * len(names), 2.7) as figure:
        for axes, name in zip(np.atleast_1d(figure.subplots(1, len(names))), names, strict=True):
            rows = frame[frame["property"] == name]
            q = rows.groupby("requested")["computed"].quantile([0.05, 0.25, 0.5, 0.75, 0.95]).unstack()
            axes.axline((q.index[0], q.index[0]), slope=1, color=PAPER.muted, lw=1, ls="--")
            axes.fill_between(q.index, q[0.05], q[0.95], color=PAPER.samples, alpha=0.15, lw=0)
            axes.fill_between(q.index, q[0.25], q[0.75], color=PAPER.samples, alpha=0.3, lw=0)
            axes.plot(q.index, q[0.5], color=PAPER.samples, marker="o", ms=3, lw=1.3)
            axes.set(xlabel=f"{name} requested", ylabel="computed")
            axes.set_title(f"r {figures[name]['r']:.2f}, mean error {figures[name]['mae']:.2g}", size=8)
    return figure
