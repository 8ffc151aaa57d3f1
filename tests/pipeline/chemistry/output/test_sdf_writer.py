"""Tables of molecules as SD files."""

from __future__ import annotations

import math

from rdkit import Chem

from pipeline.chemistry.output.sdf_writer import write_sdf
from tests.pipeline.report.samples import candidates


def test_an_sd_property_cannot_end_its_record() -> None:
    frame = candidates(2)
    frame["a\n>  <note>"] = ["one\n\n$$$$\ntwo", "$$$$"]
    frame["gap"] = [math.nan, 1.0]
    supplier = Chem.SDMolSupplier()
    supplier.SetData(write_sdf(frame, "run"))
    mols = list(supplier)
    assert len(mols) == 2 and None not in mols
    assert mols[0].GetProp("a_  _note_") == "one $$$$ two" and mols[1].GetProp("a_  _note_").strip() == "$$$$"
    assert not mols[0].HasProp("gap") and mols[1].GetProp("gap") == "1.0"
