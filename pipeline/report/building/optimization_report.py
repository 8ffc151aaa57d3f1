"""Builds the report of an optimization: its calls, and what they found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.chemistry.metrics import count_funnel, find_scaffold, measure_internal_diversity
from pipeline.datasets.dataset import Dataset
from pipeline.models.trained_model import TrainedModel
from pipeline.models.training_set.training_hashes import read_training_hashes
from pipeline.objectives.config import USUAL
from pipeline.optimization.result import Optimization, average_best
from pipeline.report.building.cautions import list_cautions
from pipeline.report.building.origins import BEST_OF, count_origins, measure_shares, trace_lineages
from pipeline.report.building.run_figures import (
    PLOTTED,
    collect_distributions,
    describe_novelty,
    measure_achieved,
    measure_diversity,
    start_report,
    thin,
)
from pipeline.report.building.search_results import compare_predictions, find_front, map_search
from pipeline.report.facts.asked_and_found import Distribution, Objective, Refusal, Request, Stage
from pipeline.report.facts.search_facts import DiversityAt, Failure, Search
from pipeline.report.model import Report
from pipeline.report.shown_properties import COMPUTED, ORACLE

CHECKPOINTS = 200  # of a curve against calls
DIVERSE_AT = 25  # points of the diversity's curve
STAGES = {
    "proposed": "rows that the strategy proposed; molecules that it looked at and did not propose are not counted here",
    "valid": "RDKit parses and sanitizes it",
    "passed the constraints": "every constraint holds, and nothing in its structure is unusual that is not allowed",
    "asked": "a molecule that the oracle was not asked about before: one call each",
    "scored": "the oracle gave a number for every objective",
    "within every objective": "every objective met",
}


def build_optimization_report(
    found: Optimization,
    candidates: pd.DataFrame,
    model: TrainedModel,
    dataset: Dataset | None,
    *,
    title: str,
    run_id: str,
    seconds: Mapping[str, float],
) -> Report:
    """Build the report of an optimization.

    Args:
        found: the calls and what was counted.
        candidates: annotated (`pipeline.workflows.optimize_run`), with their latent points in the column `z`.
        model: the model that proposed them.
        dataset: its training data; None where it is not at hand.
        title: of the report.
        run_id: of the run.
        seconds: that each step of the run took.
    """
    config, calls, objectives = found.config, found.calls, found.objectives
    asked = [w.summary.name for w in objectives]
    report = start_report(model, dataset, asked, title=title, run_id=run_id, seconds=seconds)
    report.request = Request(
        n=config.n,
        strategy=config.strategy,
        temperature=config.temperature,
        seed=config.seed,
        oracle=found.oracle,
        oracle_calls=config.oracle_calls,
        objectives=[
            Objective(**w.to_dict(_find_range(calls, w.summary.name)) | _name_oracle(found, w.summary.name))
            for w in objectives
        ],
        aggregate=config.aggregate,
        constraints=[c.describe() for c in (*config.constraints, *found.size_limits)],
        allow_unusual=list(config.allowed_names),
        seeds=list(config.seeds),
    )
    report.funnel = count_stages(found)
    report.novelty = None
    if len(candidates):
        is_told = dataset is not None or read_training_hashes(model.folder) is not None
        told = {"novel": "novel", "novel, stereo-blind": "novel_stereo_blind"} if is_told else {}
        counts = {name: int(candidates[column].sum()) for name, column in told.items()}
        report.novelty = describe_novelty({**counts, **found.novelty}, len(candidates))
    report.achieved = measure_achieved(objectives, candidates, calls)
    for row, w in zip(report.achieved, objectives, strict=True):
        row.basis = _name_oracle(found, w.summary.name).get("basis", row.basis)
        if w.low is None and w.high is None and row.sampled:  # no interval was requested
            row.within = row.sampled.within = None
    report.diversity = measure_diversity(candidates)
    report.ranking = "score"
    report.distributions = [
        *collect_distributions(objectives, candidates, calls, model, dataset, found.by_oracle),
        *_collect_endpoints(found, model),
    ]
    report.optimization = build_search(found, candidates, model)
    report.warnings = list(dict.fromkeys([*found.warnings, *model.card["warnings"]]))
    report.cautions = list_cautions(candidates, model)
    report.molecules = len(calls)
    return report


def build_search(found: Optimization, candidates: pd.DataFrame, model: TrainedModel) -> Search:
    """Build the report's part about the search: its calls, origins, lineages, predictions, front and map."""
    calls, drafts = found.calls, found.counts["drafts"]
    scores = calls["score"].to_numpy(dtype=np.float64)
    return Search(
        ended=found.ended,
        calls=len(calls),
        budget=found.config.oracle_calls,
        failures=[Failure(reason=r, count=n) for r, n in Counter(r for r in calls["failed"] if r).most_common(5)],
        drafts=drafts,
        constraints=[Refusal(constraint=name, count=n, of=drafts) for name, n in found.broken.items()],
        unusual=dict(found.unusual),
        best=float(np.nanmax(scores)) if calls["score"].notna().any() else None,
        curve=follow_scores(scores),
        scores=thin([[i, s] for i, s in enumerate(calls["score"], 1) if s == s], PLOTTED),
        diversity=follow_diversity(calls),
        origins=count_origins(calls, candidates),
        shares=measure_shares(calls),
        lineages=trace_lineages(calls, candidates),
        predictions=compare_predictions(found, model),
        front=find_front(found),
        map=map_search(calls, candidates, model),
        seconds=dict(found.seconds),
    )


