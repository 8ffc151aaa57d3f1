"""References in the cache."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chem_vae.errors import BusyError
from chem_vae.progress import silent
from pipeline.benchmark import reference
from pipeline.benchmark.chemnet import Moments
from pipeline.benchmark.molecules import measure
from pipeline.benchmark.reference import load_arrays
from pipeline.workspace.storage.folders import lock_folder

ACETANILIDE, ASPIRIN = "CC(=O)Nc1ccccc1", "CC(=O)Oc1ccccc1C(=O)O"


def test_chemnet_goes_on_at_its_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def moments(smiles: list[str], **_: Any) -> Moments:
        asked.append(smiles)
        if len(asked) == 3:
            raise KeyboardInterrupt
        features = np.array([[float(len(s))] for s in smiles])
        return Moments(len(smiles), features.sum(axis=0), features.T @ features)

    monkeypatch.setattr(reference, "sum_moments", moments)
    monkeypatch.setattr(reference, "_PIECE", 2)
    smiles = ["C", "CC", "CCC", "CCCC", "CCCCC"]
    with pytest.raises(KeyboardInterrupt):
        reference._sum_in_pieces(smiles, tmp_path / "a.npz", silent, "ChemNet")
    found = reference._sum_in_pieces(smiles, tmp_path / "a.npz", silent, "ChemNet").gaussian()
    assert asked == [["C", "CC"], ["CCC", "CCCC"], ["CCCCC"], ["CCCCC"]]
    assert (found.n, found.mean[0], found.covariance[0, 0]) == (5, 3.0, 2.5)


def test_damaged_cache_is_made_again(tmp_path: Path) -> None:
    made = []

    def make() -> dict[str, Any]:
        made.append(1)
        return reference.to_arrays(measure([ACETANILIDE, ASPIRIN, "c1ccc2ccccc2c1"]))

    path, names = tmp_path / "a.npz", reference._CHEMISTRY
    first = load_arrays(path, names, make)
    again = load_arrays(path, names, make)
    assert len(made) == 1 and all(np.array_equal(first[n], again[n]) for n in names)
    assert reference._read_counter(again, "scaffolds") == Counter({"c1ccc2ccccc2c1": 1})
    whole = path.read_bytes()
    for damage in (whole[: len(whole) // 2], b"", whole[:200] + bytes(60) + whole[260:]):
        path.write_bytes(damage)
        assert np.array_equal(load_arrays(path, names, make)["fingerprints"], first["fingerprints"])
        assert path.read_bytes()[:2] == b"PK"
    assert len(made) == 4
    path.unlink()
    with lock_folder(path, "computing"), pytest.raises(BusyError):
        load_arrays(path, names, make)
    assert [p.name for p in tmp_path.iterdir() if p.suffix != ".lock"] == []
