"""Builds the report of a generation, and the parts that every report has."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from chem_vae.analysis import compute_principal_axes
from chem_vae.atomic_files import to_plain
from pipeline.chemistry.metrics import (
    NEVER_PROPOSED,
    NOT_IN_TRAINING,
    compare_with_target,
    count_funnel,
    count_scaffolds,
    measure_internal_diversity,
)
from pipeline.datasets.dataset import Dataset
from pipeline.generation.annotate import count_kept_neighbors
from pipeline.generation.constraint_filter import MEETS
from pipeline.generation.generate import GenerationReport
from pipeline.generation.hit_probability import expect_within
from pipeline.generation.library_account import STAGES as LIBRARY_STAGES
from pipeline.generation.stereo_candidates import NO_COPY
from pipeline.models.model_description import describe_base
from pipeline.models.trained_model import TrainedModel
from pipeline.objectives.desirability import ResolvedObjective
from pipeline.report.cautions import list_cautions
from pipeline.report.data_account import describe_dataset
from pipeline.report.latent_places import list_placed, place_candidates
from pipeline.report.model import (
    FORMAT,
    FORMAT_VERSION,
    Achieved,
    Distribution,
    Diversity,
    ExpectedHits,
    Isomer,
    LatentMap,
    ModelFacts,
    Novelty,
    Objective,
    Predictor,
    Refusal,
    Report,
    Request,
    Share,
    Stage,
    Training,
)
from pipeline.report.raw_values import read_logarithms
from pipeline.workspace.runs import describe_machine, list_versions

ISOMERS = "stereoisomers.csv"
"""The file of a run folder with the stereoisomers of the candidates."""
PLOTTED = 2000
_STAGES = (
    "requested",
    "decoded",
    "valid",
    "unique",
    MEETS,
    NOT_IN_TRAINING,
    "novel",
    NO_COPY,
    "in domain",
    "within target",
    "usual",
    "alert-free",
)


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
    order: tuple[str, ...] = _STAGES if made.library is None else LIBRARY_STAGES
    # Without the library novel is the same as not in the training data; where known molecules may be proposed, they go on.
    needless = NOT_IN_TRAINING if NEVER_PROPOSED not in counts else "" if config.exclude_known else "novel"
    order = tuple(stage for stage in order if stage != needless)
    stages = [(s, counts[s]) for s in order if s in counts and (s != "within target" or objectives)]
    report.funnel = [Stage(**stage) for stage in count_funnel(stages)]
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


def describe_novelty(counts: Mapping[str, int], of: int) -> Novelty | None:
    """Describe the novelty of molecules by the counts that there are; None where there is none."""
    names = {
        "stereo_aware": "novel",
        "stereo_blind": "novel, stereo-blind",
        "not_in_training": NOT_IN_TRAINING,
        "never_proposed": NEVER_PROPOSED,
    }
    found = {field: Share(count=counts[name], of=of) for field, name in names.items() if name in counts}
    return Novelty(**found) if found else None


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
    """Find on the card how a promise of hits was kept for held-out molecules, where one property is to be high or low."""
    ends = {"maximize": "high", "minimize": "low"}
    if len(objectives) != 1 or objectives[0].kind not in ends:
        return {}
    for entry in model.card["predictors"]:
        if entry["property"] == objectives[0].summary.name:
            return dict(((entry.get("compared") or {}).get("hits") or {}).get(ends[objectives[0].kind], {}))
    return {}


def start_report(
    model: TrainedModel,
    dataset: Dataset | None,
    asked: Sequence[str],
    *,
    title: str,
    run_id: str,
    seconds: Mapping[str, float],
) -> Report:
    """Begin a report with what every run knows: model, data, predictors, versions and time."""
    card = model.card
    units = {p.name: p.unit for p in model.properties}
    training = json.loads((model.folder / "training.json").read_text(encoding="utf-8"))
    keys = ("parameters", "latent_size", "vocabulary", "conditions", "training_molecules", "trained_seconds")
    figures = {**card["figures"], "latent_size": card["latent_size"]}
    return Report(
        format=FORMAT,
        format_version=FORMAT_VERSION,
        title=title,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        run_id=run_id,
        model=ModelFacts(key=model.key, **{key: card[key] for key in keys}, base=describe_base(card), figures=figures),
        dataset=describe_dataset(dataset, card, asked),
        kept_neighbors=count_kept_neighbors(model, dataset),
        predictors=[Predictor.from_dict({"unit": units.get(p["property"], ""), **p}) for p in card["predictors"]],
        logarithms=read_logarithms(card),
        training=Training.from_dict({**training, "history": thin(training["history"])}),
        versions=list_versions(),
        machine=describe_machine(),
        seconds=dict(seconds),
    )


def measure_achieved(
    objectives: Sequence[ResolvedObjective], candidates: pd.DataFrame, molecules: pd.DataFrame
) -> list[Achieved]:
    """Measure what the candidates, and all molecules, have of each objective's property."""
    rows = []
    for w in objectives:
        column = f"{w.summary.name}_{w.basis}"
        parts = []
        for table in (candidates, molecules):
            values = table[column].tolist() if column in table else []
            found = compare_with_target(values, target=w.target, low=w.low, high=w.high)
            mae = found.mae if w.target is not None else None
            parts.append(
                {
                    "of": len(values),
                    "mean": found.mean,
                    "std": found.std,
                    "mae": mae,
                    "within": found.within.count,
                    "expected": expect_within(w, table) if len(table) else None,
                }
            )
        own, sampled = parts
        del sampled["std"]
        about = {
            "property": w.summary.name,
            "label": w.summary.label,
            "unit": w.summary.unit,
            "basis": w.basis,
            "aim": w.aim,
        }
        rows.append(Achieved(**about, **own, sampled=Achieved(**sampled)))
    return rows


