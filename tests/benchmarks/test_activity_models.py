"""Activity models: pickles are read without running what is in them, and arrays give what scikit-learn gives."""

from __future__ import annotations

import os
import pickle
import pickletools
from pathlib import Path

import activity_models
import convert_activity_models
import numpy as np
import pytest
from activity_models import compute_features, evaluate_forest, evaluate_machine, find_arrays, predict_activity, prepare
from convert_activity_models import ADMITTED, convert
from rdkit import Chem
from sklearn.ensemble import RandomForestClassifier
from sklearn.svm import SVC

from chem_vae.errors import ChemVAEError, UserError

SMILES = ("Clc1cccc(N2CCN(CCCCOc3ccc4c(c3)NC(=O)CC4)CC2)c1Cl", "CC(=O)Oc1ccccc1C(=O)O",
          "Cn1cc(C2=C(c3c[nH]c4ccccc34)C(=O)NC2=O)c2ccccc21", "O=C1c2ccccc2-c2n[nH]c3cccc1c23")  # fmt: skip
"""Aripiprazole, aspirin, a bisindolylmaleimide and SP600125."""
MOLS = [Chem.MolFromSmiles(s) for s in SMILES]


@pytest.fixture
def admitted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Admit the names that the installed versions write, beside those of the versions that the models were saved with."""
    now = {
        ("numpy._core.multiarray", "_reconstruct"): ADMITTED["numpy.core.multiarray", "_reconstruct"],
        ("numpy._core.multiarray", "scalar"): ADMITTED["numpy.core.multiarray", "scalar"],
        ("sklearn.svm._classes", "SVC"): convert_activity_models.Record,
        ("sklearn.ensemble._forest", "RandomForestClassifier"): convert_activity_models.Record,
        ("sklearn.tree._classes", "DecisionTreeClassifier"): convert_activity_models.Record,
    }
    monkeypatch.setattr(convert_activity_models, "ADMITTED", {**ADMITTED, **now})


def _make_data(largest: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    features = random.integers(0, largest + 1, (300, 40)).astype(np.float32)
    return features, (features[:, 0] + features[:, 1] > largest).astype(int)


def test_a_forest_gives_the_same_probabilities(admitted: None) -> None:
    features, y = _make_data(1)
    model = RandomForestClassifier(20, min_samples_leaf=3, random_state=0).fit(features[:200], y[:200])
    found = evaluate_forest(convert(pickle.dumps(model, protocol=3)), features[200:])
    assert found == pytest.approx(model.predict_proba(features[200:])[:, 1], abs=1e-12) and found.std() > 0.1


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_machine_gives_the_same_probabilities(admitted: None) -> None:
    features, y = _make_data(3)
    model = SVC(kernel="rbf", gamma=0.05, probability=True, random_state=0).fit(features[:200].astype(float), y[:200])
    found = evaluate_machine(prepare(convert(pickle.dumps(model, protocol=3))), features[200:])
    assert found == pytest.approx(model.predict_proba(features[200:].astype(float))[:, 1], abs=1e-9)
    assert found.min() < 0.1 and found.max() > 0.9


class _Command:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


def test_nothing_of_a_pickle_is_run(tmp_path: Path) -> None:
    data = pickle.dumps(_Command(tmp_path / "made"), protocol=3)
    assert any(op.name == "REDUCE" for op, _, _ in pickletools.genops(data))
    with pytest.raises(ChemVAEError, match="mkdir, which is not read"):
        convert(data)
    assert not (tmp_path / "made").exists()
    for other in (b"", b"nonsense", pickle.dumps({"a": 1}), pickle.dumps(np.array([object()]))):
        with pytest.raises(ChemVAEError):
            convert(other)


def test_missing_arrays_are_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CHEM_VAE_CACHE", str(tmp_path))
    activity_models.load_arrays.cache_clear()
    with pytest.raises(UserError, match=r"python benchmarks/convert_activity_models.py"):
        predict_activity("drd2", MOLS)


def test_features() -> None:
    counts, bits = compute_features("drd2", MOLS), compute_features("gsk3b", MOLS)
    assert counts.shape == bits.shape == (4, 2048) and counts.max() > 1 and bits.max() == 1
    # FCFP6 has each atom once for each radius at most; alike environments of ECFP4 are one bit
    assert counts[1].sum() <= 4 * 13 and bits[1].sum() == 24


@pytest.mark.skipif(not find_arrays("drd2").is_file(), reason="benchmarks/convert_activity_models.py was not run")
def test_known_probabilities() -> None:
    """What scikit-learn gives with the originals."""
    activity_models.load_arrays.cache_clear()
    assert predict_activity("drd2", MOLS) == pytest.approx([0.999994, 0.000308, 0.002562, 0.001455], abs=1e-6)
    assert predict_activity("gsk3b", MOLS) == pytest.approx([0.06, 0.0, 0.99, 0.74], abs=1e-9)
    assert predict_activity("jnk3", MOLS) == pytest.approx([0.03, 0.0, 0.29, 0.67], abs=1e-9)
