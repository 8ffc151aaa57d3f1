"""Nested cross-validation of the predictors of a measured property.

A procedure that chooses among representations and calibrates a spread on the molecules that it is judged by flatters itself
(Cawley & Talbot 2010, JMLR 11:2079). Inner folds choose and calibrate here, and each outer fold, which neither has seen, is
predicted by what they settled on. With K folds the inner predictor of fold a inside outer fold b is also that of b inside a, so that
K (K - 1) / 2 fits are all that nesting adds to the K fits of plain cross-validation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple, Protocol, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from chem_vae.predictors import Prediction
from chem_vae.predictors.labels import Labels
from pipeline.chemistry.metrics import find_scaffold
from pipeline.models.measured_predictor import Representation, combine

FOLDS = 4
"""With four folds nesting takes ten fits, twice as many as plain cross-validation by five."""
FEWEST_COMPARED = 10
"""Molecules below which two representations are not compared."""
DESCRIBED: Representation = "fingerprint+descriptors"
STRUCTURAL: tuple[Representation, ...] = ("fingerprint", DESCRIBED)
"""The representations that are known of every molecule."""


class Predictor(Protocol):
    """Predicts inputs (n, F)."""

    def predict(self, inputs: Tensor, /) -> Prediction: ...


Fit = Callable[[Tensor, Labels], Predictor]
"""Inputs (n, F) and labels (n,) -> a predictor."""


def assign_folds(
    smiles: Sequence[str], seed: int = 0, k: int = FOLDS, exact: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.int64], str]:
    """Divide molecules into k folds for cross-validation.

    Molecules of one scaffold stay together, so that a fold is predicted from other series than its own. Chance decides where one
    scaffold has more than a third of the molecules (the other folds would have too few to learn from) and where there are fewer than
    k scaffolds, and where the exact values are of so few scaffolds that too few would be left without one fold. A molecule without a ring
    is a scaffold of its own.

    Args:
        smiles: Canonical SMILES, at least k.
        seed: For chance.
        k: The number of folds.
        exact: Which of the labels (n,) are exact values; None: all.

    Returns:
        The fold (n,) of each molecule from 0 to k - 1, and what decided: "scaffold" or "chance".

    >>> assign_folds(["CCO", "CCN", "c1ccccc1C", "c1ccccc1O"], k=2)[1]
    'chance'
    """
    from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold  # heavy

    groups = [find_scaffold(text) or f"row {row}" for row, text in enumerate(smiles)]
    sizes = Counter(groups)
    by_chance = len(sizes) < k or max(sizes.values()) > len(groups) / 3
    splitter = KFold(k, shuffle=True, random_state=seed) if by_chance else GroupKFold(k)
    fold = np.empty(len(groups), dtype=np.int64)
    for number, (_, held_out) in enumerate(splitter.split(groups, groups=None if by_chance else groups)):
        fold[held_out] = number
    if exact is None or exact.all() or exact.sum() < k:
        return fold, "chance" if by_chance else "scaffold"
    if by_chance or exact.sum() - np.bincount(fold[exact], minlength=k).max() < FEWEST_COMPARED:
        by_chance = True
        divided = StratifiedKFold(k, shuffle=True, random_state=seed).split(groups, exact)
        for number, (_, held_out) in enumerate(divided):
            fold[held_out] = number
    return fold, "chance" if by_chance else "scaffold"


class FoldPredictions(NamedTuple):
    """The predictions of one representation in nested cross-validation; NaN where there is none."""

    outer: Prediction
    """(n,) of each molecule, by a predictor that has not seen its fold."""
    inner: list[Prediction]
    """For each outer fold (n,) of the molecules outside of it, by predictors that have seen neither it nor their own fold."""

    def inside(self, number: int | None) -> Prediction:
        """Return the predictions that may be looked at when outer fold `number` is held out; None: no fold is."""
        return self.outer if number is None else self.inner[number]


@torch.no_grad()
def cross_predict(
    inputs: Tensor,
    y: Tensor | Labels,
    fold: NDArray[np.int64],
    fit: Fit,
    *,
    nested: bool = True,
    rows: Tensor | None = None,
    tell: Callable[[], object] = lambda: None,
) -> FoldPredictions:
    """Predict each molecule by predictors that were fitted without its fold, and without its fold and one fold more.

    Args:
        inputs: (n, F) what the predictor sees.
        y: (n,) measured values, some of which may be bounds.
        fold: (n,) from `assign_folds`.
        fit: Fits a predictor to inputs and labels.
        nested: Whether the inner predictions are wanted.
        rows: (n,) bool, the molecules to learn from and to predict; None: all.
        tell: Called after each fit.

    Returns:
        The outer and, if nested, the inner predictions.
    """
    y = Labels.of(y)
    wanted = torch.ones(len(y), dtype=torch.bool) if rows is None else rows
    numbers = range(int(fold.max()) + 1)
    outer, inner = _nothing(len(y)), [_nothing(len(y)) for _ in numbers] if nested else []
    pairs = [(a, a) for a in numbers] + (list(combinations(numbers, 2)) if nested else [])
    for a, b in pairs:
        seen = wanted & torch.from_numpy((fold != a) & (fold != b))
        if int(y[seen].is_exact.sum()) < 2:  # nothing says where the values lie
            tell()
            continue
        with torch.enable_grad():
            predictor = fit(inputs[seen], y[seen])
        for target, predictions in [(a, outer)] if a == b else [(a, inner[b]), (b, inner[a])]:
            held_out = wanted & torch.from_numpy(fold == target)
            if held_out.any():
                predictions.mean[held_out], predictions.std[held_out] = predictor.predict(inputs[held_out])
        tell()
    return FoldPredictions(outer, inner)


def hide_folds(predicted: Prediction, fold: NDArray[np.int64]) -> FoldPredictions:
    """Arrange predictions (n,) of a predictor that has learned from none of these molecules as those of each fold."""
    held_out = [torch.from_numpy(fold == number) for number in range(int(fold.max()) + 1)]
    return FoldPredictions(
        predicted, [Prediction(*(x.masked_fill(rows, torch.nan) for x in predicted)) for rows in held_out]
    )


class Choice(NamedTuple):
    """A representation with its calibrated spread."""

    chosen: Representation
    weight: float
    """The share of latent points in "both"."""
    scales: dict[Representation, float]
    """The factor of each representation's standard deviations; that of "both" applies to the scaled mixture."""

    @property
    def process(self) -> Representation:
        """The representation of the process over structure: the chosen one, or the one beside latent points in "both"."""
        return self.chosen if self.chosen in STRUCTURAL else find_partner(self.scales)

    def predict(self, predictions: Mapping[Representation, Prediction]) -> Prediction:
        """Apply the choice to the predictions (n,) of each representation as they come from their predictors."""
        if self.chosen == "both":
            return _scale(_mix(predictions, self.scales, self.weight), self.scales["both"])
        return _scale(predictions[self.chosen], self.scales[self.chosen])


