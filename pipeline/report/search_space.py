"""Where a search went: the model's predictions against what was computed, the Pareto front, the latent space."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch

from chem_vae.analysis import principal_axes
from pipeline.chemistry.molecule import Molecule
from pipeline.generation.annotate import add_predictions
from pipeline.models.trained_model import TrainedModel, encode_valid
from pipeline.objectives.pareto import hypervolume, non_dominated, reference_point
from pipeline.optimization.result import Optimization
from pipeline.report.content import PLOTTED, thinned


def predictions(found: Optimization, model: TrainedModel) -> list[dict[str, Any]]:
    """The model's own predictors against what was computed for the molecules asked about, where both exist."""
    names = [w.about.name for w in found.objectives if w.about.name in model.predictors]
    if not names or not len(found.calls):
        return []
    some = found.calls.iloc[thinned(list(range(len(found.calls))), 500)].copy()
    molecules = [Molecule(text) for text in some["smiles"]]
    some["molecule"] = pd.Series(molecules, some.index, dtype=object)
    some["z"] = list(encode_valid(model.checkpoint, molecules))
    some = add_predictions(some, model, names)
    entries = []
    for w in found.objectives:
        name = w.about.name
        if name not in names:
            continue
        both = some[[f"{name}_computed", f"{name}_predicted"]].dropna()
        x, y = both.to_numpy(dtype=np.float64).T
        spread = float(((x - x.mean()) ** 2).sum()) if len(x) else 0.0
        entries.append(
            {
                "property": name,
                "label": w.about.label,
                "unit": w.about.unit,
                "points": both.to_numpy(dtype=np.float64).tolist(),
                "of": len(both),
                "mae": float(np.abs(x - y).mean()) if len(x) else None,
                "r2": 1 - float(((x - y) ** 2).sum()) / spread if spread > 0 else None,
            }
        )
    return entries


def front(found: Optimization) -> dict[str, Any] | None:
    """Of a Pareto run: all calls in the objectives' own values, which of them are the front, the hypervolume against calls."""
    names = [w.about.name for w in found.objectives]
    columns = [f"{name}_ranked_by" for name in names]
    if found.config.aggregate != "pareto" or not set(columns) <= set(found.calls):
        return None
    ranked = found.calls[columns].to_numpy(dtype=np.float64)
    values = found.calls[[f"{name}_computed" for name in names]].to_numpy(dtype=np.float64)
    there = np.flatnonzero(~np.isnan(ranked).any(axis=1))
    if not len(there):
        return None
    best = there[non_dominated(ranked[there])]
    reference = reference_point(ranked[there])
    volumes, held = [], np.empty((0, len(names)))
    cuts = sorted({int(v) for v in np.linspace(1, len(ranked), min(100, len(ranked)))})
    for start, stop in zip([0, *cuts], cuts, strict=False):
        held = np.concatenate([held, ranked[start:stop]])
        held = held[non_dominated(held)]
        volumes.append([stop, hypervolume(held, reference)])
    return {
        "objectives": [
            {"property": w.about.name, "label": w.about.label, "unit": w.about.unit} for w in found.objectives
        ],
        "points": thinned(values[there].tolist(), PLOTTED),
        "front": values[best].tolist(),
        "size": len(best),
        "of": len(there),
        "reference": reference.tolist(),
        "hypervolume": volumes,
    }


def search_map(calls: pd.DataFrame, candidates: pd.DataFrame, model: TrainedModel) -> dict[str, Any] | None:
    """The search on the two principal axes of the training molecules: calls in order, and the path of the best so far."""
    points = model.latent["mu"].float()[:PLOTTED]
    if len(points) < 3 or not len(calls):
        return None
    mean, axes, explained = principal_axes(points)
    score = calls["score"].to_numpy(dtype=np.float64)
    best = np.fmax.accumulate(np.where(np.isnan(score), -np.inf, score))
    records = np.flatnonzero(best > np.concatenate([[-np.inf], best[:-1]]))
    rows = sorted({*thinned(list(range(len(calls))), PLOTTED), *records.tolist()})
    z = encode_valid(model.checkpoint, [calls["smiles"].iloc[i] for i in rows])
    placed = torch.isfinite(z).all(dim=1).tolist()
    flat = ((z - mean) @ axes.T).tolist()
    where = {row: xy for row, xy, fine in zip(rows, flat, placed, strict=True) if fine}
    chosen = [xy for xy in _placed(candidates, mean, axes) if xy]
    return {
        "data": ((points - mean) @ axes.T).tolist(),
        "calls": [[*xy, row + 1] for row, xy in where.items()],
        "path": [[*where[r], int(r) + 1, float(score[r])] for r in records.tolist() if r in where],
        "records": len(records),
        "candidates": chosen,
        "explained": explained.tolist(),
        "placed": {"count": len(where), "of": len(rows)},
    }


def _placed(candidates: pd.DataFrame, mean: torch.Tensor, axes: torch.Tensor) -> list[list[float]]:
    z = torch.stack(candidates["z"].tolist()) if len(candidates) else torch.zeros(0, len(mean))
    z = z[torch.isfinite(z).all(dim=1)]
    return list(((z - mean) @ axes.T).tolist())
