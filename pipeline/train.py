"""From a dataset folder to a model folder: train, fit the predictors, check them, write the card."""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from chem_vae.analysis import exact_reconstruction
from chem_vae.checkpoint import Checkpoint, ConditionScale
from chem_vae.data import TokenDataset
from chem_vae.errors import CheckpointError, DataError, unknown_name
from chem_vae.files import write_json
from chem_vae.predictors import PropertyPredictor, check, fit_predictor, nearest_distances, save_predictors
from chem_vae.progress import Progress, silent
from chem_vae.training import TrainingLog, resolve_precision, write_history
from chem_vae.training import train as train_core
from pipeline.config import TrainConfig
from pipeline.dataset import Dataset
from pipeline.folders import built_whole, content_key
from pipeline.metrics import novelty, uniqueness, validity
from pipeline.model import KIND, TrainedModel, save_latent, summary_dict
from pipeline.objectives import PropertySummary
from pipeline.runs import machine, versions
from pipeline.validate import validate

FITTED_MOLECULES = 10_000  # training molecules that the predictors see at most, measured ones first
KEPT_MOLECULES = 4000  # training molecules whose latent points are kept with the model
FEW_MOLECULES = 5000  # below it a model learns its molecules rather than chemistry
CHECKED_MOLECULES = 2000  # held-out molecules for the figures

__all__ = ["TrainedModel", "train"]


def train(dataset: Dataset, config: TrainConfig, workspace: Path, progress: Progress = silent) -> TrainedModel:
    """Train on a dataset, or reuse the model that the same data and settings gave before.

    The folder is `<workspace>/models/<dataset>-<key>`. A killed training goes on from its last checkpoint. Raises
    UserError for an unknown condition, DataError for a split without molecules, BusyError when it is already under way.
    """
    names = [p.name for p in dataset.properties]
    for name in config.conditions or ():
        if name not in names:
            raise unknown_name("property of this dataset", name, names)
    conditions = list(config.conditions) if config.conditions is not None else names
    key = content_key(dataset.key, config.model_dump(mode="json"), conditions, "chem-vae model", 1)
    folder = workspace / "models" / f"{dataset.name}-{key[:8]}"
    if folder.exists():
        try:
            return TrainedModel.open(folder, reused=True)
        except (DataError, CheckpointError):  # damaged since: made again
            shutil.rmtree(folder)
    with built_whole(folder, "training this model") as partial:
        if partial != folder:
            _train_into(partial, dataset, conditions, config, key, progress)
    return TrainedModel.open(folder)


def _train_into(
    folder: Path, dataset: Dataset, conditions: list[str], config: TrainConfig, key: str, progress: Progress
) -> None:
    started = time.monotonic()
    names = [p.name for p in dataset.properties]
    splits = {name: dataset.tokens(name) for name in ("train", "validation", "test")}
    training = splits["train"]
    if len(training) == 0:
        raise DataError(f"the dataset {dataset.name} has no training molecules")
    values = training.values()
    summaries = [
        PropertySummary.of(p.name, p.label, p.unit, "measured" if p.kind == "measured" else "computed", values[:, i])
        for i, p in enumerate(dataset.properties)
    ]
    columns = [names.index(c) for c in conditions]
    scales = tuple(ConditionScale.fit(names[i], dataset.properties[i].unit, values[:, i]) for i in columns)
    checkpoint, record = train_core(
        training.with_properties(columns),
        splits["validation"].with_properties(columns),
        dataset.vocabulary,
        scales,
        config.model,
        config.training,
        resume_file=folder / "resume.safetensors",
        progress=progress,
        sample_metrics=_PriorMetrics(dataset),
    )
    write_history(record, folder / "metrics.csv")
    figures, predictors = _figures(checkpoint, splits, names, record, config.training.seed, folder, progress)
    checkpoint.card = {
        "dataset": {
            "name": dataset.name,
            "key": dataset.key,
            "folder": dataset.folder.name,
            "standardize": dataset.manifest["options"]["standardize"],
        },
        "conditions": conditions,
        "parameters": sum(p.numel() for p in checkpoint.model.parameters()),
        "latent_size": config.model.latent_size,
        "vocabulary": {
            "symbols": len(checkpoint.vocabulary.symbols),
            "merges": len(checkpoint.vocabulary.merges),
            "ids": len(checkpoint.vocabulary),
        },
        "training_molecules": len(training),
        "trained_seconds": record.seconds,
        "precision": resolve_precision(config.training),
        "steps": int(record.history[-1]["step"]) if record.history else 0,
        "figures": figures,
        "predictors": predictors,
        "warnings": [*_size_warnings(len(training)), *record.warnings, *_predictor_warnings(predictors)],
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": versions(),
    }
    checkpoint.save(folder)
    write_json(folder / "training.json", asdict(record))
    write_json(
        folder / "manifest.json",
        {
            "format": KIND,
            "format_version": 1,
            "key": key,
            "config": config.model_dump(mode="json"),
            "card": checkpoint.card,
            "properties": [summary_dict(s) for s in summaries],
            "seconds": time.monotonic() - started,
        },
    )
    for leftover in (folder / "resume.safetensors", *folder.glob("*.partial")):
        leftover.unlink(missing_ok=True)


