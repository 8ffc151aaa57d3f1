"""Predictors, kept latent points and figures on held-out molecules of a model that was just trained."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from chem_vae import anomaly
from chem_vae.analysis import measure_exact_reconstruction
from chem_vae.anomaly import FEWEST_HELD_OUT, fit_anomaly, read_kept_molecules
from chem_vae.atomic_files import write_text
from chem_vae.checkpoint import Checkpoint, write_safetensors
from chem_vae.data import TokenDataset
from chem_vae.latent import measure_nearest_distances
from chem_vae.predictors import PropertyPredictor
from chem_vae.predictors.predictor_figures import check
from chem_vae.predictors.predictor_files import save_predictors
from chem_vae.predictors.predictor_fit import fit_predictor, read_labels
from chem_vae.progress import Progress, silent
from chem_vae.threads import use_one_thread
from chem_vae.training.training_log import TrainingLog
from pipeline.models.trained_model import save_latent
from pipeline.models.training_set.kept_molecules import KEPT_SMILES, write_canonical_smiles

FITTED_MOLECULES = 10_000  # training molecules that the predictors see at most, measured ones first
KEPT_MOLECULES = 4000  # training molecules whose latent points are kept with the model
WEAK_AUC = 0.65  # of two classes
CHECKED_MOLECULES = 2000  # held-out molecules for the figures


def fit_and_check(
    checkpoint: Checkpoint,
    splits: dict[str, TokenDataset],
    names: list[str],
    record: TrainingLog,
    seed: int,
    folder: Path,
    progress: Progress,
    *,
    properties: int,
    measured: Collection[str] = (),
    keep_molecules: bool = True,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Fit and check the predictors, keep latent points and the anomaly score's reference, measure reconstruction.

    Args:
        checkpoint: The trained model.
        splits: The dataset's molecules in the checkpoint's ids.
        names: The columns of the splits' properties.
        record: The log of the training.
        seed: Draws the molecules that are fitted, kept and checked.
        folder: The model's folder.
        progress: Is told of each property.
        properties: The number of the model's properties; `names` are the first, the others have no value here.
        measured: Those of the names that are measured.
        keep_molecules: Whether training molecules, as ids and as SMILES, are kept with the model.

    Returns:
        The figures of the card, and those of each property's predictor.
    """
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
    typical = (
        float(measure_nearest_distances(z_kept[:1000], z_kept, exclude_self=True).median()) if len(kept) > 1 else 1.0
    )
    reference = fit_anomaly_reference(checkpoint, splits, keep_molecules=keep_molecules, progress=progress)
    write_safetensors(reference, folder / anomaly.FILE)
    smiles = write_canonical_smiles(read_kept_molecules(reference, checkpoint), checkpoint.vocabulary)
    write_text(folder / KEPT_SMILES, "".join(f"{s}\n" for s in smiles))
    values = torch.nn.functional.pad(torch.from_numpy(kept.values()), (0, properties - len(names)), value=torch.nan)
    save_latent(folder / "latent.safetensors", z_kept, values, typical)
    fitted, figures = _fit_all(
        checkpoint, splits["train"], names, measured, random, z_calibration, calibration, progress
    )
    save_predictors({n: f for n, (f, _) in fitted.items()}, folder / "predictors.safetensors")
    y_held_out = torch.from_numpy(held_out.values())
    for name, (predictor, n_train) in fitted.items():
        figures.append(
            {"property": name, **asdict(check(predictor, z_held_out, y_held_out[:, names.index(name)], n_train))}
        )
    exact = measure_exact_reconstruction(checkpoint.model, drawn(held_out, 500), checkpoint.max_length)
    progress("predict", len(names) + 1, len(names) + 1)
    return {**record.best, "exact_reconstruction": exact, "exact_reconstruction_of": min(len(held_out), 500)}, figures


