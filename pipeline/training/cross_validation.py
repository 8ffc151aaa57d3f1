"""Cross-validation of predictors of a measured property: by folds of scaffolds, on molecules whose labels nothing has seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from chem_vae.predictors import Prediction, PropertyPredictor
from pipeline.chemistry.metrics import scaffold

FOLDS = 5
Fit = Callable[[Tensor, Tensor], PropertyPredictor]
"""Inputs (n, F) and values (n,) -> a predictor."""


def folds_of(smiles: Sequence[str], seed: int = 0, k: int = FOLDS) -> tuple[NDArray[np.int64], str]:
    """The fold (n,) of each molecule, and what molecules of one fold have in common: "scaffold", or "chance".

    Molecules of one scaffold stay together, so that a fold is predicted from other series than its own. Where one scaffold
    has more than a third of them (molecules without a ring are each their own), that would leave too few to learn from, and
    chance decides.

    >>> folds_of(["CCO", "CCN", "c1ccccc1C", "c1ccccc1O"], k=2)[1]
    'chance'
    """
    random = np.random.default_rng(seed)
    groups = [scaffold(text) or f"row {row}" for row, text in enumerate(smiles)]
    sizes = Counter(groups)
    order = random.permutation(len(groups))
    fold = np.empty(len(groups), dtype=np.int64)
    if max(sizes.values(), default=0) > len(groups) / 3:
        fold[order] = np.arange(len(groups)) % k
        return fold, "chance"
    shuffled = list(dict.fromkeys(groups[i] for i in order))
    filled, of = [0] * k, {}
    for group in sorted(shuffled, key=lambda g: -sizes[g]):  # stable: equals stay shuffled
        of[group] = int(np.argmin(filled))
        filled[of[group]] += sizes[group]
    return np.array([of[g] for g in groups], dtype=np.int64), "scaffold"


@torch.no_grad()
def out_of_fold(inputs: Tensor, y: Tensor, fold: NDArray[np.int64], fit: Fit) -> Prediction:
    """Mean and standard deviation (n,) of each molecule, from a predictor of the other folds. inputs (n, F), y (n,)."""
    mean, std = torch.full((len(y),), torch.nan), torch.full((len(y),), torch.nan)
    for number in np.unique(fold):
        held_out = torch.from_numpy(fold == number)
        with torch.enable_grad():
            predictor = fit(inputs[~held_out], y[~held_out])
        mean[held_out], std[held_out] = predictor.predict(inputs[held_out])
    return Prediction(mean, std)


def r2_rmse(y: Tensor, mean: Tensor) -> tuple[float, float]:
    """The share of the variance that predictions (n,) explain, and their root mean squared error."""
    squared = (y - mean).square()
    return 1.0 - float(squared.sum() / (y - y.mean()).square().sum().clamp_min(1e-12)), float(squared.mean().sqrt())