def choose(
    compared: Mapping[Representation, Prediction], predictions: Mapping[Representation, Prediction], y: Tensor | Labels
) -> tuple[Choice, dict[Representation, dict[str, float | int]]]:
    """Choose the representation with the smallest error of exact values and calibrate the spread of each, by bounds too.

    Args:
        compared: Predictions (n,) of "fingerprint" and perhaps "fingerprint+descriptors" and "latent", made from equally many labels;
            they are compared where all are finite.
        predictions: Those that the choice is for, made from as many labels as each may have; the spread is calibrated on them.
        y: (n,) measured values, some of which may be bounds.

    Returns:
        The choice, and r2, rmse, n and deviation (`deviation`) of each representation and of "both".
    """
    labels = Labels.of(y)
    y = labels.y
    rows = find_compared(compared) & labels.is_exact
    if int(rows.sum()) < FEWEST_COMPARED:
        compared = {kind: predictions[kind] for kind in STRUCTURAL if kind in predictions}
        rows = torch.isfinite(predictions["fingerprint"].mean) & labels.is_exact
    found = {kind: Prediction(p.mean[rows], p.std[rows]) for kind, p in compared.items()}
    scales = {kind: calibrate_scale(labels, predictions[kind]) for kind in compared}
    weight = 0.0
    if "latent" in found:
        latent, partner = (float((y[rows] - found[k].mean).square().mean()) for k in ("latent", find_partner(found)))
        weight = partner / (latent + partner) if latent + partner > 0 else 0.5  # also where no exact value is left
        found["both"] = _mix(found, {kind: deviation(y[rows], p) for kind, p in found.items()}, weight)
        scales["both"] = calibrate_scale(labels, _mix(predictions, scales, weight))
    figures = {kind: measure_errors(y[rows], found[kind]) for kind in get_args(Representation) if kind in found}
    errors = {kind: found["rmse"] for kind, found in figures.items() if np.isfinite(found["rmse"])}
    return Choice(min(errors, key=errors.__getitem__) if errors else find_partner(compared), weight, scales), figures


