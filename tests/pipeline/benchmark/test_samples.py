"""Files of generated SMILES."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from chem_vae.errors import DataError, UserError
from pipeline.benchmark.samples import read_samples


def test_samples_files(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,Smiles\n1,CCO\n2,\n3,not one\n")
    assert read_samples(tmp_path / "a.csv") == ["CCO", None, "not one"]
    (tmp_path / "b.smi.gz").write_bytes(gzip.compress(b"CCO ethanol\n\nCC\n"))
    assert read_samples(tmp_path / "b.smi.gz") == ["CCO", None, "CC"]
    (tmp_path / "c.csv").write_text("structure\nCCO\n")
    with pytest.raises(DataError, match="no column SMILES; it has structure"):
        read_samples(tmp_path / "c.csv")
    with pytest.raises(UserError, match="should end in"):
        read_samples(tmp_path / "d.xlsx")
    with pytest.raises(DataError, match="no file"):
        read_samples(tmp_path / "e.smi")
