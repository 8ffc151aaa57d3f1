"""The benchmark of speed: shares of limits, what became slower, and one stage as a user runs it."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import pytest
from speed_figures import Figure, find_slower, render_table
from speed_gpu import training_on_a_gpu

ROOT = Path(__file__).parents[2]


def test_a_share_says_how_near_the_limit_is() -> None:
    rate = Figure("ingest", 50.0, "rows/s", 100.0, "alone")
    seconds = Figure("start", 4.0, "s", 1.0, "imports", is_rate=False)
    assert rate.share == pytest.approx(0.5) and seconds.share == pytest.approx(0.25)


def test_what_became_slower_by_a_tenth_is_named() -> None:
    kept = [Figure("a", 60, "rows/s", 100, "alone").to_dict(), Figure("b", 60, "rows/s", 100, "alone").to_dict()]
    now = [Figure("a", 5, "rows/s", 10, "alone").to_dict(), Figure("b", 5.5, "rows/s", 10, "alone").to_dict()]
    now.append(Figure("new", 1, "rows/s", 10, "alone").to_dict())
    assert find_slower(now, kept) == ["a: 50% of its limit, 60% before"]
    table = render_table(now, kept)
    assert "| a | 5 rows/s | 10 (alone) | 50% | 60% |" in table and "| new | 1 rows/s | 10 (alone) | 10% | – |" in table


def test_a_stage_is_measured_beside_its_limit(tmp_path: Path) -> None:
    command = [sys.executable, "benchmarks/speed.py", "startup", "--quick", "--output", str(tmp_path / "speed.json")]
    told = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout
    result = json.loads((tmp_path / "speed.json").read_text(encoding="utf-8"))
    [figure] = result["figures"]
    assert 0 < figure["limit"] < figure["value"] and figure["name"] in told
    assert result["machine"] and result["quick"]


def test_the_stage_of_a_gpu_is_left_out_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    details, figures = training_on_a_gpu(argparse.Namespace(trained=10, gpu_steps=10))
    assert "no GPU" in details["skipped"] and figures == []
