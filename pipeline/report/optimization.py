"""What report.json says of an optimization: what was paid, when what was found, by which move, and from which parent."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from chem_vae.analysis import principal_axes
from pipeline.dataset import Dataset
from pipeline.describe import with_predictions
from pipeline.metrics import funnel, internal_diversity, scaffold
from pipeline.model import TrainedModel, encode_valid
from pipeline.objectives.pareto import hypervolume, non_dominated, reference_point
from pipeline.optimization.result import Optimization, best_so_far
from pipeline.report.content import about, distributions, diversity, requested_and_achieved, thinned

PLOTTED = 2000
CHECKPOINTS = 200  # of a curve against calls
DIVERSE_AT, DIVERSE_OF = 25, 100  # points of the diversity's curve, and the best molecules that it is of
LINEAGES, ANCESTORS = 3, 8
STAGES = {
    "proposed": "rows of the strategy's proposals; what it looked at beside and did not propose is below",
    "valid": "RDKit parses and sanitizes it",
    "passed the constraints": "every constraint holds",
    "asked": "a molecule that the oracle was not asked about before: one call each",
    "scored": "the oracle gave a number for every objective",
    "within every objective": "every objective met",
}


def optimization_content(
    found: Optimization,
    candidates: pd.DataFrame,
    model: TrainedModel,
    dataset: Dataset | None,
    *,
    title: str,
    run_id: str,
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """The report of an optimization. candidates: described (`pipeline.optimization.run`), with `z`."""
    config, calls = found.config, found.calls
    achieved_rows = requested_and_achieved(found.wanted, candidates, calls)
    for row, w in zip(achieved_rows, found.wanted, strict=True):
        if w.low is None and w.high is None:  # nobody said what is good enough
            row["within"] = row["sampled"]["within"] = None
    novel = candidates["novel"] if len(candidates) and dataset is not None else None
    return {
        **about(model, dataset, title=title, run_id=run_id, seconds=seconds),
        "request": {
            "n": config.n,
            "strategy": config.strategy,
            "temperature": config.temperature,
            "seed": config.seed,
            "oracle": found.oracle,
            "oracle_calls": config.oracle_calls,
            "objectives": [w.to_dict(_seen(calls, w.about.name)) for w in found.wanted],
            "aggregate": config.aggregate,
            "constraints": [c.describe() for c in config.constraints],
            "seeds": list(config.seeds),
        },
        "funnel": accounts(found),
        "novelty": {
            "stereo_aware": {"count": int(novel.sum()), "of": len(candidates)},
            "stereo_blind": {"count": int(candidates["novel_stereo_blind"].sum()), "of": len(candidates)},
        }
        if novel is not None
        else None,
        "achieved": achieved_rows,
        "diversity": diversity(candidates),
        "distributions": [*distributions(found.wanted, candidates, calls, model, dataset), *_endpoints(found, model)],
        "optimization": {
            "ended": found.ended,
            "calls": len(calls),
            "budget": config.oracle_calls,
            "failures": [{"reason": r, "count": n} for r, n in _failures(calls)],
            "drafts": found.counts["drafts"],
            "constraints": [
                {"constraint": name, "count": n, "of": found.counts["drafts"]} for name, n in found.broken.items()
            ],
            "best": float(calls["score"].max()) if calls["score"].notna().any() else None,
            "curve": curve(calls["score"].to_numpy(dtype=np.float64)),
            "scores": thinned([[i, s] for i, s in enumerate(calls["score"], 1) if s == s], PLOTTED),
            "diversity": diversity_curve(calls),
            "origins": origins(calls, candidates),
            "shares": shares(calls),
            "lineages": lineages(calls, candidates),
            "predictions": predictions(found, model),
            "front": front(found),
            "map": search_map(calls, candidates, model),
            "seconds": found.seconds,
        },
        "warnings": [*found.warnings, *model.card["warnings"]],
        "molecules": len(calls),
    }


def _seen(calls: pd.DataFrame, name: str) -> list[float]:
    """The middle 98 % of an objective's values, over which its transform is drawn too."""
    values = calls[f"{name}_computed"].dropna().to_numpy(dtype=np.float64)
    return [float(v) for v in np.quantile(values, (0.01, 0.99))] if len(values) else []


def accounts(found: Optimization) -> list[dict[str, Any]]:
    """From proposals to hits, each stage counted among the one before; the hits only where an objective has bounds."""
    counts = found.counts
    stages = [
        ("proposed", counts["proposed"]),
        ("valid", counts["valid"]),
        *([("passed the constraints", counts["passed"])] if found.config.constraints else []),
        ("asked", counts["asked"]),
        ("scored", int(found.calls["score"].notna().sum())),
    ]
    if found.bounded:
        stages.append(("within every objective", counts["hits"]))
    most = counts["asked"]  # calls of another run that were gone on with were proposed there
    stages = [
        (name, max(n, most)) if name in ("proposed", "valid") or "passed" in name else (name, n) for name, n in stages
    ]
    return [{**row, "explanation": STAGES[row["stage"]]} for row in funnel(stages)]


def _failures(calls: pd.DataFrame) -> list[tuple[str, int]]:
    return Counter(reason for reason in calls["failed"] if reason).most_common(5)


