"""How long a campaign takes, as it is told before it is started."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.workflows.checks import estimate
from pipeline.workflows.checks.estimate import Estimate, estimate_campaign
from pipeline.workspace.runs import Run

OLD = Path(__file__).parents[3] / "old_formats" / "workspace"


def dataset(molecules: int) -> Any:
    return SimpleNamespace(counts={"accepted": molecules})


def test_more_molecules_take_longer_up_to_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate, "count_cores", lambda: 1)
    high = [estimate_campaign(dataset(n), 50, tmp_path).high for n in (100, 10_000, 40_000, 400_000)]
    assert high[0] < high[1] < high[2] == high[3]
    assert estimate_campaign(dataset(100), 5_000, tmp_path).high > high[0]
    monkeypatch.setattr(estimate, "count_cores", lambda: 8)
    assert estimate_campaign(dataset(100), 50, tmp_path).high < high[0]


def test_earlier_runs_correct_the_estimate_but_searches_do_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = estimate_campaign(dataset(300), 50, tmp_path)
    facts: dict[str, Any] = {
        "dataset": {"counts": {"accepted": 300}},
        "model": {"reused": False},
        "candidates": 50,
        "seconds": {"train": 1000.0},
    }
    opened = {**facts, "model": {"reused": None}, "seconds": {"generate": 5.0}}
    search = {**facts, "kind": "optimization", "seconds": {"search": 1.0}}
    runs = [Run(tmp_path, found) for found in (facts, opened, search)]
    monkeypatch.setattr(estimate, "list_runs", lambda workspace: runs)
    corrected = estimate_campaign(dataset(300), 50, tmp_path)
    assert corrected.runs == 1 and corrected.low < 1000 < corrected.high and corrected.low > plain.high
    assert "1 earlier run here" in corrected.describe()


def test_old_runs_are_read(tmp_path: Path) -> None:
    shutil.copytree(OLD / "runs", tmp_path / "runs")
    assert json.loads(next(tmp_path.glob("runs/*/manifest.json")).read_text())
    assert estimate_campaign(dataset(300), 50, tmp_path).high > 0


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (20, 80, "about a minute"),
        (170, 290, "3 min to 5 min"),
        (5000, 9000, "1 h 25 min to 2 h 30 min"),
        (580, 620, "about 10 min"),
    ],
)
def test_the_sentence_has_round_times(low: float, high: float, told: str) -> None:
    assert told in Estimate(low, high).describe()
