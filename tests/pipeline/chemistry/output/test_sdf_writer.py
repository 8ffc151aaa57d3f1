"""Tables of molecules as SD files."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from rdkit import Chem

from pipeline.chemistry.output.sdf_writer import format_sdf
from tests.pipeline.report.samples import candidates


def test_an_sd_property_cannot_end_its_record() -> None:
    frame = candidates(2)
    frame["a\n>  <note>"] = ["one\n\n$$$$\ntwo", "$$$$"]
    frame["gap"] = [math.nan, 1.0]
    mols = read("".join(format_sdf(frame, "run")))
    assert len(mols) == 2 and None not in mols
    assert mols[0].GetProp("a_  _note_") == "one $$$$ two" and mols[1].GetProp("a_  _note_").strip() == "$$$$"
    assert not mols[0].HasProp("gap") and mols[1].GetProp("gap") == "1.0"


def test_many_rows_are_written_by_processes_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pd.concat([candidates(5)] * 5, ignore_index=True).assign(rank=range(1, 26))
    alone = "".join(format_sdf(frame, "run"))
    monkeypatch.setattr("pipeline.chemistry.output.sdf_writer._ROWS_AT_ONCE", 5)
    parts = list(format_sdf(frame, "run", workers=2))
    assert len(parts) == 5
    names = [mol.GetProp("_Name") for mol in read("".join(parts))]
    assert names == [mol.GetProp("_Name") for mol in read(alone)] == [f"run-{rank:03d}" for rank in range(1, 26)]


def read(text: str) -> list[Chem.Mol]:
    supplier = Chem.SDMolSupplier()
    supplier.SetData(text)
    return list(supplier)
