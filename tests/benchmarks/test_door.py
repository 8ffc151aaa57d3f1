"""The benchmark of the door: counts of other programs, fuzzed tables, and the kinds of differences of structures."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path

import door
import pandas as pd
import pytest
from rdkit import Chem


def test_rows_are_counted_by_other_programs(tmp_path: Path) -> None:
    block = Chem.MolToMolBlock(Chem.MolFromSmiles("CCO"))
    frame = pd.DataFrame({"smiles": ["CCO", "CCN"], "y": [1.0, 2.0]})
    frame.to_parquet(tmp_path / "a.parquet")
    frame.to_excel(tmp_path / "a.xlsx", index=False)
    files = {
        "a.csv": b'smiles,note\nCCO,"a\nb"\nCCN,c\n\n', "b.csv": b"CCOCC;1\nCCNCC;2\n", "a.smi": b"CCO a\n\nCCN b\n",
        "a.sdf": (block + block + "$$$$\n").encode(), "c.csv.gz": gzip.compress(b"SMILES\nCCO\n"),
    }  # fmt: skip
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    counts = {path.name: door.count_rows(path) for path in door.find_files([tmp_path])}
    assert counts == {
        "a.parquet": 2, "a.xlsx": 2, "a.csv": 2, "b.csv": 2, "a.smi": 3, "a.sdf": 2, "c.csv.gz": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("ours", "theirs", "kind"),
    [
        ("CCO", "CCO", "equal"), ("CS(C)=O", "C[S+](C)[O-]", "sulfoxide written S=O"), ("COC", "[2H]COC", "isotopes removed"),
        ("CC(N)O", "C[C@H](N)O", "stereo"), ("CC(=O)O", "CC(=O)[O-]", "charges"), ("CCO", "CCCCN", "another part kept"),
        ("CCO", None, "RDKit has none"), ("CCO", "COC", "other"),
    ],
)  # fmt: skip
def test_differences_have_a_kind(ours: str, theirs: str | None, kind: str) -> None:
    assert door.name_difference(ours, theirs) == kind


def test_the_account_of_fuzzed_tables_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = door.write_fuzzed(tmp_path / "fuzzed", 301)
    assert sum(map(door.count_rows, paths)) == 301
    output = tmp_path / "door.json"
    arguments = ["door.py", str(tmp_path / "fuzzed"), "--sets", "--workspace", str(tmp_path), "--output", str(output)]
    monkeypatch.setattr(sys, "argv", arguments)
    assert door.main() == 0
    found = json.loads(output.read_text())["sets"]["given"]
    assert all(file["holds"] for file in found["files"])
    assert sum(file["rows"] for file in found["files"]) == 301
    assert found["compared"]["rows"] > 100
    assert "6 of 6" in capsys.readouterr().out
