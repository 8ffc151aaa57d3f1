"""The predictor of a measured property with two classes: its probability, calibrated and checked by nested folds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from chem_vae.predictors import Prediction, PropertyPredictor
from chem_vae.predictors.labels import Labels
from chem_vae.predictors.predictor_figures import compute_figures
from chem_vae.predictors.tanimoto_classes import TanimotoClassifier, calibrate_probability, fit_probability_scale
from chem_vae.predictors.tanimoto_process import FEWEST
from pipeline.chemistry.descriptors import DESCRIPTORS
from pipeline.chemistry.fingerprints import SIMULATED_COUNTS
from pipeline.models.measured_predictor import MeasuredPredictor, Representation
from pipeline.training.predictors.compare_predictors import draw_rows
from pipeline.training.predictors.cross_validation import DESCRIBED, FOLDS, STRUCTURAL, assign_folds, cross_predict
from pipeline.training.predictors.forest import Forest
from pipeline.training.predictors.labelled import Labelled

_METHODS: dict[Representation, str] = {
    "fingerprint": TanimotoClassifier.method,
    DESCRIBED: "Gaussian process over substructures and descriptors, classes",
}
_FEWEST_COMPARED = 5
"""Molecules of each class that each fold needs for a comparison on a part of the molecules."""
_BINS = 5
"""Groups of molecules, by their probability, that the calibration is shown for."""


class FittedClasses(NamedTuple):
    """The predictor of two classes with the figures of the model's card."""

    predictor: MeasuredPredictor
    figures: dict[str, Any]


def find_classes(labels: Labels) -> tuple[float, float] | None:
    """Return the two values of labels, the larger one being the active class; None where there are other values, or bounds."""
    distinct = labels.y[labels.is_exact].unique()
    return (float(distinct[0]), float(distinct[1])) if len(distinct) == 2 and not labels.is_bound.any() else None


def fit_classes(
    name: str, labelled: Labelled, classes: tuple[float, float], latent: PropertyPredictor | None, seed: int
) -> FittedClasses | None:
    """Fit a Gaussian process classifier on structure, and calibrate and check its probability by nested folds.

    Whether it sees descriptors beside substructures is chosen by the folds.

    Args:
        name: The property.
        labelled: The measured molecules, n of them, each one of the classes.
        classes: The label of the inactive and that of the active class.
        latent: The model's predictor on latent points, which regresses the labels; it is kept beside the classifier.
        seed: Decides how chance divides the molecules.

    Returns:
        The predictor and its figures, or None where the labels are too few for cross-validation.
    """
    low, high = classes
    y, n = labelled.y, len(labelled.y)
    active = y > 0.5 * (low + high)
    if n < 2 * FOLDS:
        return None
    fold, by = _assign_folds(labelled.smiles, active.numpy(), seed)
    *_, second, largest = sorted(np.bincount(fold, minlength=FOLDS).tolist())
    if n - largest < FEWEST:
        return None
    nested = n - largest - second >= FEWEST
    rows = _draw_rows(active, fold, seed)
    predict = partial(cross_predict, y=active.float(), fold=fold)
    compared = {
        kind: predict(labelled.select_inputs(kind), fit=fit_classifier, nested=nested, rows=rows) for kind in STRUCTURAL
    }
    chosen = _choose({kind: p.outer for kind, p in compared.items()}, active)
    by_fold = [
        _choose({kind: p.inside(number) for kind, p in compared.items()}, active)
        for number in range(FOLDS if nested else 0)
    ]
    found = compared
    if rows is not None:
        kinds = {chosen, *by_fold}
        found = {k: predict(labelled.select_inputs(k), fit=fit_classifier, nested=nested) for k in kinds}
    scale = fit_probability_scale(found[chosen].outer.mean, active)
    checked = calibrate_probability(found[chosen].outer, scale)
    for number, own in enumerate(by_fold):
        held_out = torch.from_numpy(fold == number)
        outer = Prediction(*(x[held_out] for x in found[own].outer))
        own_scale = fit_probability_scale(found[own].inside(number).mean, active)
        checked.mean[held_out], checked.std[held_out] = calibrate_probability(outer, own_scale)
    told = f"{FOLDS}-fold cross-validation by {by}"
    told = (
        f"nested {told}"
        if nested
        else f"{told}, not nested, for there are too few labels: the figures flatter the predictor"
    )
    quality = measure_classification(checked.mean, active)
    forest = predict(labelled.inputs, fit=partial(Forest, classes=True), nested=False, rows=rows)
    card: dict[str, Any] = {
        "labelled": n,
        "classes": [low, high],
        "active": int(active.sum()),
        "fingerprint": SIMULATED_COUNTS.description,
        "descriptors": list(DESCRIPTORS),
        "representations": {kind: _measure(p.outer, active) for kind, p in compared.items()},
        "forest": _measure(forest.outer, active),
        "chosen": chosen,
        "checked": _shorten(quality, n),
        "nested": nested,
        "chosen_by_folds": dict(Counter(by_fold)),
        "by": told,
    }
    process = fit_classifier(labelled.select_inputs(chosen), labelled.y, classes)
    process.scale = scale
    expected = [low + (high - low) * checked.mean, (high - low) * checked.std]
    figures = compute_figures(_METHODS[chosen], n, y, *expected)
    entry = {
        "property": name,
        **asdict(figures),
        "coverage": {},
        "classification": quality,
        "checked_by": told,
        "compared": card,
    }
    return FittedClasses(MeasuredPredictor(name, chosen, process, latent, card), entry)


