"""Fits the predictor of a property: a Gaussian process on few molecules, an ensemble of perceptrons on many."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from chem_vae.data import TokenDataset
from chem_vae.errors import DataError
from chem_vae.predictors import PropertyPredictor
from chem_vae.predictors.expectation_propagation import match_moments
from chem_vae.predictors.gaussian_process import GP_MOST, GaussianProcess
from chem_vae.predictors.labels import Labels
from chem_vae.predictors.mlp_ensemble import MLPEnsemble


def read_labels(data: TokenDataset, column: int) -> Labels:
    """Read the labels of one property of a dataset: its exact values, bounds and spreads."""
    values, bounds, spreads = (
        torch.from_numpy(np.array(part[:, column])) for part in (data.values(), data.bounds(), data.spreads())
    )
    return Labels(values.float(), bounds[:, 0].float(), bounds[:, 1].float(), spreads.float())


def fit_predictor(
    z: Tensor, y: Tensor | Labels, seed: int = 0, most: int = 10_000, noisy: bool = True
) -> PropertyPredictor:
    """Fit a predictor: a Gaussian process up to GP_MOST molecules, an ensemble above.

    Args:
        z: (n, D) latent means.
        y: (n,) values in raw units, or labels some of which are bounds; rows with neither are left out.
        seed: The seed.
        most: The most molecules that are used, drawn with the seed.
        noisy: Whether the values have noise, as measured ones do and computed ones do not.

    Returns:
        The predictor, not calibrated yet.

    Raises:
        DataError: If fewer than ten molecules are measured.
    """
    labels = Labels.of(y)
    measured = labels.is_exact | labels.is_bound
    z, labels = z[measured], labels[measured]
    if len(labels) < 10:
        raise DataError(f"{len(labels)} measured molecules are too few to fit a predictor; ten is the least")
    if len(labels) > most:
        drawn = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))[:most]
        z, labels = z[drawn], labels[drawn]
    if len(labels) <= GP_MOST:
        return GaussianProcess(z, labels.y, noisy=noisy) if labels.is_plain else GaussianProcess.fit_labels(z, labels)
    values = labels.y if bool(labels.is_exact.all()) else _impute(z, labels, seed)
    return MLPEnsemble.fit(z.numpy(), values.numpy(), seed=seed)


@torch.no_grad()
def _impute(z: Tensor, labels: Labels, seed: int) -> Tensor:
    """Put, for each bound, the value that is to be expected within it by a predictor of the values and bounds."""
    predictor = MLPEnsemble.fit(z.numpy(), labels.values.numpy(), seed=seed)
    mean, std = (part.double() for part in predictor.predict(z))
    lower, upper = (end.double() for end in labels.bounds)
    _, expected, _ = match_moments(mean, std.square(), torch.full_like(mean, 1e-9), lower, upper)
    return torch.where(labels.is_exact, labels.y, expected.to(labels.y.dtype))
