"""Files that appear whole, and strict JSON."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import numpy as np
import pytest

from chem_vae import atomic_files


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