def fit_anomaly_reference(
    checkpoint: Checkpoint,
    splits: Mapping[str, TokenDataset],
    *,
    keep_molecules: bool = True,
    progress: Progress = silent,
) -> dict[str, torch.Tensor]:
    """Fit the anomaly score's reference (`chem_vae.anomaly.fit_anomaly`), for `anomaly.safetensors` in the model's folder.

    Args:
        checkpoint: The trained model.
        splits: train, validation and test, in the checkpoint's ids. Held-out molecules are taken where there are FEWEST_HELD_OUT of
            them, else training molecules.
        keep_molecules: Whether to keep some training molecules, as ids.
        progress: Is told of the molecules done.
    """
    validation, test = splits["validation"], splits["test"]
    held_out = replace(test, indices=np.concatenate([validation.indices, test.indices]))
    enough = len(held_out) >= FEWEST_HELD_OUT
    return fit_anomaly(
        checkpoint,
        held_out if enough else splits["train"],
        progress=progress,
        held_out=enough,
        kept=splits["train"] if keep_molecules else None,
    )


@use_one_thread()
def _fit_all(
    checkpoint: Checkpoint,
    training: TokenDataset,
    names: list[str],
    measured_names: Collection[str],
    random: np.random.Generator,
    z_calibration: torch.Tensor,
    calibration: TokenDataset,
    progress: Progress,
) -> tuple[dict[str, tuple[PropertyPredictor, int]], list[dict[str, Any]]]:
    fitted: dict[str, tuple[PropertyPredictor, int]] = {}
    y_calibration = torch.from_numpy(calibration.values())
    figures: list[dict[str, Any]] = []
    all_points = checkpoint.encode_dataset(training).mu if len(training) <= FITTED_MOLECULES else None
    for i, name in enumerate(names):
        known = np.isfinite(training.values()[:, i]) | np.isfinite(training.bounds()[:, i]).any(axis=1)
        measured = np.flatnonzero(known)
        rows = np.sort(random.permutation(measured)[:FITTED_MOLECULES])
        chosen = training.select(rows)
        if np.isfinite(chosen.values()[:, i]).sum() < 10:
            nan = float("nan")
            empty = {"r2": nan, "mae": nan, "rmse": nan, "coverage": {}, "parity": []}
            figures.append({"property": name, "method": "none", "n_train": len(chosen), "n_test": 0, **empty})
            continue
        points = checkpoint.encode_dataset(chosen).mu if all_points is None else all_points[rows]
        predictor = fit_predictor(points, read_labels(chosen, i), seed=i, noisy=name in measured_names)
        usable = torch.isfinite(y_calibration[:, i])
        predictor.calibrate(z_calibration[usable], y_calibration[usable, i])
        fitted[name] = (predictor, len(chosen))
        progress("predict", i + 1, len(names) + 1)
    return fitted, figures


def warn_about_predictors(figures: list[dict[str, Any]]) -> list[str]:
    """Warn about predictors that are weak, hardly checked or missing."""
    warnings = []
    for f in figures:
        if f["method"] == "none":
            warnings.append(f"{f['property']}: {f['n_train']} measured training molecules are too few for a predictor")
        elif "classification" in f:
            if f["classification"]["roc_auc"] < WEAK_AUC:
                warnings.append(
                    f"the predictor of {f['property']} hardly tells actives from inactives (ROC AUC {f['classification']['roc_auc']:.2f}, "
                    "0.5 is chance); do not rank by its probability alone"
                )
        elif np.isfinite(f["r2"]) and f["r2"] < 0.3:
            warnings.append(
                f"the predictor of {f['property']} is weak: on {f['n_test']} held-out molecules it explains little of the "
                f"differences between them (R2 {f['r2']:.2f}); do not rank by its values alone"
            )
        elif f["n_test"] < 20:
            warnings.append(f"{f['property']}: only {f['n_test']} held-out molecules checked its predictor")
    return warnings
