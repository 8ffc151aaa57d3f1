"""Fréchet ChemNet Distance (FCD; Preuer et al. 2018, doi:10.1021/acs.jcim.8b00234) between two sets of molecules.

It compares the hidden layer of a network that learned biological activities.

ChemNet's weights come with the package fcd_torch, the optional extra `benchmark`; they are read as tensors alone, never
as a pickle that could run code.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from chem_vae.errors import ChemVAEError, UserError
from chem_vae.progress import Progress, silent

FEATURES = 512
LENGTH = 350  # symbols of a SMILES that ChemNet reads, padding included
WEIGHTS = "ChemNet_v0.13_pretrained.pt"
MISSING = (
    "FCD needs the package fcd_torch, which carries ChemNet's weights; install it with the extra `benchmark`: "
    "pip install 'chem-vae[benchmark]' (from a checkout: pip install -c constraints.txt -e '.[benchmark]')"
)


@dataclass(frozen=True)
class Gaussian:
    """Mean (512,) and covariance (512, 512) of ChemNet's last hidden layer over `n` molecules, float64."""

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]
    n: int


def find_fcd_version() -> str:
    """Return the installed version of fcd_torch. Raises UserError naming the extra where there is none."""
    _import_utilities()
    return version("fcd_torch")


@dataclass(frozen=True)
class Moments:
    """Sums over molecules from which a Gaussian follows; those of two lists add up to those of both. float64."""

    n: int
    total: NDArray[np.float64]
    """(512,)"""
    products: NDArray[np.float64]
    """(512, 512)"""

    def __add__(self, other: Moments) -> Moments:
        return Moments(self.n + other.n, self.total + other.total, self.products + other.products)

    @classmethod
    def none(cls) -> Moments:
        """Return the moments of no molecule."""
        return cls(0, np.zeros(FEATURES), np.zeros((FEATURES, FEATURES)))

    def gaussian(self) -> Gaussian:
        """Compute the Gaussian; NaN for fewer than two molecules."""
        if self.n < 2:
            return Gaussian(np.full(FEATURES, math.nan), np.full((FEATURES, FEATURES), math.nan), self.n)
        mean = self.total / self.n
        return Gaussian(mean, (self.products - self.n * np.outer(mean, mean)) / (self.n - 1), self.n)


def fit_gaussian(
    smiles: Sequence[str], *, batch_size: int = 512, progress: Progress = silent, stage: str = "ChemNet"
) -> Gaussian:
    """Fit the Gaussian that FCD compares to canonical SMILES. Raises UserError without fcd_torch."""
    return sum_moments(smiles, batch_size=batch_size, progress=progress, stage=stage).gaussian()


def sum_moments(
    smiles: Sequence[str], *, batch_size: int = 512, progress: Progress = silent, stage: str = "ChemNet"
) -> Moments:
    """Sum the moments that the Gaussian follows from.

    In float32: bfloat16 would be twice as fast, and it moved an FCD of 1.0 by 0.002 and one of 1.6 by 0.02.
    """
    net, one_hot = _load_chemnet(), _import_utilities().get_one_hot
    moments = Moments.none()
    progress(stage, 0, len(smiles))
    for start in range(0, len(smiles), batch_size):
        batch = smiles[start : start + batch_size]
        coded = np.stack([one_hot(s, LENGTH) for s in batch]).astype(np.float32)
        with torch.inference_mode():
            features = net(torch.from_numpy(coded / coded.shape[2]).transpose(1, 2)).double().numpy()
        moments += Moments(len(batch), features.sum(axis=0), features.T @ features)
        progress(stage, moments.n, len(smiles))
    return moments


def compute_frechet_distance(a: Gaussian, b: Gaussian) -> float:
    """Compute |m1 - m2|² + tr(C1 + C2 - 2 (C1 C2)^½), in 0..inf; NaN where one of them is of fewer than two molecules.

    The trace of the root is the sum of the roots of the eigenvalues of C1^½ C2 C1^½, which is symmetric, so that no
    general matrix root is needed and none of its imaginary remainders is met.
    """
    if a.n < 2 or b.n < 2:
        return math.nan
    values, vectors = np.linalg.eigh(a.covariance)
    root = (vectors * np.sqrt(values.clip(min=0.0))) @ vectors.T
    between = np.linalg.eigvalsh(root @ b.covariance @ root).clip(min=0.0)
    apart = a.mean - b.mean
    return float(apart @ apart + np.trace(a.covariance) + np.trace(b.covariance) - 2 * np.sqrt(between).sum())


def compute_fcd(smiles: Sequence[str], reference: Sequence[str], progress: Progress = silent) -> float:
    """Compute the FCD between two lists of valid SMILES, canonicalized first; lower is nearer, NaN for fewer than two."""
    from pipeline.benchmark.molecules import MeasuredParts, measure  # here: loads rdkit and multiprocessing

    wanted = MeasuredParts(structure=False, properties=False)
    ours, theirs = (measure(s, wanted, progress=progress).smiles for s in (smiles, reference))
    return compute_frechet_distance(fit_gaussian(ours, progress=progress), fit_gaussian(theirs, progress=progress))


def _import_utilities() -> Any:
    try:
        from fcd_torch import utils  # here: loads fcd_torch
    except ImportError as error:
        raise UserError(f"{MISSING} ({error})") from None
    return utils


@cache
def _load_chemnet() -> torch.nn.Module:
    utilities = _import_utilities()
    path = Path(utilities.__file__).with_name(WEIGHTS)
    try:
        layers = torch.load(path, map_location="cpu", weights_only=True)
        net: torch.nn.Module = utilities.load_imported_model(layers)
    except Exception as error:  # UnpicklingError, RuntimeError, OSError, as the file may be
        raise ChemVAEError(f"ChemNet cannot be read from {path}: {error}; install fcd_torch again") from error
    return net.eval()