def _endpoints(found: Optimization, model: TrainedModel) -> list[dict[str, Any]]:
    """Distributions of the objectives that the model's data knows nothing of."""
    known = {p.name for p in model.properties}
    entries = []
    for w in found.wanted:
        if w.about.name not in known:
            column = f"{w.about.name}_computed"
            entries.append(
                {
                    "property": w.about.name,
                    "label": w.about.label,
                    "unit": w.about.unit,
                    "basis": "computed",
                    "data": [],
                    "samples": thinned(found.calls[column].dropna().tolist(), PLOTTED),
                    "candidates": found.candidates[column].tolist(),
                }
            )
    return entries


# -- against calls ---------------------------------------------------------------------------------------------------


def curve(scores: NDArray[np.float64]) -> list[list[float]]:
    """[call, best, mean of the best ten, mean of the best hundred] so far, at CHECKPOINTS calls or so."""
    if not len(scores):
        return []
    means = [best_so_far(scores, top) for top in (1, 10, 100)]
    rows = np.column_stack([np.arange(1, len(scores) + 1), *means])
    return [[float(v) for v in row] for row in thinned(list(rows), CHECKPOINTS)]


def diversity_curve(calls: pd.DataFrame) -> list[dict[str, float]]:
    """Of the best hundred molecules after so many calls: internal diversity and distinct scaffolds."""
    rows = []
    scaffolds: dict[str, str | None] = {}
    for n in sorted({int(v) for v in np.linspace(len(calls) / DIVERSE_AT, len(calls), DIVERSE_AT)} - {0}):
        best = calls.head(n).nlargest(DIVERSE_OF, "score")["smiles"].tolist()
        if len(best) < 2:
            continue
        for smiles in best:
            if smiles not in scaffolds:
                scaffolds[smiles] = scaffold(smiles)
        distinct = len({scaffolds[s] for s in best})
        rows.append({"calls": n, "diversity": internal_diversity(best), "scaffolds": distinct, "of": len(best)})
    return rows


def origins(calls: pd.DataFrame, candidates: pd.DataFrame) -> list[dict[str, Any]]:
    """What each move or center asked, scored, and has among the best hundred calls and the candidates; most asked first."""
    best = set(calls.nlargest(DIVERSE_OF, "score")["smiles"])
    chosen = set(candidates["smiles"])
    rows = []
    for name, part in calls.groupby("origin", sort=False):
        scored = part["score"].dropna()
        rows.append(
            {
                "origin": name,
                "asked": len(part),
                "of": len(calls),
                "scored": len(scored),
                "mean": float(scored.mean()) if len(scored) else None,
                "best": float(scored.max()) if len(scored) else None,
                "among_best": int(part["smiles"].isin(best).sum()),
                "best_of": len(best),
                "candidates": int(part["smiles"].isin(chosen).sum()),
                "candidates_of": len(chosen),
            }
        )
    return sorted(rows, key=lambda row: -row["asked"])


def shares(calls: pd.DataFrame, parts: int = 20, most: int = 5) -> dict[str, Any]:
    """Of each twentieth of the calls, the share of each origin; those that asked least are one."""
    named = calls["origin"].value_counts().index[:most].tolist()
    origin = calls["origin"].where(calls["origin"].isin(named), "others")
    cuts = [int(v) for v in np.linspace(0, len(calls), min(parts, max(len(calls), 1)) + 1)]
    names = named + (["others"] if (origin == "others").any() else [])
    rows = []
    for start, stop in itertools.pairwise(cuts):
        part = origin.iloc[start:stop]
        if len(part):
            rows.append([float((part == name).mean()) for name in names])
    return {"origins": names, "edges": cuts, "shares": rows}


# -- who came from whom ----------------------------------------------------------------------------------------------


def lineages(calls: pd.DataFrame, candidates: pd.DataFrame) -> list[list[dict[str, Any]]]:
    """The best candidates with their parents' parents, the oldest first; as far as it goes back."""
    known = {row["smiles"]: row for row in calls.to_dict("records")}
    found: list[list[dict[str, Any]]] = []
    told: set[str] = set()
    for smiles in candidates["smiles"]:
        chain: list[dict[str, Any]] = []
        at: Any = smiles
        while isinstance(at, str) and at and len(chain) < ANCESTORS and at not in {c["smiles"] for c in chain}:
            row = known.get(at)
            chain.append(
                {
                    "smiles": at,
                    "score": None if row is None else row["score"],
                    "call": None if row is None else int(row["order"]) + 1,
                    "origin": "" if row is None else row["origin"],
                }
            )
            at = None if row is None else row["parent"]
        if len(chain) > 1 and not told & {c["smiles"] for c in chain[:3]}:  # no second one of the same family
            told |= {c["smiles"] for c in chain}
            found.append(chain[::-1])
        if len(found) == LINEAGES:
            break
    return found


# -- predictions, front, map -----------------------------------------------------------------------------------------


def predictions(found: Optimization, model: TrainedModel) -> list[dict[str, Any]]:
    """The model's own predictors against what was computed for the molecules asked about, where both exist."""
    names = [w.about.name for w in found.wanted if w.about.name in model.predictors]
    if not names or not len(found.calls):
        return []
    some = found.calls.iloc[thinned(list(range(len(found.calls))), 500)].copy()
    some["z"] = list(encode_valid(model.checkpoint, some["smiles"].tolist()))
    some = with_predictions(some, model, names)
    entries = []
    for w in found.wanted:
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
    names = [w.about.name for w in found.wanted]
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
        "objectives": [{"property": w.about.name, "label": w.about.label, "unit": w.about.unit} for w in found.wanted],
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