def fit_classifier(inputs: Tensor, y: Tensor | Labels, classes: tuple[float, float] = (0.0, 1.0)) -> TanimotoClassifier:
    """Fit a classifier over structure to substructures, perhaps with descriptors behind (n, F or F + d), and labels (n,)."""
    return TanimotoClassifier(inputs, y, classes, descriptors=inputs.shape[1] - SIMULATED_COUNTS.size)


def _draw_rows(active: Tensor, fold: NDArray[np.int64], seed: int) -> Tensor | None:
    """Draw the molecules (n,) bool that representations are compared on; None: all, also where chance leaves a class too rare."""
    rows = draw_rows(len(active), seed)
    if rows is None:
        return None
    least = min(np.bincount(fold[(rows & kind).numpy()], minlength=FOLDS).min() for kind in (active, ~active))
    return rows if least >= _FEWEST_COMPARED else None


def _choose(predictions: Mapping[Representation, Prediction], active: Tensor) -> Representation:
    """Choose the representation whose calibrated probabilities the classes are likeliest under."""
    likelihood: dict[Representation, float] = {}
    for kind, predicted in predictions.items():
        known = torch.isfinite(predicted.mean)
        scale = fit_probability_scale(predicted.mean, active)
        p = calibrate_probability(predicted, scale).mean[known].double().clamp(1e-6, 1.0 - 1e-6)
        likelihood[kind] = float(torch.where(active[known], p, 1.0 - p).log().sum())
    return max(likelihood, key=lambda kind: likelihood[kind])


def _measure(predicted: Prediction, active: Tensor) -> dict[str, Any]:
    """Measure calibrated predictions (n,) of held-out molecules for the card; those that are NaN are left out."""
    known = torch.isfinite(predicted.mean)
    scale = fit_probability_scale(predicted.mean, active)
    p = calibrate_probability(predicted, scale).mean[known]
    return _shorten(measure_classification(p, active[known]), int(known.sum()))


def _shorten(quality: dict[str, Any], n: int) -> dict[str, Any]:
    """Leave the rows of the calibration out."""
    return {"n": n, **{k: v for k, v in quality.items() if k != "calibration"}}


def measure_classification(probability: Tensor, active: Tensor) -> dict[str, Any]:
    """Measure probabilities of the active class (n,) against the classes of held-out molecules (n,) bool.

    Returns:
        roc_auc; pr_auc (average precision); brier, and brier_of_base_rate for the share of the active class alone; base_rate; and
        calibration, rows of the mean probability, the share of actives and the number of molecules, by rising probability.
    """
    from sklearn.metrics import average_precision_score, roc_auc_score  # heavy

    p, truth = probability.double().numpy(), active.numpy()
    base = float(truth.mean())
    order = np.array_split(np.argsort(p, kind="stable"), _BINS)
    return {
        "roc_auc": float(roc_auc_score(truth, p)),
        "pr_auc": float(average_precision_score(truth, p)),
        "brier": float(np.square(p - truth).mean()),
        "brier_of_base_rate": base * (1.0 - base),
        "base_rate": base,
        "calibration": [[float(p[rows].mean()), float(truth[rows].mean()), len(rows)] for rows in order if len(rows)],
    }


def _assign_folds(smiles: list[str], active: NDArray[np.bool_], seed: int) -> tuple[NDArray[np.int64], str]:
    """Divide molecules into folds by scaffold; by chance within each class where scaffolds would leave a fold without actives."""
    from sklearn.model_selection import StratifiedKFold  # heavy

    fold, by = assign_folds(smiles, seed)
    least = min(np.bincount(fold[rows], minlength=FOLDS).min() for rows in (active, ~active))
    if by == "scaffold" and least > 0:
        return fold, by
    splitter = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    for number, (_, held_out) in enumerate(splitter.split(fold, active)):
        fold[held_out] = number
    return fold, "chance, within each class"
