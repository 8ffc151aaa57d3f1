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
    (tmp_path / "c.csv").write_text("a,b\n1,2\n3,4\n")
    with pytest.raises(DataError, match="SMILES"):
        read_samples(tmp_path / "c.csv")
    (tmp_path / "d.pdf").write_bytes(b"%PDF-1.4")
    with pytest.raises(UserError, match=r"d\.pdf is"):
        read_samples(tmp_path / "d.pdf")
    (tmp_path / "f.sdf").write_text(
        "\n  made\n\n  1  0  0  0  0  0  0  0  0  0999 V2000\n    0.0  0.0  0.0 C\nM  END\n$$$$\n"
    )
    with pytest.raises(UserError, match="holds structures"):
        read_samples(tmp_path / "f.sdf")
    with pytest.raises(DataError, match="no file"):
        read_samples(tmp_path / "e.smi")


def test_samples_are_read_by_the_rules_of_an_ingest(tmp_path: Path) -> None:
    (tmp_path / "quote.csv").write_text('SMILES;name\nCCO;a\nCCN;"b\nCCC;c\nCCCC;d\n')
    assert read_samples(tmp_path / "quote.csv") == ["CCO", "CCN", "CCC", "CCCC"]
    (tmp_path / "head.smi").write_text("SMILES name\nCCO a\nCCN b\n\n")
    assert read_samples(tmp_path / "head.smi") == ["CCO", "CCN"]
    (tmp_path / "bad.smi").write_text("C1CC(\nCCO\nCC)\n")
    assert read_samples(tmp_path / "bad.smi") == ["C1CC(", "CCO", "CC)"]