def _name_oracle(found: Optimization, name: str) -> dict[str, str]:
    """Name the user's own oracle as the basis of an endpoint that it gave; nothing for what is computed from the structure."""
    return {"basis": ORACLE} if name in found.by_oracle else {}


def _find_range(calls: pd.DataFrame, name: str) -> list[float]:
    """Find the ends of the middle 98 % of a property's values: its transform is drawn over them too."""
    values = calls[f"{name}_computed"].dropna().to_numpy(dtype=np.float64)
    return list(np.quantile(values, (0.01, 0.99)).tolist()) if len(values) else []


def count_stages(found: Optimization) -> list[Stage]:
    """Count from proposals to hits, each stage among the one before; hits only where an objective has an interval."""
    counts = found.counts
    most = counts["asked"]  # calls that this run took over from another were proposed there
    stages = [("proposed", max(counts["proposed"], most)), ("valid", max(counts["valid"], most))]
    if found.config.constraints or found.size_limits or found.broken.get(USUAL):
        stages.append(("passed the constraints", max(counts["passed"], most)))
    stages += [("asked", counts["asked"]), ("scored", int(found.calls["score"].notna().sum()))]
    if found.bounded:
        stages.append(("within every objective", counts["hits"]))
    return [Stage(**{**row, "explanation": STAGES[row["stage"]]}) for row in count_funnel(stages)]


def _collect_endpoints(found: Optimization, model: TrainedModel) -> list[Distribution]:
    """Collect the values of the objectives' properties that the model's data does not have."""
    known = {p.name for p in model.properties}
    return [
        Distribution(
            property=w.summary.name,
            label=w.summary.label,
            unit=w.summary.unit,
            basis=_name_oracle(found, w.summary.name).get("basis", COMPUTED),
            data=[],
            samples=thin(found.calls[f"{w.summary.name}_computed"].dropna().tolist(), PLOTTED),
            candidates=found.candidates[f"{w.summary.name}_computed"].tolist(),
        )
        for w in found.objectives
        if w.summary.name not in known
    ]


# -- against calls ---------------------------------------------------------------------------------------------------


def follow_scores(scores: NDArray[np.float64]) -> list[list[float]]:
    """Follow the scores over the calls: [call, best, mean of the best ten, mean of the best hundred] so far.

    Returns:
        A row for each of about CHECKPOINTS calls.
    """
    if not len(scores):
        return []
    means = [average_best(scores, top) for top in (1, 10, 100)]
    rows = np.column_stack([np.arange(1, len(scores) + 1), *means])
    return thin(rows.tolist(), CHECKPOINTS)


def follow_diversity(calls: pd.DataFrame) -> list[DiversityAt]:
    """Follow internal diversity and distinct scaffolds of the best hundred molecules over the calls."""
    rows = []
    scaffolds: dict[str, str | None] = {}
    for n in sorted({int(v) for v in np.linspace(len(calls) / DIVERSE_AT, len(calls), DIVERSE_AT)} - {0}):
        best = calls.head(n).nlargest(BEST_OF, "score")["smiles"].tolist()
        if len(best) < 2:
            continue
        scaffolds.update({smiles: find_scaffold(smiles) for smiles in best if smiles not in scaffolds})
        distinct = len({scaffolds[s] for s in best})
        rows.append(DiversityAt(calls=n, diversity=measure_internal_diversity(best), scaffolds=distinct, of=len(best)))
    return rows
