"""Predictors of the measured properties of a model just trained: on latent points and on substructures, the better chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from rdkit import Chem, rdBase
from torch import Tensor

from chem_vae.checkpoint import Checkpoint
from chem_vae.data import TokenDataset
from chem_vae.predictors import (
    Prediction,
    PropertyPredictor,
    figures_of,
    fit_predictor,
    load_predictors,
    save_predictors,
)
from chem_vae.progress import Progress
from chem_vae.tanimoto import FEWEST, TanimotoProcess
from pipeline.chemistry.fingerprints import SIMULATED_COUNTS
from pipeline.models.measured_predictor import (
    FILE,
    MeasuredPredictor,
    Representation,
    combined,
    features,
    save_measured,
)
from pipeline.training.cross_validation import FOLDS, folds_of, out_of_fold, r2_rmse

FITTED_MOLECULES = 10_000
COMPARED_MOLECULES = 600
"""Measured molecules that the two are compared on at most; the latent process takes seconds for each fold of so many."""
USEFUL_LABELS = 50
FEWEST_HELD_OUT = 30
METHODS: dict[Representation, str] = {
    "latent": "latent points",
    "fingerprint": TanimotoProcess.method,
    "both": "latent points and substructures",
}


def fit_measured(
    checkpoint: Checkpoint,
    start: Checkpoint | None,
    splits: dict[str, TokenDataset],
    names: Sequence[str],
    measured: Sequence[str],
    figures: list[dict[str, Any]],
    folder: Path,
    seed: int,
    progress: Progress,
) -> tuple[list[dict[str, Any]], list[str]]:
    """Fit, compare, save; returns the figures with those of the measured properties brought up to date, and warnings.

    start: the model before fine-tuning, where it was not trained on these properties. splits: in the checkpoint's ids.
    names: the columns of their properties, of which `measured` are. figures: of the latent predictors, whose file lies in
    `folder`. A property with too few labels is left as it is.

    What was learned from labels flatters itself on them: where the encoder was trained to tell this property (a condition
    with `property_weight`), the latent points of training molecules say more of their values than those of others. The
    comparison is then made with the points of `start`, or without one on the held-out molecules.
    """
    kept: list[MeasuredPredictor] = []
    warnings: list[str] = []
    by_name = {f["property"]: f for f in figures}
    latent = load_predictors(folder / "predictors.safetensors")
    for done, name in enumerate(measured):
        progress("compare predictors", done, len(measured))
        column = names.index(name)
        labelled = _labelled(checkpoint, splits, column, seed)
        if len(labelled.y) < FEWEST:
            continue
        process = TanimotoProcess(labelled.features, labelled.y)
        found = compare(checkpoint, start, labelled, name, latent.get(name), seed)
        process.scale = deviation(labelled.y, found.out)
        compared = found.card
        kept.append(MeasuredPredictor(name, found.chosen, process, latent.get(name), compared))
        entry = dict(by_name[name])
        if entry["n_test"] < FEWEST and "latent" in compared["representations"]:  # too few were left to scale it on
            latent[name].scale = compared["representations"]["latent"]["deviation"]
        if found.chosen != "latent":
            rows, (mean, std), checked_by = found.rows, found.prediction, compared["by"]
            if found.chosen == "fingerprint":  # which all were cross-validated with, also where latent points were not
                rows, mean, std = torch.arange(len(labelled.y)), found.out.mean, found.out.std * process.scale
                checked_by = found.folds
            checked = figures_of(METHODS[found.chosen], len(labelled.y), labelled.y[rows], mean, std)
            entry = {"property": name, **asdict(checked), "checked_by": checked_by}
        by_name[name] = {**entry, "compared": compared}
        if len(labelled.y) < USEFUL_LABELS:
            warnings.append(
                f"{name} was measured for {len(labelled.y)} molecules; below about {USEFUL_LABELS} a predictor is little better "
                "than a guess: spend the next measurements on molecules that are unlike each other"
            )
    if kept:
        save_measured(kept, folder / FILE)
        save_predictors(latent, folder / "predictors.safetensors")
    progress("compare predictors", len(measured), len(measured))
    return [by_name[f["property"]] for f in figures], warnings


class Labelled:
    """The measured molecules of one property, of all splits, FITTED_MOLECULES at most."""

    def __init__(self, smiles: list[str], y: Tensor, rows: list[TokenDataset], is_train: NDArray[np.bool_]) -> None:
        self.smiles, self.y, self.rows, self.is_train = smiles, y, rows, is_train
        self.features = features(smiles)

    def points(self, checkpoint: Checkpoint) -> Tensor:
        """(n, D)"""
        return torch.cat([checkpoint.encode_dataset(data).mu for data in self.rows if len(data)])


def _labelled(checkpoint: Checkpoint, splits: dict[str, TokenDataset], column: int, seed: int) -> Labelled:
    smiles: list[str] = []
    values, rows, train = [], [], []
    random = np.random.default_rng(seed)
    most = FITTED_MOLECULES
    vocabulary = checkpoint.vocabulary
    for split in ("train", "validation", "test"):
        data = splits[split]
        found = np.flatnonzero(np.isfinite(data.values()[:, column]))
        some = data.select(np.sort(random.permutation(found)[:most]))
        most -= len(some)
        rows.append(some)
        values.append(some.values()[:, column])
        train += [split == "train"] * len(some)
        with rdBase.BlockLogs():
            smiles += [
                Chem.CanonSmiles(vocabulary.to_smiles(vocabulary.decode(some[i][0].tolist()))) for i in range(len(some))
            ]
    return Labelled(smiles, torch.from_numpy(np.concatenate(values)).float(), rows, np.array(train, dtype=np.bool_))


class Comparison(NamedTuple):
    """What predicts a property better, and by how much."""

    chosen: Representation
    card: dict[str, Any]
    """labelled, fingerprint, representations (r2, rmse, n, deviation of each), by, chosen, and the weight of latent points."""
    out: Prediction
    """Of every molecule, from substructures of the other folds."""
    folds: str
    rows: Tensor
    """The molecules that all were compared on."""
    prediction: Prediction
    """Of these, by what was chosen, calibrated."""


def compare(
    checkpoint: Checkpoint,
    start: Checkpoint | None,
    labelled: Labelled,
    name: str,
    latent: PropertyPredictor | None,
    seed: int,
) -> Comparison:
    """Latent points, substructures, and both, on molecules whose labels neither has seen. See `fit_measured`."""
    fold, by = folds_of(labelled.smiles, seed)
    y, n = labelled.y, len(labelled.y)
    out = out_of_fold(labelled.features, y, fold, TanimotoProcess)
    folds = told = f"{FOLDS}-fold cross-validation by {by}"
    rows, beside, of_latent = torch.arange(n), out, None
    blind = start if _taught(checkpoint, name) else checkpoint
    held_out = torch.from_numpy(~labelled.is_train)
    if latent is None:
        told += "; there is no predictor on latent points"
    elif blind is not None:
        if blind is start:
            told += ", latent points of the model before it saw the labels"
        if n > COMPARED_MOLECULES:  # both from as many labels
            rows = torch.from_numpy(np.sort(np.random.default_rng(seed).permutation(n)[:COMPARED_MOLECULES]))
            beside = out_of_fold(labelled.features[rows], y[rows], fold[rows.numpy()], TanimotoProcess)
        of_latent = out_of_fold(labelled.points(blind)[rows], y[rows], fold[rows.numpy()], fit_predictor)
    elif int(held_out.sum()) >= FEWEST_HELD_OUT and int((~held_out).sum()) >= FEWEST:
        told = "molecules held out of the training"
        rows = held_out.nonzero()[:, 0]
        beside = TanimotoProcess(labelled.features[~held_out], y[~held_out]).predict(labelled.features[rows])
        with torch.no_grad():
            of_latent = latent.predict(labelled.points(checkpoint)[rows])
    else:
        told += "; latent points not compared: few molecules are held out, and the encoder was trained on the others' labels"
    raw: dict[Representation, Prediction] = {"fingerprint": beside}
    card: dict[str, Any] = {"labelled": n, "fingerprint": SIMULATED_COUNTS.description, "by": told}
    if of_latent is not None:
        squares = [r2_rmse(y[rows], p.mean)[1] ** 2 for p in (of_latent, beside)]
        card["weight"] = squares[1] / max(sum(squares), 1e-12)
        scaled = _scaled(y[rows], of_latent), _scaled(y[rows], beside)
        raw = {"latent": of_latent, **raw, "both": combined(*scaled, card["weight"])}
    card["representations"] = {kind: _figures(y[rows], p) for kind, p in raw.items()}
    found = {kind: p if kind == "both" else _scaled(y[rows], p) for kind, p in raw.items()}
    chosen = min(found, key=lambda kind: card["representations"][kind]["rmse"])
    card["chosen"] = chosen
    return Comparison(chosen, card, out, folds, rows, found[chosen])


def _figures(y: Tensor, found: Prediction) -> dict[str, float | int]:
    r2, rmse = r2_rmse(y, found.mean)
    return {"r2": r2, "rmse": rmse, "n": len(y), "deviation": deviation(y, found)}


def deviation(y: Tensor, found: Prediction) -> float:
    """The root mean square of (n,) errors in units of the standard deviations that were promised."""
    return float(((y - found.mean) / found.std).square().mean().sqrt().clamp(0.2, 20.0))


def _scaled(y: Tensor, found: Prediction) -> Prediction:
    return Prediction(found.mean, found.std * deviation(y, found))


def _taught(checkpoint: Checkpoint, name: str) -> bool:
    """Whether the encoder was trained to tell the property."""
    return name in checkpoint.conditions and checkpoint.model.config.property_weight > 0
