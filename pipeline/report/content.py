"""What report.json says: a run's facts put together, computed and predicted kept apart, each count with its "of"."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import torch

from chem_vae.analysis import principal_axes
from pipeline.chemistry.metrics import achieved, funnel, internal_diversity, scaffolds
from pipeline.datasets.dataset import Dataset
from pipeline.generation.annotate import count_kept_neighbors
from pipeline.generation.generate import GenerationReport
from pipeline.models.trained_model import TrainedModel
from pipeline.objectives.desirability import ResolvedObjective
from pipeline.workspace.runs import describe_machine, list_versions

PLOTTED = 2000


def content(
    made: GenerationReport,
    model: TrainedModel,
    dataset: Dataset | None,
    *,
    title: str,
    run_id: str,
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """The report of one generation."""
    card, molecules, candidates = model.card, made.molecules, made.candidates
    stages = ("requested", "decoded", "valid", "unique", "novel", "in domain", "within target", "alert-free")
    return {
        **about(model, dataset, title=title, run_id=run_id, seconds=seconds),
        "request": {
            "n": made.config.n,
            "samples": made.samples,
            "strategy": made.config.strategy,
            "temperature": made.config.temperature,
            "seed": made.config.seed,
            "objectives": [w.to_dict() for w in made.objectives],
        },
        "funnel": funnel(
            [(s, made.counts[s]) for s in stages if s in made.counts and (s != "within target" or made.objectives)]
        ),
        "redraws": made.config.redraws,
        "canonical": made.canonical.to_dict(),
        "novelty": {
            "stereo_aware": {"count": made.counts["novel"], "of": made.counts["unique"]},
            "stereo_blind": {"count": made.counts["novel, stereo-blind"], "of": made.counts["unique"]},
        }
        if dataset is not None
        else None,
        "achieved": requested_and_achieved(made.objectives, candidates, molecules),
        "diversity": diversity(candidates),
        "distributions": distributions(made.objectives, candidates, molecules, model, dataset),
        "latent_map": _latent_map(model, candidates, made),
        "warnings": [*made.warnings, *card["warnings"]],
        "molecules": len(molecules),
    }


def about(
    model: TrainedModel, dataset: Dataset | None, *, title: str, run_id: str, seconds: Mapping[str, float]
) -> dict[str, Any]:
    """What every report says, whatever its run did: which model, data, versions and time."""
    card = model.card
    training = json.loads((model.folder / "training.json").read_text(encoding="utf-8"))
    return {
        "format": "chem-vae report",
        "format_version": 1,
        "title": title,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "run_id": run_id,
        "model": {
            "key": model.key,
            "parameters": card["parameters"],
            "latent_size": card["latent_size"],
            "vocabulary": card["vocabulary"],
            "conditions": card["conditions"],
            "training_molecules": card["training_molecules"],
            "trained_seconds": card["trained_seconds"],
            "figures": {**card["figures"], "latent_size": card["latent_size"]},
        },
        "dataset": _dataset(dataset, card),
        "kept_neighbors": count_kept_neighbors(model, dataset),
        "predictors": [{"unit": _unit(model, p["property"]), **p} for p in card["predictors"]],
        "training": {
            "history": thinned(training["history"]),
            "validation": training["validation"],
            "kl_per_dimension": training["kl_per_dimension"],
            "warnings": training["warnings"],
        },
        "versions": list_versions(),
        "machine": describe_machine(),
        "seconds": dict(seconds),
    }


def _dataset(dataset: Dataset | None, card: Mapping[str, Any]) -> dict[str, Any]:
    if dataset is None:
        return {"name": card["dataset"]["name"], "key": card["dataset"]["key"]}
    source = dataset.manifest["source"]
    about = {k: source.get(k) for k in ("licence", "citation")}
    keep = ("rows", "accepted", "duplicates", "rejected", "train", "validation", "test")
    return {"name": dataset.name, "key": dataset.key, **{k: dataset.counts[k] for k in keep}, **about}


def _unit(model: TrainedModel, name: str) -> str:
    return next((p.unit for p in model.properties if p.name == name), "")


def requested_and_achieved(
    objectives: Sequence[ResolvedObjective], candidates: pd.DataFrame, molecules: pd.DataFrame
) -> list[dict[str, Any]]:
    """What came of each objective, over the candidates and over all molecules."""
    rows = []
    for w in objectives:
        column = f"{w.about.name}_{w.basis}"
        values = candidates[column].tolist() if column in candidates else []
        got = achieved(values, target=w.target, low=w.low, high=w.high)
        sampled = molecules[column].tolist() if column in molecules else []
        among = achieved(sampled, target=w.target, low=w.low, high=w.high)
        rows.append(
            {
                "property": w.about.name,
                "label": w.about.label,
                "unit": w.about.unit,
                "basis": w.basis,
                "aim": w.aim,
                "of": len(values),
                "mean": got.mean,
                "std": got.std,
                "mae": got.mae if w.target is not None else None,
                "within": got.within.count,
                "sampled": {
                    "of": len(sampled),
                    "mean": among.mean,
                    "mae": among.mae if w.target is not None else None,
                    "within": among.within.count,
                },
            }
        )
    return rows


def diversity(candidates: pd.DataFrame) -> dict[str, Any]:
    """Of the candidates: internal diversity and scaffolds."""
    molecules = candidates["molecule"].tolist()
    count = scaffolds(molecules)
    return {"internal_diversity": internal_diversity(molecules), "scaffolds": count.count, "of": count.of}


def thinned(rows: list[Any], most: int = 400) -> list[Any]:
    """As many of the rows, evenly, the first and the last among them."""
    return rows if len(rows) <= most else [rows[i] for i in np.linspace(0, len(rows) - 1, most).astype(int)]


def distributions(
    objectives: Sequence[ResolvedObjective],
    candidates: pd.DataFrame,
    molecules: pd.DataFrame,
    model: TrainedModel,
    dataset: Dataset | None,
) -> list[dict[str, Any]]:
    """Of each property that the model knows, the values in its data, in all molecules and in the candidates."""
    entries = []
    random = np.random.default_rng(0)
    aimed = {w.about.name for w in objectives}
    there = [] if dataset is None else [p.name for p in model.properties if p.name in dataset.columns]
    data = dataset.table(there, split="train") if dataset is not None else None
    for p in sorted(model.properties, key=lambda p: p.name not in aimed):
        basis = "computed" if p.kind == "computed" else "predicted"
        column = f"{p.name}_{basis}"
        if column not in molecules and column not in candidates:
            continue
        values = data[p.name].dropna().to_numpy() if data is not None and p.name in there else np.zeros(0)
        made = molecules[column].dropna().to_numpy() if column in molecules else np.zeros(0)
        entries.append(
            {
                "property": p.name,
                "label": p.label,
                "unit": p.unit,
                "basis": basis,
                "data": _drawn(values, random),
                "samples": _drawn(made, random),
                "candidates": candidates[column].tolist() if column in candidates else [],
                "of": {"data": len(values), "samples": len(made)},  # more of them than are drawn
            }
        )
    return entries


def _drawn(values: Any, random: np.random.Generator) -> list[float]:
    array = np.asarray(values, dtype=np.float64)
    if len(array) > PLOTTED:
        array = array[random.choice(len(array), PLOTTED, replace=False)]
    return [float(v) for v in array]


def _latent_map(model: TrainedModel, candidates: pd.DataFrame, made: GenerationReport) -> dict[str, Any] | None:
    """The two principal axes of the training molecules' latent means, with the candidates on them."""
    points = model.latent["mu"].float()[:PLOTTED]
    if len(points) < 3:
        return None
    mean, axes, explained = principal_axes(points)
    names = [p.name for p in model.properties]
    color = made.objectives[0].about.name if made.objectives else (names[0] if names else None)
    values = model.latent["values"][:PLOTTED, names.index(color)].tolist() if color else []
    z = torch.stack(candidates["z"].tolist()) if len(candidates) else torch.zeros(0, points.shape[1])
    z = z[torch.isfinite(z).all(dim=1)]
    return {
        "data": ((points - mean) @ axes.T).tolist(),
        "values": values,
        "color_property": color,
        "candidates": ((z - mean) @ axes.T).tolist(),
        "explained": explained.tolist(),
    }
