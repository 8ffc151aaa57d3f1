"""The files of a report: written whole, the page last, and read again by other programs."""

from __future__ import annotations

import json
import math
import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem

from chem_vae import atomic_files
from pipeline import report
from pipeline.chemistry.molecule import Molecule
from tests.pipeline.report.samples import SMILES, as_report, candidates, full_report


def test_the_json_is_strict_and_comes_back(tmp_path: Path) -> None:
    content = full_report()
    content["achieved"][0]["mae"] = math.nan
    content["diversity"] = {"internal_diversity": np.float32(0.5), "scaffolds": np.int64(4), "of": 5}
    content["latent_map"]["data"] = np.array([[0.5, math.inf]])
    content["seconds"] = {"train": math.inf, "generate": 2.5}
    content["title"] = "Å\u2028"
    report.write(tmp_path, as_report(content), candidates())

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    back = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"), parse_constant=refuse)
    assert back["achieved"][0]["mae"] is None
    assert back["diversity"] == {"internal_diversity": 0.5, "scaffolds": 4, "of": 5}
    assert back["latent_map"]["data"] == [[0.5, None]]
    assert back["seconds"] == {"train": None, "generate": 2.5} and back["title"] == "Å\u2028"
    assert back["training"] == content["training"] and list(back) == list(content)


def test_the_sdf_holds_the_same_molecules_and_all_columns(written: Path) -> None:
    mols = list(Chem.SDMolSupplier(str(written.parent / "candidates.sdf")))
    assert [Chem.MolToSmiles(m) for m in mols] == [Chem.CanonSmiles(s) for s in SMILES]
    assert [m.GetProp("_Name") for m in mols] == [f"night-7-{i:03d}" for i in range(1, 6)]
    assert all(set(candidates().columns) <= set(m.GetPropNames()) for m in mols)
    assert float(mols[2].GetProp("pIC50_predicted")) == pytest.approx(8.1)
    assert mols[0].GetProp("alerts") == "" and mols[3].GetProp("alerts").startswith("PAINS")
    atoms = mols[0].GetConformer()
    assert not atoms.Is3D() and atoms.GetPositions().std() > 0.5


def test_the_csv_comes_back(written: Path) -> None:
    back = pd.read_csv(written.parent / "candidates.csv", keep_default_na=False)
    pd.testing.assert_frame_equal(back, candidates(), check_dtype=False)


def test_the_page_is_written_last_and_nothing_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        report.write(tmp_path, as_report(full_report()), candidates())
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    order: list[str] = []
    write_whole = atomic_files.write_whole

    def noting(path: Path) -> AbstractContextManager[Path]:
        order.append(path.name)
        return write_whole(path)

    monkeypatch.setattr(atomic_files, "write_whole", noting)
    assert report.write(tmp_path, as_report(full_report()), candidates()) == tmp_path / "report.html"
    assert order[-1] == "report.html"
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(order)


def test_molecules_that_are_parsed_already_give_the_same_files(written: Path, tmp_path: Path) -> None:
    frame = candidates()
    frame.insert(2, "molecule", pd.Series([Molecule.parse(s) for s in frame["smiles"]], dtype=object))
    report.write(tmp_path, as_report(full_report()), frame)
    for name in ("candidates.csv", "candidates.sdf", "report.html"):
        assert (tmp_path / name).read_bytes() == (written.parent / name).read_bytes(), name
