"""The first look at a file: columns, kinds, which one was measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from chem_vae.errors import ChemVAEError
from pipeline.datasets.first_look import look_at

SMILES = ["CC(=O)Nc1ccc(O)cc1", "CCN(CC)CCO", "c1ccccc1CCO"]


def write(path: Path, head: str, *cells: str) -> Path:
    path.write_text("\n".join([head, *(f"{s},{c}" for s, c in zip(SMILES, cells, strict=True))]), encoding="utf-8")
    return path


def test_the_measured_column_comes_first(tmp_path: Path) -> None:
    look = look_at(
        write(
            tmp_path / "a.csv", "SMILES,compound_id,weight,IC50 (nM),note", "1,300,12,a", "2,310,>1000,b", "3,320,5.5,"
        )
    )
    assert look.smiles_column == "SMILES" and look.smiles == tuple(SMILES)
    assert [(c.name, c.unit) for c in look.measured] == [("IC50 (nM)", "nM"), ("weight", ""), ("compound_id", "")]
    assert {c.name: c.kind for c in look.columns}["note"] == "text"


def test_a_file_of_molecules_alone_has_no_measured_column(tmp_path: Path) -> None:
    path = tmp_path / "a.smi"
    path.write_text("\n".join(SMILES))
    look = look_at(path)
    assert look.measured == [] and look.rows == 3


def test_names_in_any_script_and_empty_columns(tmp_path: Path) -> None:
    look = look_at(write(tmp_path / "a.csv", "SMILES,溶解度,<img onerror=x>,empty", "1,2,", "3,4,", "5,n.d.,"))
    assert [c.name for c in look.measured] == ["溶解度"]
    assert {c.name: c.kind for c in look.columns} == {"溶解度": "numbers", "<img onerror=x>": "text", "empty": "empty"}


@pytest.mark.parametrize("content", [b"", b"\0\1\2" * 99, b"hello\nworld\n", b"no molecules here\n1,2\n"])
def test_a_file_without_molecules_is_refused(tmp_path: Path, content: bytes) -> None:
    for name in ("x.csv", "x.xlsx", "x.sdf", "x.txt"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ChemVAEError, match="x"):
            look_at(tmp_path / name)
