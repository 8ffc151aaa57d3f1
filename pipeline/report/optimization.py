"""What report.json says of an optimization: what was paid, when what was found, by which move, and from which parent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.chemistry.metrics import funnel, internal_diversity, scaffold
from pipeline.datasets.dataset import Dataset
from pipeline.models.trained_model import TrainedModel
from pipeline.optimization.result import Optimization, average_best
from pipeline.report.content import PLOTTED, about, distributions, diversity, requested_and_achieved, thinned
from pipeline.report.origins import BEST_OF, lineages, origins, shares
from pipeline.report.search_space import front, predictions, search_map

CHECKPOINTS = 200  # of a curve against calls
DIVERSE_AT = 25  # points of the diversity's curve
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
    """The report of an optimization. candidates: described (`pipeline.workflows.optimize_run`), with `z`."""
    config, calls = found.config, found.calls
    achieved_rows = requested_and_achieved(found.objectives, candidates, calls)
    for row, w in zip(achieved_rows, found.objectives, strict=True):
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
            "objectives": [w.to_dict(_seen(calls, w.about.name)) for w in found.objectives],
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
        "distributions": [
            *distributions(found.objectives, candidates, calls, model, dataset),
            *_endpoints(found, model),
        ],
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
    for w in found.objectives:
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
    means = [average_best(scores, top) for top in (1, 10, 100)]
    rows = np.column_stack([np.arange(1, len(scores) + 1), *means])
    return [[float(v) for v in row] for row in thinned(list(rows), CHECKPOINTS)]


def diversity_curve(calls: pd.DataFrame) -> list[dict[str, float]]:
    """Of the best hundred molecules after so many calls: internal diversity and distinct scaffolds."""
    rows = []
    scaffolds: dict[str, str | None] = {}
    for n in sorted({int(v) for v in np.linspace(len(calls) / DIVERSE_AT, len(calls), DIVERSE_AT)} - {0}):
        best = calls.head(n).nlargest(BEST_OF, "score")["smiles"].tolist()
        if len(best) < 2:
            continue
        for smiles in best:
            if smiles not in scaffolds:
                scaffolds[smiles] = scaffold(smiles)
        distinct = len({scaffolds[s] for s in best})
        rows.append({"calls": n, "diversity": internal_diversity(best), "scaffolds": distinct, "of": len(best)})
    return rows
