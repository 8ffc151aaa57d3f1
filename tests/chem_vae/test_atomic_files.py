"""Files that appear whole, and JSON without NaN."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from chem_vae import atomic_files
from chem_vae.atomic_files import to_plain, write_json, write_text, write_whole
from chem_vae.checkpoint import write_safetensors


def test_a_file_is_replaced_whole_or_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(ZeroDivisionError), write_whole(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
        raise ZeroDivisionError
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
    with write_whole(path) as partial:
        partial.write_text("new")
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]
    assert path.stat().st_mode & 0o777 == 0o644


def test_arrays_and_tensors_appear_whole(tmp_path: Path) -> None:
    with write_whole(tmp_path / "a.npy") as partial, partial.open("wb") as file:
        np.save(file, np.arange(3))
    assert np.load(tmp_path / "a.npy").tolist() == [0, 1, 2]
    write_safetensors({"x": torch.arange(3)}, tmp_path / "a.safetensors", {"note": "n"})
    assert load_file(tmp_path / "a.safetensors")["x"].tolist() == [0, 1, 2]
    with pytest.raises(OSError, match=r"nowhere"):
        write_safetensors({}, tmp_path / "nowhere" / "a.safetensors")
    assert len(list(tmp_path.iterdir())) == 2


def test_json_has_a_list_of_numbers_on_one_line(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"r2": float("nan"), "of": np.arange(2), "t": torch.ones(1)})
    assert (tmp_path / "a.json").read_text() == '{\n "r2": null,\n "of": [0, 1],\n "t": [1.0]\n}\n'
    assert to_plain({3: {"b", "a"}}) == {"3": ["a", "b"]}


def test_json_is_strict_and_comes_back(tmp_path: Path) -> None:
    data = {"train": math.inf, 7: Path("x"), "unicode": "Å\u2028", "points": np.array([[0.5, math.inf]])}

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    text = atomic_files.write_json(tmp_path / "a.json", data).read_text(encoding="utf-8")
    expected = {"train": None, "7": "x", "unicode": "Å\u2028", "points": [[0.5, None]]}
    assert json.loads(text, parse_constant=refuse) == expected


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = atomic_files.write_bytes(tmp_path / "a", b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        atomic_files.write_text(path, "new")
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]
