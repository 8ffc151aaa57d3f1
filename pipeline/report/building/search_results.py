"""Results of a search: predictions against computed values, the Pareto front, the way through the latent space."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from chem_vae.analysis import compute_principal_axes
from pipeline.chemistry.molecule import Molecule
from pipeline.generation.annotate import add_predictions
from pipeline.models.spelling import encode_valid
from pipeline.models.trained_model import TrainedModel
from pipeline.objectives.pareto import choose_reference_point, compute_hypervolume, find_non_dominated
from pipeline.optimization.result import Optimization
from pipeline.report.building.latent_places import list_placed, place_candidates
from pipeline.report.building.run_figures import PLOTTED, thin
from pipeline.report.facts.part import PropertyPart, Share
from pipeline.report.facts.search_facts import ComparedPrediction, Front, SearchMap


def compare_predictions(found: Optimization, model: TrainedModel) -> list[ComparedPrediction]:
    """Compare the model's own predictors with what was computed for the molecules of the calls, where both exist."""
    objectives = [w for w in found.objectives if w.summary.name in model.predictors]
    if not objectives or not len(found.calls):
        return []
    some = found.calls.iloc[thin(list(range(len(found.calls))), 500)].copy()
    molecules = [Molecule(text) for text in some["smiles"]]
    some["molecule"] = pd.Series(molecules, some.index, dtype=object)
    some["z"] = list(encode_valid(model.checkpoint, molecules))
    some = add_predictions(some, model, [w.summary.name for w in objectives])
    entries = []
    for w in objectives:
        name = w.summary.name
        both = some[[f"{name}_computed", f"{name}_predicted"]].dropna().to_numpy(dtype=np.float64)
        x, y = both.T
        spread = float(((x - x.mean()) ** 2).sum()) if len(x) else 0.0
        entries.append(
            ComparedPrediction(
                property=name,
                label=w.summary.label,
                unit=w.summary.unit,
                points=both.tolist(),
                of=len(both),
                mae=float(np.abs(x - y).mean()) if len(x) else None,
                r2=1 - float(((x - y) ** 2).sum()) / spread if spread > 0 else None,
            )
        )
    return entries


def find_front(found: Optimization) -> Front | None:
    """Find the Pareto front among all calls, and its hypervolume against calls; None unless the run ranked by it."""
    names = [w.summary.name for w in found.objectives]
    columns = [f"{name}_ranked_by" for name in names]
    if found.config.aggregate != "pareto" or not set(columns) <= set(found.calls):
        return None
    ranked = found.calls[columns].to_numpy(dtype=np.float64)
    values = found.calls[[f"{name}_computed" for name in names]].to_numpy(dtype=np.float64)
    there = np.flatnonzero(~np.isnan(ranked).any(axis=1))
    if not len(there):
        return None
    best = there[find_non_dominated(ranked[there])]
    reference = choose_reference_point(ranked[there])
    volumes, held = [], np.empty((0, len(names)))
    cuts = sorted({int(v) for v in np.linspace(1, len(ranked), min(100, len(ranked)))})
    for start, stop in zip([0, *cuts], cuts, strict=False):
        held = np.concatenate([held, ranked[start:stop]])
        held = held[find_non_dominated(held)]
        volumes.append([stop, compute_hypervolume(held, reference)])
    return Front(
        objectives=[
            PropertyPart(property=w.summary.name, label=w.summary.label, unit=w.summary.unit) for w in found.objectives
        ],
        points=thin(values[there].tolist(), PLOTTED),
        front=values[best].tolist(),
        size=len(best),
        of=len(there),
        reference=reference.tolist(),
        hypervolume=volumes,
    )


def map_search(calls: pd.DataFrame, candidates: pd.DataFrame, model: TrainedModel) -> SearchMap | None:
    """Map the search on the two principal axes of the training molecules: the calls, and the path of the best so far."""
    points = model.latent["mu"].float()[:PLOTTED]
    if len(points) < 3 or not len(calls):
        return None
    mean, axes, explained = compute_principal_axes(points)
    score = calls["score"].to_numpy(dtype=np.float64)
    best = np.fmax.accumulate(np.where(np.isnan(score), -np.inf, score))
    records = np.flatnonzero(best > np.concatenate([[-np.inf], best[:-1]])).tolist()
    rows = sorted({*thin(list(range(len(calls))), PLOTTED), *records})
    z = encode_valid(model.checkpoint, [calls["smiles"].iloc[i] for i in rows])
    placed = torch.isfinite(z).all(dim=1).tolist()
    flat = ((z - mean) @ axes.T).tolist()
    where = {row: xy for row, xy, fine in zip(rows, flat, placed, strict=True) if fine}
    return SearchMap(
        data=((points - mean) @ axes.T).tolist(),
        calls=[[*xy, row + 1] for row, xy in where.items()],
        path=[[*where[r], r + 1, float(score[r])] for r in records if r in where],
        records=len(records),
        candidates=place_candidates(candidates, mean, axes),
        candidate_rows=list_placed(candidates),
        explained=explained.tolist(),
        placed=Share(count=len(where), of=len(rows)),
    )
