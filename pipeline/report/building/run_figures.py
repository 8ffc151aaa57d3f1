"""Builds the parts that the reports of all runs have: what was known, what was reached, and the values of the properties."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from pipeline.chemistry.metrics import (
    NEVER_PROPOSED,
    NOT_IN_TRAINING,
    compare_with_target,
    count_scaffolds,
    measure_internal_diversity,
)
from pipeline.datasets.dataset import Dataset
from pipeline.generation.acquisition.hit_probability import expect_within
from pipeline.generation.annotate import count_kept_neighbors
from pipeline.models.description.model_description import describe_base
from pipeline.models.trained_model import TrainedModel
from pipeline.objectives.desirability import ResolvedObjective
from pipeline.report.building.data_account import describe_dataset
from pipeline.report.facts.asked_and_found import (
    Achieved,
    Distribution,
    Diversity,
    Novelty,
)
from pipeline.report.facts.model_facts import ModelFacts, Predictor, Training
from pipeline.report.facts.part import Share
from pipeline.report.model import FORMAT, FORMAT_VERSION, Report
from pipeline.report.raw_values import read_logarithms
from pipeline.report.shown_properties import COMPUTED, ORACLE, PREDICTED
from pipeline.workspace.runs import describe_machine, list_versions

PLOTTED = 2000
"""The values of a property, and the points of a map, that a plot shows at most."""


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
    known = {p.name: {"unit": p.unit, "classes": list(p.classes or ())} for p in model.properties}
    training = json.loads((model.folder / "training.json").read_text(encoding="utf-8"))
    keys = ("parameters", "latent_size", "vocabulary", "conditions", "training_molecules", "trained_seconds")
    figures = {**card["figures"], "latent_size": card["latent_size"]}
    return Report(
        format=FORMAT,
        format_version=FORMAT_VERSION,
        title=title,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        run_id=run_id,
        model=ModelFacts(
            key=model.key,
            **{key: card[key] for key in keys},
            ended=card.get("ended"),
            base=describe_base(card),
            figures=figures,
        ),
        dataset=describe_dataset(dataset, card, asked),
        kept_neighbors=count_kept_neighbors(model, dataset),
        predictors=[Predictor.from_dict({**known.get(p["property"], {}), **p}) for p in card["predictors"]],
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
    count = count_scaffolds(molecules, candidates["scaffold"].tolist() if "scaffold" in candidates else None)
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
    by_oracle: Collection[str] = (),
) -> list[Distribution]:
    """Collect the values of each property that the model knows: in its data, in all molecules, in the candidates.

    Of a property in `by_oracle` they are what the user's oracle gave, not what the model predicts.
    """
    random = np.random.default_rng(0)
    requested = {w.summary.name for w in objectives}
    there = [] if dataset is None else [p.name for p in model.properties if p.name in dataset.columns]
    data = dataset.table(there, split="train") if dataset is not None else pd.DataFrame()
    entries = []
    for p in sorted(model.properties, key=lambda p: p.name not in requested):
        is_given = p.name in by_oracle and f"{p.name}_{COMPUTED}" in molecules
        source = COMPUTED if is_given or p.kind == "computed" else PREDICTED
        column = f"{p.name}_{source}"
        if column not in molecules and column not in candidates:
            continue
        values = data[p.name].dropna().to_numpy() if p.name in data else np.zeros(0)
        made = molecules[column].dropna().to_numpy() if column in molecules else np.zeros(0)
        entries.append(
            Distribution(
                property=p.name,
                label=p.label,
                unit=p.unit,
                basis=ORACLE if is_given else source,
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
