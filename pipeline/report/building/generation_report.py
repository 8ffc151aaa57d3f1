"""Builds the report of a generation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import pandas as pd

from chem_vae.analysis import compute_principal_axes
from chem_vae.atomic_files import to_plain
from pipeline.chemistry.metrics import count_funnel
from pipeline.datasets.dataset import Dataset
from pipeline.generation.result import GenerationReport
from pipeline.generation.sampling.constraint_filter import MEETS
from pipeline.models.trained_model import TrainedModel
from pipeline.objectives.desirability import ResolvedObjective
from pipeline.report.building.cautions import list_cautions
from pipeline.report.building.latent_places import list_placed, place_candidates
from pipeline.report.building.run_figures import (
    PLOTTED,
    collect_distributions,
    describe_novelty,
    measure_achieved,
    measure_diversity,
    start_report,
)
from pipeline.report.facts.asked_and_found import (
    ExpectedHits,
    Isomer,
    Objective,
    Refusal,
    Request,
    Stage,
)
from pipeline.report.facts.model_facts import LatentMap
from pipeline.report.facts.part import Share
from pipeline.report.model import Report

ISOMERS = "stereoisomers.csv"
"""The file of a run folder with the stereoisomers of the candidates."""


def build_generation_report(
    made: GenerationReport,
    model: TrainedModel,
    dataset: Dataset | None,
    *,
    title: str,
    run_id: str,
    seconds: Mapping[str, float],
) -> Report:
    """Build the report of a generation.

    Args:
        made: the candidates, with their latent points in the column `z`, and all molecules.
        model: the model that made them.
        dataset: its training data; None where it is not at hand.
        title: of the report.
        run_id: of the run.
        seconds: that each step of the run took.
    """
    config, counts, objectives = made.config, made.counts, made.objectives
    asked = [w.summary.name for w in objectives]
    report = start_report(model, dataset, asked, title=title, run_id=run_id, seconds=seconds)
    report.request = Request(
        n=config.n,
        samples=made.samples,
        strategy=config.strategy,
        temperature=config.temperature,
        seed=config.seed,
        objectives=[Objective(**w.to_dict()) for w in objectives],
        constraints=[c.describe() for c in config.constraints],
        allow_unusual=list(config.allow_unusual),
    )
    report.funnel = [Stage(**stage) for stage in count_funnel(made.list_stages())]
    report.refusals = [
        Refusal(constraint=name, count=n, of=made.refusals.examined) for name, n in made.refusals.refused.items()
    ]
    if made.library is None:
        report.redraws, report.canonical = config.redraws, Share(**made.canonical.to_dict())
    of = counts.get(MEETS, counts["unique"]) if made.library is None else len(made.candidates)
    report.novelty = describe_novelty(counts, of)
    report.achieved = measure_achieved(objectives, made.candidates, made.molecules)
    if made.hits is not None:
        report.hits = ExpectedHits(**asdict(made.hits), checked=_find_checked_hits(objectives, model))
    is_batch = "batch" in made.molecules and any(w.basis == "predicted" for w in objectives)
    report.ranking = ("what is worth measuring" if is_batch else "score") if objectives else ""
    report.diversity = measure_diversity(made.candidates)
    report.distributions = collect_distributions(objectives, made.candidates, made.molecules, model, dataset)
    report.latent_map = _map_latent_space(model, made)
    report.warnings = list(dict.fromkeys([*made.warnings, *model.card["warnings"]]))
    report.cautions = list_cautions(made.candidates, model)
    report.molecules = len(made.molecules)
    if made.isomers is not None:
        report.isomers, report.isomers_file = list_isomers(made.isomers, asked), ISOMERS
    return report


def list_isomers(isomers: pd.DataFrame, asked: Sequence[str]) -> list[Isomer]:
    """List the stereoisomers of the candidates with their values of the properties asked for."""
    found = []
    for row in isomers.to_dict("records"):
        cells = {str(name): cell for name, cell in row.items()}
        values = {n: cells.get(f"{n}_predicted", cells.get(f"{n}_computed")) for n in asked}
        spreads = {n: cells[f"{n}_predicted_std"] for n in asked if f"{n}_predicted_std" in cells}
        about = {n: cells[n] for n in ("isomer", "parent_rank", "smiles", "in_data", "score")}
        found.append(Isomer(**to_plain(about), values=to_plain(values), spreads=to_plain(spreads)))
    return found


def _find_checked_hits(objectives: Sequence[ResolvedObjective], model: TrainedModel) -> dict[str, float | int]:
    """Find on the card how a promise of hits was kept for held-out molecules, where one predicted property is to be high or low.

    What is computed beside it is certain.
    """
    ends = {"maximize": "high", "minimize": "low"}
    predicted = [w for w in objectives if w.basis == "predicted"]
    if len(predicted) != 1 or predicted[0].kind not in ends:
        return {}
    for entry in model.card["predictors"]:
        if entry["property"] == predicted[0].summary.name:
            return dict(((entry.get("compared") or {}).get("hits") or {}).get(ends[predicted[0].kind], {}))
    return {}


def _map_latent_space(model: TrainedModel, made: GenerationReport) -> LatentMap | None:
    """Place the training molecules and the candidates on the two principal axes of the training molecules."""
    points = model.latent["mu"].float()[:PLOTTED]
    if len(points) < 3:
        return None
    mean, axes, explained = compute_principal_axes(points)
    names = [p.name for p in model.properties]
    color = made.objectives[0].summary.name if made.objectives else (names[0] if names else None)
    return LatentMap(
        data=((points - mean) @ axes.T).tolist(),
        values=model.latent["values"][:PLOTTED, names.index(color)].tolist() if color else [],
        color_property=color,
        candidates=place_candidates(made.candidates, mean, axes),
        candidate_rows=list_placed(made.candidates),
        explained=explained.tolist(),
    )