def find_compared(predictions: Mapping[Representation, Prediction]) -> Tensor:
    """Find the molecules (n,) bool that all representations predict."""
    return torch.stack([torch.isfinite(p.mean) for p in predictions.values()]).all(dim=0)


def predict_nested(
    compared: Mapping[Representation, FoldPredictions],
    predictions: Mapping[Representation, FoldPredictions],
    y: Tensor | Labels,
    fold: NDArray[np.int64],
) -> tuple[Prediction, list[Representation]]:
    """Predict each outer fold by what was chosen and calibrated without it; see `choose` for the arguments.

    Returns:
        Mean and standard deviation (n,) of each molecule, NaN where the chosen representation has none, and each fold's choice.
    """
    result, chosen = _nothing(len(y)), []
    outer = {kind: p.outer for kind, p in predictions.items()}
    for number in range(int(fold.max()) + 1):
        choice, _ = choose(
            {kind: p.inside(number) for kind, p in compared.items()},
            {kind: p.inside(number) for kind, p in predictions.items()},
            y,
        )
        held_out = torch.from_numpy(fold == number)
        for into, values in zip(result, choice.predict(outer), strict=True):
            into[held_out] = values[held_out]
        chosen.append(choice.chosen)
    return result, chosen


def find_partner(kinds: Collection[Representation]) -> Representation:
    """Find the representation that "both" puts beside latent points: with descriptors, where they were tried."""
    return DESCRIBED if DESCRIBED in kinds else "fingerprint"


def deviation(y: Tensor, predicted: Prediction) -> float:
    """Return the root mean square of the errors (n,) in units of their standard deviations, NaN left out; 1 is calibrated."""
    found = float(((y - predicted.mean) / predicted.std).square().nanmean().sqrt().clamp(0.2, 20.0))
    return found if np.isfinite(found) else 1.0  # nothing is known against them


def calibrate_scale(labels: Labels, predicted: Prediction) -> float:
    """Return the factor of the standard deviations (n,) under which the labels are likeliest; 1 is calibrated."""
    known = torch.isfinite(predicted.mean)
    bound = labels.is_bound & known
    if not bound.any():
        return deviation(labels.y, predicted)
    scales = torch.logspace(np.log10(0.2), np.log10(20.0), 101, dtype=torch.float64)
    z = ((labels.y - predicted.mean) / predicted.std)[labels.is_exact & known].double()
    of_values = -0.5 * z.square().sum() / scales.square() - len(z) * scales.log()
    of_bounds = torch.stack(
        [score_bounds(labels, Prediction(predicted.mean, predicted.std * s))[bound].sum() for s in scales]
    )
    return float(scales[(of_values + of_bounds).argmax()])


def score_bounds(labels: Labels, predicted: Prediction) -> Tensor:
    """Return the log likelihood (n,) of the labels that are bounds; NaN for the others."""
    lower, upper = labels.bounds
    mean, std = predicted.mean.double(), predicted.std.double()
    inside = torch.special.ndtr((upper - mean) / std) - torch.special.ndtr((lower - mean) / std)
    one_sided = torch.where(torch.isinf(upper), (mean - lower) / std, (upper - mean) / std)
    likelihood = torch.where(
        torch.isinf(upper) | torch.isinf(lower), torch.special.log_ndtr(one_sided), inside.clamp_min(1e-12).log()
    )
    return torch.where(labels.is_bound, likelihood, torch.nan)


def measure_errors(y: Tensor, predicted: Prediction) -> dict[str, float | int]:
    """Return r2, rmse, n and deviation (`deviation`) of predictions (n,) of exact values; NaN where these are too few, or all equal."""
    from sklearn.metrics import r2_score, root_mean_squared_error  # heavy

    varies = len(y) > 1 and bool(y.max() > y.min())  # of equal values R² says nothing
    r2 = float(r2_score(y, predicted.mean)) if varies else np.nan
    rmse = float(root_mean_squared_error(y, predicted.mean)) if len(y) else np.nan
    return {"r2": r2, "rmse": rmse, "n": len(y), "deviation": deviation(y, predicted)}


def _scale(predicted: Prediction, factor: float) -> Prediction:
    return Prediction(predicted.mean, predicted.std * factor)


def _mix(
    predictions: Mapping[Representation, Prediction], scales: Mapping[Representation, float], weight: float
) -> Prediction:
    latent, partner = (_scale(predictions[kind], scales[kind]) for kind in ("latent", find_partner(predictions)))
    return combine(latent, partner, weight)


def _nothing(n: int) -> Prediction:
    return Prediction(torch.full((n,), torch.nan), torch.full((n,), torch.nan))
