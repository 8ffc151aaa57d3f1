"""Parts of a long job."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.benchmark.parts import Parts


def test_parts_go_on(tmp_path: Path) -> None:
    def no() -> dict[str, Any]:
        raise AssertionError("it is there already")

    parts = Parts(tmp_path, "key")
    assert parts.do("one", lambda: {"share": np.float64(0.5), "none": math.nan}) == {"share": 0.5, "none": None}
    again = Parts(tmp_path, "key")
    assert again.do("one", no) == {"share": 0.5, "none": None} and again.reused == ["one"]
    assert Parts(tmp_path, "other").do("one", lambda: {"x": 1}) == {"x": 1}
    (tmp_path / "one.json").write_text('{"key": "other", "resu')
    assert Parts(tmp_path, "other").do("one", lambda: {"x": 2}) == {"x": 2}