def measure_diversity(candidates: pd.DataFrame) -> Diversity:
    """Measure the internal diversity of the candidates, and count their scaffolds."""
    molecules = candidates["molecule"].tolist()
    count = count_scaffolds(molecules)
    return Diversity(internal_diversity=measure_internal_diversity(molecules), scaffolds=count.count, of=count.of)


def thin(rows: list[Any], most: int = 400) -> list[Any]:
    """Keep `most` of the rows, evenly spaced, the first and the last among them."""
    return rows if len(rows) <= most else [rows[i] for i in np.linspace(0, len(rows) - 1, most).astype(int)]


def collect_distributions(
    objectives: Sequence[ResolvedObjective],
    candidates: pd.DataFrame,
    molecules: pd.DataFrame,
    model: TrainedModel,
    dataset: Dataset | None,
) -> list[Distribution]:
    """Collect the values of each property that the model knows: in its data, in all molecules, in the candidates."""
    random = np.random.default_rng(0)
    requested = {w.summary.name for w in objectives}
    there = [] if dataset is None else [p.name for p in model.properties if p.name in dataset.columns]
    data = dataset.table(there, split="train") if dataset is not None else pd.DataFrame()
    entries = []
    for p in sorted(model.properties, key=lambda p: p.name not in requested):
        basis = "computed" if p.kind == "computed" else "predicted"
        column = f"{p.name}_{basis}"
        if column not in molecules and column not in candidates:
            continue
        values = data[p.name].dropna().to_numpy() if p.name in data else np.zeros(0)
        made = molecules[column].dropna().to_numpy() if column in molecules else np.zeros(0)
        entries.append(
            Distribution(
                property=p.name,
                label=p.label,
                unit=p.unit,
                basis=basis,
                data=_sample(values, random),
                samples=_sample(made, random),
                candidates=candidates[column].tolist() if column in candidates else [],
                of={"data": len(values), "samples": len(made)},
            )
        )
    return entries


def _sample(values: Any, random: np.random.Generator) -> list[Any]:
    array = np.asarray(values, dtype=np.float64)
    return (array if len(array) <= PLOTTED else array[random.choice(len(array), PLOTTED, replace=False)]).tolist()


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
