"""Draws of a base model are kept, and are the same when they are read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.models.trained_model import TrainedModel
from pipeline.training import replay_draws
from pipeline.training.replay_draws import draw_batch


def test_a_batch_is_drawn_once(model: TrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHEM_VAE_CACHE", str(tmp_path))
    monkeypatch.setattr(replay_draws, "BATCH", 40)
    first = draw_batch(model, ["mw"], 1, 0)
    other = draw_batch(model, ["mw"], 1, 40)
    assert len(first.inchikeys) == len(first.selfies) == len(first.values) > 0 and first.selfies != other.selfies

    files = sorted((tmp_path / "replay").glob("*.parquet"))
    assert len(files) == 2
    with monkeypatch.context() as patch:
        patch.setattr(replay_draws, "draw", None)  # whoever draws again fails
        again = draw_batch(model, ["mw"], 1, 0)
    assert again.inchikeys == first.inchikeys and again.selfies == first.selfies
    np.testing.assert_array_equal(again.values, first.values)

    for file in files:
        file.write_bytes(b"rubbish")
    repaired = draw_batch(model, ["mw"], 1, 0)
    assert repaired.selfies == first.selfies and draw_batch(model, [], 1, 0).values.shape == (len(first.selfies), 0)


def test_without_a_cache_it_is_drawn_all_the_same(
    model: TrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CHEM_VAE_CACHE", str(tmp_path / "file"))
    monkeypatch.setattr(replay_draws, "BATCH", 20)
    assert len(draw_batch(model, ["mw"], 1, 0).selfies) > 0