class _PriorMetrics:
    """Valid, unique and novel shares of prior samples, for the training log. The training keys are read once."""

    def __init__(self, dataset: Dataset) -> None:
        self.vocabulary = dataset.vocabulary
        self.known = set(dataset.table(["inchikey"], split="train")["inchikey"])

    def __call__(self, strings: list[str | None]) -> dict[str, float]:
        candidates = validate(strings, self.vocabulary)
        keys = [c.inchikey for c in candidates if c.inchikey is not None]
        distinct = sorted(set(keys))
        return {
            "valid": validity(candidates).fraction,
            "unique": uniqueness(keys).fraction,
            "novel": novelty(distinct, self.known).fraction,
        }


def _figures(
    checkpoint: Checkpoint,
    splits: dict[str, TokenDataset],
    names: list[str],
    record: TrainingLog,
    seed: int,
    folder: Path,
    progress: Progress,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Fit and check the predictors, keep latent points, measure reconstruction on held-out molecules."""
    random = np.random.default_rng(seed)

    def drawn(data: TokenDataset, most: int) -> TokenDataset:
        return data.select(np.sort(random.permutation(len(data))[:most]))

    # What calibrates a predictor does not check it: with a small test split the two share the held-out molecules.
    calibration, held_out = splits["validation"], splits["test"]
    if len(held_out) < 20:
        both = replace(held_out, indices=np.concatenate([calibration.indices, held_out.indices]))
        calibration, held_out = both.select(np.arange(0, len(both), 2)), both.select(np.arange(1, len(both), 2))
    held_out, calibration = drawn(held_out, CHECKED_MOLECULES), drawn(calibration, CHECKED_MOLECULES)
    kept = drawn(splits["train"], KEPT_MOLECULES)
    progress("predict", 0, len(names) + 1)
    z_kept, z_held_out = checkpoint.encode_dataset(kept).mu, checkpoint.encode_dataset(held_out).mu
    z_calibration = checkpoint.encode_dataset(calibration).mu
    typical = float(nearest_distances(z_kept[:1000], z_kept, exclude_self=True).median()) if len(kept) > 1 else 1.0
    save_latent(folder / "latent.safetensors", z_kept, torch.from_numpy(kept.values()), typical)
    fitted, figures = _fit_all(checkpoint, splits["train"], names, random, z_calibration, calibration, progress)
    save_predictors({n: f for n, (f, _) in fitted.items()}, folder / "predictors.safetensors")
    y_held_out = torch.from_numpy(held_out.values())
    for name, (predictor, n_train) in fitted.items():
        figures.append(
            {"property": name, **asdict(check(predictor, z_held_out, y_held_out[:, names.index(name)], n_train))}
        )
    exact = exact_reconstruction(checkpoint.model, drawn(held_out, 500), checkpoint.max_length)
    progress("predict", len(names) + 1, len(names) + 1)
    return {**record.best, "exact_reconstruction": exact, "exact_reconstruction_of": min(len(held_out), 500)}, figures


def _fit_all(
    checkpoint: Checkpoint,
    training: TokenDataset,
    names: list[str],
    random: np.random.Generator,
    z_calibration: torch.Tensor,
    calibration: TokenDataset,
    progress: Progress,
) -> tuple[dict[str, tuple[PropertyPredictor, int]], list[dict[str, Any]]]:
    fitted: dict[str, tuple[PropertyPredictor, int]] = {}
    y_calibration = torch.from_numpy(calibration.values())
    figures: list[dict[str, Any]] = []
    for i, name in enumerate(names):
        measured = np.flatnonzero(np.isfinite(training.values()[:, i]))
        chosen = training.select(np.sort(random.permutation(measured)[:FITTED_MOLECULES]))
        if len(chosen) < 10:
            nan = float("nan")
            empty = {"r2": nan, "mae": nan, "rmse": nan, "coverage": {}, "parity": []}
            figures.append({"property": name, "method": "none", "n_train": len(chosen), "n_test": 0, **empty})
            continue
        z, y = checkpoint.encode_dataset(chosen).mu, torch.from_numpy(chosen.values()[:, i])
        predictor = fit_predictor(z, y, seed=i)
        usable = torch.isfinite(y_calibration[:, i])
        predictor.calibrate(z_calibration[usable], y_calibration[usable, i])
        fitted[name] = (predictor, len(chosen))
        progress("predict", i + 1, len(names) + 1)
    return fitted, figures


def _size_warnings(molecules: int) -> list[str]:
    if molecules >= FEW_MOLECULES:
        return []
    return [
        f"{molecules:,} training molecules are few for a model that starts from nothing: expect crude structures. Train on "
        "a larger file that holds yours too, with the measured column empty where nothing was measured"
    ]


def _predictor_warnings(figures: list[dict[str, Any]]) -> list[str]:
    warnings = []
    for f in figures:
        if f["method"] == "none":
            warnings.append(f"{f['property']}: {f['n_train']} measured training molecules are too few for a predictor")
        elif np.isfinite(f["r2"]) and f["r2"] < 0.3:
            warnings.append(
                f"the predictor of {f['property']} is weak: on {f['n_test']} held-out molecules it explains little of the "
                f"differences between them (R2 {f['r2']:.2f}); do not rank by its values alone"
            )
        elif f["n_test"] < 20:
            warnings.append(f"{f['property']}: only {f['n_test']} held-out molecules checked its predictor")
    return warnings
