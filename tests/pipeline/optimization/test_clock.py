"""The time limit holds between batches and over a kill."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from pipeline.models.trained_model import TrainedModel
from pipeline.optimization.loop import optimize
from tests.pipeline.optimization.searches import Killed, Nitrogens, config


def test_the_time_holds_between_batches_and_over_a_kill(model: TrainedModel, tmp_path: Path) -> None:
    def slow(smiles: list[str]) -> list[float]:
        if killed and len(asked) > 10:
            raise Killed
        asked.extend(smiles)
        time.sleep(0.05 * len(smiles))
        return [float(len(s)) for s in smiles]

    wanted = config(400, batch_size=200, strategy="random", minutes=4 / 60)
    asked, killed = list[str](), False
    found = optimize(model, wanted, tmp_path / "whole", oracle=slow)
    assert "minutes are over" in found.ended and 0 < len(found.calls) == len(asked) < 90, "200 take ten seconds"
    clock = tmp_path / "again" / "clock.json"
    clock.parent.mkdir()
    clock.write_text('{"seconds": 3.9}')
    again = optimize(model, wanted, clock.parent, oracle=slow)
    assert "minutes are over" in again.ended and len(again.calls) <= 3, "what passed before the kill counts"
    killed, kept = True, tmp_path / "killed"
    asked.clear()
    with pytest.raises(Killed):
        optimize(
            model, wanted.model_copy(update={"minutes": None}), kept, oracle=lambda s: (time.sleep(0.6), slow(s))[1]
        )
    assert 1.0 < json.loads((kept / "clock.json").read_text())["seconds"] < 60


def test_the_minutes_of_a_finished_run_do_not_count_for_one_that_goes_on(model: TrainedModel, tmp_path: Path) -> None:
    (tmp_path / "clock.json").write_text('{"seconds": 300}')  # before it was killed
    first = optimize(model, config(10, minutes=10), tmp_path, oracle=Nitrogens())
    assert "budget" in first.ended and not (tmp_path / "clock.json").exists()
    (tmp_path / "clock.json").write_text('{"seconds": 300}')
    with pytest.raises(Killed):
        optimize(model, config(30, minutes=10), tmp_path, oracle=Nitrogens(killed_at=10))
    assert (tmp_path / "clock.json").exists(), "killed"
