from __future__ import annotations

from pathlib import Path

import pytest
from rdkit import Chem

from chem_vae.errors import DataError, UserError
from pipeline.datasets.readers.source import Source, find_format
from tests.pipeline.datasets.reading import write


def test_count_is_exact_for_ordinary_files(tmp_path: Path) -> None:
    assert Source.open(write(tmp_path, "a.csv", "smiles,x\nCCC,1\nCCO,2\n")).count() == 2
    assert Source.open(write(tmp_path, "b.csv.gz", "smiles,x\nCCC,1\nCCO,2")).count() == 2
    assert Source.open(write(tmp_path, "c.smi", "CCC a\nCCO b\nCCN c\n")).count() == 3
    block = Chem.MolToMolBlock(Chem.MolFromSmiles("CCO"))
    assert Source.open(write(tmp_path, "d.sdf", f"{block}$$$$\n" * 4)).count() == 4


def test_files_that_are_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no file"):
        Source.open(tmp_path / "missing.csv")
    for content in ("", "\n\n\n"):
        with pytest.raises(DataError, match="empty"):
            Source.open(write(tmp_path, "a.csv", content))
    with pytest.raises(DataError, match="binary"):
        Source.open(write(tmp_path, "a.csv", b"\x89PNG\x00\x00\n\x00\x01"))
    with pytest.raises(DataError, match="damaged"):
        Source.open(write(tmp_path, "b.csv", b"\x1f\x8bnot gzip at all"))
    with pytest.raises(UserError, match="format of a.abc"):
        find_format(Path("a.abc"))
    with pytest.raises(DataError, match="folder"):
        Source.open(tmp_path)
