"""Evaluates the activity models of PMO's tasks drd2, gsk3b and jnk3 from plain arrays, with NumPy alone.

`convert_activity_models.py` makes the arrays once. The probabilities are those of scikit-learn's `predict_proba`: the largest
difference from the originals was 1e-13 (2,000 molecules of MOSES and 1,000 of ZINC250k).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdkit.Chem import Mol, rdFingerprintGenerator

from chem_vae.errors import UserError
from pipeline.workspace.storage.cache_folder import find_cache_folder

NAMES = ("drd2", "gsk3b", "jnk3")
FEATURES = 2048
_LEAST, _ENOUGH = 1e-7, 0.0025
"""libsvm keeps a probability away from 0 and 1 by the first, and ends its iteration at the second (0.005 over two classes)."""

Arrays = dict[str, NDArray[Any]]


def find_arrays(name: str) -> Path:
    """Find the file with the arrays of a model in the cache folder, whether it is there or not."""
    return find_cache_folder() / "activity-models" / f"{name}.npz"


@functools.cache
def load_arrays(name: str) -> Arrays:
    """Load the arrays of a model. Raises UserError that says how to make them, where they are not there."""
    path = find_arrays(name)
    if not path.is_file():
        raise UserError(
            f"the task {name} needs the arrays {path}: run `python benchmarks/convert_activity_models.py` once, which makes them "
            "from the wheel of molscore 1.9.5 (70 MB)"
        )
    with np.load(path, allow_pickle=False) as arrays:
        return prepare({key: arrays[key] for key in arrays.files})


def prepare(arrays: Arrays) -> Arrays:
    """Add what is the same for all molecules to the arrays of a support vector machine: its vectors' squares."""
    if "vectors" not in arrays:
        return arrays
    vectors = arrays["vectors"].astype(np.float32)  # counts: their products are exact
    return {**arrays, "vectors": vectors, "squares": (vectors**2).sum(axis=1)}


@functools.cache
def _get_generator(name: str) -> Any:
    if name == "drd2":
        features = rdFingerprintGenerator.GetMorganFeatureAtomInvGen()
        return rdFingerprintGenerator.GetMorganGenerator(radius=3, atomInvariantsGenerator=features)
    return rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=FEATURES)


def compute_features(name: str, mols: Sequence[Mol]) -> NDArray[np.float32]:
    """Compute the features of a model.

    Args:
        name: drd2 takes counts of FCFP6, the others bits of ECFP4, both folded to 2,048.
        mols: The molecules.

    Returns:
        (n, 2048) features.
    """
    found = np.zeros((len(mols), FEATURES), dtype=np.float32)
    generator = _get_generator(name)
    for row, mol in enumerate(mols):
        if name == "drd2":
            for place, count in generator.GetSparseCountFingerprint(mol).GetNonzeroElements().items():
                found[row, place % FEATURES] += count
        else:
            found[row, list(generator.GetFingerprint(mol).GetOnBits())] = 1.0
    return found


def predict_activity(name: str, mols: Sequence[Mol]) -> NDArray[np.float64]:
    """Predict the probability that molecules are active.

    Args:
        name: drd2, gsk3b or jnk3.
        mols: The molecules.

    Returns:
        (n,) probabilities.

    Raises:
        UserError: If the arrays of the model are not there.
    """
    arrays = load_arrays(name)
    features = compute_features(name, mols)
    return evaluate_machine(arrays, features) if "vectors" in arrays else evaluate_forest(arrays, features)


def evaluate_forest(arrays: Arrays, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Evaluate a random forest: the mean over its trees of the share of actives in the leaf that a molecule falls into."""
    rows = np.arange(len(features))[:, None]
    at = np.repeat(arrays["roots"][None, :], len(features), axis=0)
    while True:
        low = features[rows, arrays["feature"][at]] <= arrays["threshold"][at]
        after = np.where(low, arrays["left"][at], arrays["right"][at])
        if np.array_equal(after, at):
            return np.asarray(arrays["share"][at].mean(axis=1))
        at = after


def evaluate_machine(arrays: Arrays, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Evaluate a support vector machine with an RBF kernel, its decision made a probability as libsvm makes it."""
    shared = features @ arrays["vectors"].T
    squares = arrays["squares"][None, :] + (features**2).sum(axis=1)[:, None] - 2.0 * shared
    kernel = np.exp(-arrays["gamma"][0] * squares.astype(np.float64))
    decision = kernel @ arrays["weights"] + arrays["intercept"][0]
    slope, shift = arrays["sigmoid"]
    inactive = np.clip(1.0 / (1.0 + np.exp(slope * decision + shift)), _LEAST, 1.0 - _LEAST)
    return np.array([_couple(r) for r in inactive], dtype=np.float64)


def _couple(r: float) -> float:
    """Iterate to the probability of the second class from that of the first against it, as libsvm does for any number of classes.

    Wu, Lin and Weng 2004, JMLR 5:975. For two classes the answer is 1 - r; libsvm stops a little before it.
    """
    q = np.array([[(1.0 - r) ** 2, -r * (1.0 - r)], [-r * (1.0 - r), r**2]])
    p = np.array([0.5, 0.5])
    for _ in range(100):
        qp = q @ p
        whole = float(p @ qp)
        if np.abs(qp - whole).max() < _ENOUGH:
            break
        for t in (0, 1):
            step = (whole - qp[t]) / q[t, t]
            p[t] += step
            whole = (whole + step * (step * q[t, t] + 2.0 * qp[t])) / (1.0 + step) ** 2
            qp = (qp + step * q[t]) / (1.0 + step)
            p /= 1.0 + step
    return float(p[1])
