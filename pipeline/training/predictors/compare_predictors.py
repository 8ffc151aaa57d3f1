"""Compares the predictors of a measured property by nested folds: latent points, structure, both, and a random forest beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from chem_vae.predictors import Prediction, PropertyPredictor
from chem_vae.predictors.labels import Labels
from chem_vae.predictors.predictor_fit import fit_predictor
from chem_vae.predictors.tanimoto_process import FEWEST, TanimotoProcess
from chem_vae.threads import use_one_thread
from pipeline.chemistry.descriptors import DESCRIPTORS
from pipeline.chemistry.fingerprints import SIMULATED_COUNTS
from pipeline.models.measured_predictor import Representation
from pipeline.training.predictors.cross_validation import (
    DESCRIBED,
    FEWEST_COMPARED,
    FOLDS,
    STRUCTURAL,
    Choice,
    FoldPredictions,
    assign_folds,
    calibrate_scale,
    choose,
    cross_predict,
    find_compared,
    hide_folds,
    measure_errors,
    predict_nested,
    score_bounds,
)
from pipeline.training.predictors.forest import Forest
from pipeline.training.predictors.labelled import Labelled

FEWEST_CHOSEN = 10
"""The fewest molecules on which the promise of a batch is checked."""
MOST_FITS = 5 * (FOLDS + FOLDS * (FOLDS - 1) // 2) + FOLDS
"""The fits of a comparison at most: of three representations, of two more on all labels, and of the forests."""
COMPARED_MOLECULES = 600
"""Measured molecules that the predictors are compared on at most; the latent process takes seconds for each fold of so many."""


def fit_process(inputs: Tensor, labels: Tensor | Labels) -> TanimotoProcess:
    """Fit a process over structure to substructures, perhaps with descriptors behind (n, F or F + d), and labels (n,)."""
    return TanimotoProcess(inputs, labels, descriptors=inputs.shape[1] - SIMULATED_COUNTS.size)


class Comparison(NamedTuple):
    """The choice between the representations of one property, and how it does on molecules that it has not seen."""

    choice: Choice
    """Made on all labels, for the predictor that is fitted to all of them."""
    card: dict[str, Any]
    """labelled, fingerprint, descriptors (their names), by, representations (r2, rmse, n, deviation of each), forest (the same of a
    random forest, which is not chosen), chosen, weight, scale (of "both"), nested, chosen_by_folds (how many outer folds chose what) and hits (`check_hits`).
    """
    checked: Prediction
    """(n,) of the outer folds, by what was chosen and calibrated without them; NaN for molecules that could not be used."""


@use_one_thread()
def compare(
    labelled: Labelled,
    points: Tensor | None = None,
    unseen: HeldOut | None = None,
    seed: int = 0,
    tell: Callable[[], object] = lambda: None,
) -> Comparison | None:
    """Choose between latent points, structure and both, and check the choice by nested folds.

    Args:
        labelled: The measured molecules, n of them.
        points: Their latent means (n, D) of an encoder that was not trained on the labels; None where there are none.
        unseen: Predictions of held-out molecules, to compare on where there are no such points.
        seed: Decides which molecules are compared and how chance divides them.
        tell: Called after each of the fits, `MOST_FITS` at most.

    Returns:
        The comparison, or None where the labels are too few for cross-validation.
    """
    labels, n = labelled.labels, len(labelled.y)
    if n < 2 * FOLDS or int(labels.is_exact.sum()) < 2:
        return None
    fold, by = assign_folds(labelled.smiles, seed, exact=labels.is_exact.numpy())
    *_, second, largest = sorted(np.bincount(fold, minlength=FOLDS).tolist())
    if n - largest < FEWEST:
        return None
    nested = n - largest - second >= FEWEST
    rows = draw_rows(n, seed)
    predict = partial(cross_predict, y=labels, fold=fold, nested=nested, tell=tell)
    if unseen is not None:
        compared = {kind: hide_folds(found, fold) for kind, found in unseen.by_kind.items()}
    else:
        compared = {k: predict(labelled.select_inputs(k), fit=fit_process, rows=rows) for k in STRUCTURAL}
        if points is not None:
            compared["latent"] = predict(points, fit=fit_predictor, rows=rows)
    predictions = dict(compared)
    if unseen is not None or rows is not None:  # the processes that may be kept learn from all labels
        for kind in _find_kept(compared, labels, nested=nested):
            predictions[kind] = predict(labelled.select_inputs(kind), fit=fit_process)
    outer = {kind: p.outer for kind, p in predictions.items()}
    seen = {kind: p.outer for kind, p in compared.items()}
    if int((torch.isfinite(outer["fingerprint"].mean) & labels.is_exact).sum()) < 2:
        return None
    choice, representations = choose(seen, outer, labels)
    card: dict[str, Any] = {
        "labelled": n,
        "fingerprint": SIMULATED_COUNTS.description,
        "descriptors": list(DESCRIPTORS),
        "representations": representations,
    }
    forest = _predict_by_forest(labelled, fold, rows, tell) if unseen is None else unseen.forest
    if forest is not None:
        forest = Prediction(forest.mean, forest.std * calibrate_scale(labels, forest))
        some = find_compared(seen) & torch.isfinite(forest.mean) & labels.is_exact
        if some.any():
            card["forest"] = measure_errors(labels.y[some], Prediction(forest.mean[some], forest.std[some]))
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
    if (kept := check_hits(labels, checked)) is not None:
        card["hits"] = kept
    if labels.is_bound.any():
        card["bounds"] = check_bounds(labels, checked)
    return Comparison(choice, card, checked)


def _find_kept(
    compared: Mapping[Representation, FoldPredictions], labels: Labels, *, nested: bool
) -> Collection[Representation]:
    """Find the processes over structure that the choice, or that of an outer fold, keeps."""
    kept: set[Representation] = set()
    for number in [None, *(range(FOLDS) if nested else ())]:
        inside = {kind: p.inside(number) for kind, p in compared.items()}
        if int((find_compared(inside) & labels.is_exact).sum()) < FEWEST_COMPARED:
            return STRUCTURAL  # the choice is then made among these
        kept.add(choose(inside, inside, labels)[0].process)
    return kept


def draw_rows(n: int, seed: int) -> Tensor | None:
    """Draw the molecules (n,) bool that are compared; None: all of them."""
    if n <= COMPARED_MOLECULES:
        return None
    rows = torch.zeros(n, dtype=torch.bool)
    rows[np.random.default_rng(seed).permutation(n)[:COMPARED_MOLECULES]] = True
    return rows


def _predict_by_forest(
    labelled: Labelled, fold: NDArray[np.int64], rows: Tensor | None, tell: Callable[[], object]
) -> Prediction | None:
    """Predict exact values (n,) by random forests that have not seen their fold; None where a fold or the rest has too few."""
    exact = labelled.labels.is_exact if rows is None else labelled.labels.is_exact & rows
    counts = np.bincount(fold[exact.numpy()], minlength=FOLDS)
    if counts.min() == 0 or counts.sum() - counts.max() < FEWEST:
        return None
    return cross_predict(labelled.inputs, labelled.labels, fold, Forest, nested=False, rows=exact, tell=tell).outer


def check_hits(labels: Labels, checked: Prediction) -> dict[str, dict[str, float | int]] | None:
    """Count the hits that predictions promised among the molecules predicted best, and those that there were.

    Args:
        labels: The labels, n of them; bounds are passed over.
        checked: Predictions (n,) of molecules that the predictors had not seen; NaN where there is none.

    Returns:
        For "high" and for "low": the least or the most value of a hit, which the best tenth of the labels have; how many molecules
        were chosen, a tenth with the highest or the lowest predictions, FEWEST_CHOSEN or more; the number of hits expected of
        them, and found. None where there are fewer than three times as many molecules as are chosen.
    """
    known = labels.is_exact & torch.isfinite(checked.mean)
    y, mean, std = labels.y[known].double(), checked.mean[known].double(), checked.std[known].double()
    chosen = max(FEWEST_CHOSEN, len(y) // 10)
    if len(y) < 3 * chosen:
        return None
    found: dict[str, dict[str, float | int]] = {}
    for name, sign in (("high", 1.0), ("low", -1.0)):
        least = (sign * y).quantile(0.9)
        best = (sign * mean).topk(chosen).indices
        expected = torch.special.ndtr((sign * mean[best] - least) / std[best]).sum()
        hits = int((sign * y[best] >= least).sum())
        found[name] = {"threshold": sign * float(least), "chosen": chosen, "expected": float(expected), "found": hits}
    return found


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
    described: Prediction
    forest: Prediction | None = None
    """Of a random forest, where it has enough values to learn from, and not too many."""

    @property
    def by_kind(self) -> dict[Representation, Prediction]:
        """The predictions by representation."""
        return {"latent": self.latent, "fingerprint": self.fingerprint, DESCRIBED: self.described}


def predict_held_out(labelled: Labelled, is_train: Tensor, points: Tensor, latent: PropertyPredictor) -> HeldOut:
    """Predict the molecules that were held out of the training.

    Args:
        labelled: The measured molecules, n of them.
        is_train: (n,) bool.
        points: (n, D) latent means.
        latent: The predictor on latent points, fitted to the training molecules.
    """
    with torch.no_grad():
        found = [latent.predict(points)]
        for inputs in map(labelled.select_inputs, STRUCTURAL):
            found.append(fit_process(inputs[is_train], labelled.labels[is_train]).predict(inputs))
    if FEWEST <= int((is_train & labelled.labels.is_exact).sum()) <= COMPARED_MOLECULES:
        found.append(Forest(labelled.inputs[is_train], labelled.labels[is_train]).predict(labelled.inputs))
    return HeldOut(*(Prediction(*(x.masked_fill(is_train, torch.nan) for x in p)) for p in found))
