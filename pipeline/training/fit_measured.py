"""Predictors of the measured properties of a model just trained: on latent points and on substructures, the better chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from rdkit import Chem, rdBase
from torch import Tensor

from chem_vae.checkpoint import Checkpoint
from chem_vae.data import TokenDataset
from chem_vae.labels import Labels
from chem_vae.predictor_figures import compute_figures
from chem_vae.predictor_files import load_predictors, save_predictors
from chem_vae.predictor_fit import fit_predictor, read_labels
from chem_vae.predictors import Prediction, PropertyPredictor
from chem_vae.progress import Progress
from chem_vae.tanimoto_process import FEWEST, TanimotoProcess
from pipeline.chemistry.fingerprints import SIMULATED_COUNTS
from pipeline.models.measured_predictor import FILE, MeasuredPredictor, Representation, save_measured
from pipeline.training.cross_validation import (
    FOLDS,
    Choice,
    FoldPredictions,
    assign_folds,
    choose,
    cross_predict,
    hide_folds,
    predict_nested,
    score_bounds,
)
from pipeline.training.fit_classes import find_classes, fit_classes
from pipeline.training.labelled import Labelled

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
    """Fit predictors of measured properties, choose a representation for each, check them by nested folds and save them.

    A property with too few labels for cross-validation is left as it is.

    Args:
        checkpoint: The trained model.
        start: The model before fine-tuning, if it was not trained on these properties. Labels that the encoder was trained on (a
            condition with `property_weight`) are told by the latent points of their molecules; the comparison is then made with the
            points of `start`, or without one on the held-out molecules.
        splits: The dataset's molecules in the checkpoint's ids.
        names: The columns of the splits' properties.
        measured: Those of `names` that are measured.
        figures: The figures of the latent predictors, whose file lies in `folder`.
        folder: The model's folder.
        seed: Decides which molecules are taken and how chance divides them.
        progress: Is told of each property.

    Returns:
        The figures with those of the measured properties brought up to date, and warnings.
    """
    kept: list[MeasuredPredictor] = []
    warnings: list[str] = []
    by_name = {f["property"]: f for f in figures}
    latent = load_predictors(folder / "predictors.safetensors")
    for done, name in enumerate(measured):
        progress("compare predictors", done, len(measured))
        labelled, rows, is_train = _collect_labels(checkpoint, splits, names.index(name), seed)
        n, predictor = len(labelled.y), latent.get(name)
        if classes := find_classes(labelled.labels):
            made = fit_classes(name, labelled, classes, predictor, seed)
            if made is not None:
                kept.append(made.predictor)
                by_name[name] = made.figures
                warnings += warn_about_labels(name, n, nested=made.predictor.compared["nested"])
            continue
        taught = name in checkpoint.conditions and checkpoint.model.config.property_weight > 0
        blind = start if taught else checkpoint
        points = unseen = None
        note = ""
        if predictor is None:
            note = "; there is no predictor on latent points"
        elif blind is not None:
            points = _encode(blind, rows)
            note = "; latent points of the model before it saw the labels" if taught else ""
        elif int((~is_train).sum()) >= FEWEST_HELD_OUT and int(is_train.sum()) >= FEWEST:
            unseen = predict_held_out(labelled, is_train, _encode(checkpoint, rows), predictor)
        else:
            note = "; latent points not compared: few molecules are held out, and the encoder was trained on the others' labels"
        found = compare(labelled, points, unseen, seed)
        if found is None:
            if n >= FEWEST:
                warnings.append(
                    f"{name} was measured for {n} molecules, which are too few to cross-validate a predictor"
                )
            continue
        if predictor is not None and "latent" in found.choice.scales:
            scale = found.choice.scales["latent"]
            if points is not None and not taught:  # no label is in the points, so that all may be learned from
                predictor = latent[name] = fit_predictor(points, labelled.labels)
                predictor.scale = scale
            elif unseen is not None:
                predictor.scale *= scale
            elif by_name[name]["n_test"] < FEWEST:  # too few were left to scale it on
                predictor.scale = scale
        process = TanimotoProcess(labelled.features, labelled.labels)
        process.scale = found.choice.scales["fingerprint"]
        card = found.card | {"by": found.card["by"] + note}
        kept.append(MeasuredPredictor(name, found.choice.chosen, process, predictor, card))
        known = torch.isfinite(found.checked.mean) & labelled.labels.is_exact
        mean, std = found.checked.mean[known], found.checked.std[known]
        checked = compute_figures(METHODS[found.choice.chosen], n, labelled.y[known], mean, std)
        by_name[name] = {"property": name, **asdict(checked), "checked_by": card["by"], "compared": card}
        warnings += warn_about_labels(name, n, nested=card["nested"])
    if kept:
        save_measured(kept, folder / FILE)
        save_predictors(latent, folder / "predictors.safetensors")
    progress("compare predictors", len(measured), len(measured))
    return [by_name[f["property"]] for f in figures], warnings


def warn_about_labels(name: str, n: int, *, nested: bool) -> list[str]:
    """Say what n labels are too few for."""
    warnings = []
    if n < USEFUL_LABELS:
        warnings.append(
            f"{name} was measured for {n} molecules; below about {USEFUL_LABELS} a predictor is little better than a guess: spend "
            "the next measurements on molecules that are unlike each other"
        )
    if not nested:
        warnings.append(
            f"{name}: {n} labels are too few for nested cross-validation, so the predictor was chosen and calibrated on the molecules "
            "that it was checked on, and its figures flatter it"
        )
    return warnings


def _encode(checkpoint: Checkpoint, rows: Sequence[TokenDataset]) -> Tensor:
    """Return the latent means (n, D) of the molecules."""
    return torch.cat([checkpoint.encode_dataset(data).mu for data in rows if len(data)])


def _collect_labels(
    checkpoint: Checkpoint, splits: dict[str, TokenDataset], column: int, seed: int
) -> tuple[Labelled, list[TokenDataset], Tensor]:
    """Collect the measured molecules of all splits, FITTED_MOLECULES at most; also by split, and which are of training (n,)."""
    random = np.random.default_rng(seed)
    most, rows = FITTED_MOLECULES, []
    for split in ("train", "validation", "test"):
        known = np.isfinite(splits[split].values()[:, column]) | np.isfinite(splits[split].bounds()[:, column]).any(
            axis=1
        )
        measured = np.flatnonzero(known)
        rows.append(splits[split].select(np.sort(random.permutation(measured)[:most])))
        most -= len(rows[-1])
    vocabulary = checkpoint.vocabulary
    with rdBase.BlockLogs():
        smiles = [
            Chem.CanonSmiles(vocabulary.to_smiles(vocabulary.decode(data[i][0].tolist())))
            for data in rows
            for i in range(len(data))
        ]
    labels = [read_labels(data, column) for data in rows]
    parts = zip(*((part.y, part.lower, part.upper, part.spread) for part in labels), strict=True)
    y, lower, upper, spread = (torch.cat(list(part)) for part in parts)
    return Labelled(smiles, Labels(y, lower, upper, spread)), rows, torch.arange(len(y)) < len(rows[0])


class Comparison(NamedTuple):
    """The choice between the representations of one property, and how it does on molecules that it has not seen."""

    choice: Choice
    """Made on all labels, for the predictor that is fitted to all of them."""
    card: dict[str, Any]
    """labelled, fingerprint, by, representations (r2, rmse, n, deviation of each), chosen, weight, scale (of "both"), nested and
    chosen_by_folds (how many outer folds chose what)."""
    checked: Prediction
    """(n,) of the outer folds, by what was chosen and calibrated without them; NaN for molecules that could not be used."""


def compare(
    labelled: Labelled, points: Tensor | None = None, unseen: HeldOut | None = None, seed: int = 0
) -> Comparison | None:
    """Choose between latent points, substructures and both, and check the choice by nested folds.

    Args:
        labelled: The measured molecules, n of them.
        points: Their latent means (n, D) of an encoder that was not trained on the labels; None where there are none.
        unseen: Predictions of held-out molecules, to compare the two on where there are no such points.
        seed: Decides which molecules are compared and how chance divides them.

    Returns:
        The comparison, or None where the labels are too few for cross-validation.
    """
    labels, n = labelled.labels, len(labelled.y)
    if n < 2 * FOLDS:
        return None
    fold, by = assign_folds(labelled.smiles, seed)
    *_, second, largest = sorted(np.bincount(fold, minlength=FOLDS).tolist())
    if n - largest < FEWEST:
        return None
    nested = n - largest - second >= FEWEST
    predict = partial(cross_predict, y=labels, fold=fold, nested=nested)
    predictions: dict[Representation, FoldPredictions] = {
        "fingerprint": predict(labelled.features, fit=TanimotoProcess)
    }
    compared = dict(predictions)
    if points is not None:
        rows = None
        if n > COMPARED_MOLECULES:  # both from as many labels
            rows = torch.zeros(n, dtype=torch.bool)
            rows[np.random.default_rng(seed).permutation(n)[:COMPARED_MOLECULES]] = True
            compared["fingerprint"] = predict(labelled.features, fit=TanimotoProcess, rows=rows)
        predictions["latent"] = compared["latent"] = predict(points, fit=fit_predictor, rows=rows)
    elif unseen is not None:
        predictions["latent"] = compared["latent"] = hide_folds(unseen.latent, fold)
        compared["fingerprint"] = hide_folds(unseen.fingerprint, fold)
    outer = {kind: p.outer for kind, p in predictions.items()}
    choice, representations = choose({kind: p.outer for kind, p in compared.items()}, outer, labels)
    card: dict[str, Any] = {
        "labelled": n,
        "fingerprint": SIMULATED_COUNTS.description,
        "representations": representations,
    }
    card |= {"chosen": choice.chosen, "nested": nested}
    if "both" in choice.scales:
        card |= {"weight": choice.weight, "scale": choice.scales["both"]}
    checked = choice.predict(outer)
    card["by"] = f"{FOLDS}-fold cross-validation by {by}"
    if nested:
        checked, by_fold = predict_nested(compared, predictions, labels, fold)
        card |= {"by": f"nested {card['by']}", "chosen_by_folds": dict(Counter(by_fold))}
    else:
        card["by"] += ", not nested, for there are too few labels: the figures flatter the predictor"
    if unseen is not None:
        card["by"] += "; representations compared on molecules held out of the training"
    if labels.is_bound.any():
        card["bounds"] = check_bounds(labels, checked)
    return Comparison(choice, card, checked)


def check_bounds(labels: Labels, checked: Prediction) -> dict[str, float | int]:
    """Count the bounds, and measure the share that predictions lie within and their mean log likelihood."""
    bound = labels.is_bound & torch.isfinite(checked.mean)
    return {
        "count": int(labels.is_bound.sum()),
        "respected": float(labels.is_respected(checked.mean)[bound].double().mean()),
        "log_likelihood": float(score_bounds(labels, checked)[bound].mean()),
    }


class HeldOut(NamedTuple):
    """Predictions (n,) of predictors that were fitted to the training molecules alone; NaN for training molecules."""

    latent: Prediction
    fingerprint: Prediction


def predict_held_out(labelled: Labelled, is_train: Tensor, points: Tensor, latent: PropertyPredictor) -> HeldOut:
    """Predict the molecules that were held out of the training.

    Args:
        labelled: The measured molecules, n of them.
        is_train: (n,) bool.
        points: (n, D) latent means.
        latent: The predictor on latent points, fitted to the training molecules.
    """
    process = TanimotoProcess(labelled.features[is_train], labelled.labels[is_train])
    with torch.no_grad():
        found = latent.predict(points), process.predict(labelled.features)
    return HeldOut(*(Prediction(*(x.masked_fill(is_train, torch.nan) for x in p)) for p in found))
