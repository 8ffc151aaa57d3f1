"""Draws of a base model are kept, and are the same when they are read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem

from chem_vae.errors import CheckpointError
from pipeline.chemistry.properties import compute
from pipeline.chemistry.validate import validate
from pipeline.models.trained_model import TrainedModel
from pipeline.models.training_set.training_hashes import write_training_hashes
from pipeline.training.finetuning import replay_draws
from pipeline.training.finetuning.replay_draws import draw_batch, list_computed_conditions, read_draws, write_draws


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


def test_a_shipped_model_brings_its_draws_without_molecules_that_it_was_trained_on(
    model: TrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_draws, "BATCH", 40)
    computed = list_computed_conditions(model)
    assert computed and not read_draws(model, computed, 0)
    first = draw_batch(model, computed, 0, 0)
    some = [c.smiles or "" for c in validate(first.selfies, model.checkpoint.vocabulary)][:3]
    write_training_hashes(tmp_path, some)
    write_draws(model, tmp_path, 60, seed=0)
    shipped = replace(model, folder=tmp_path)
    found = read_draws(shipped, computed[:1], 5)
    assert found is not None and len(found.selfies) == len(set(found.inchikeys)) == 60
    smiles = [c.smiles for c in validate(found.selfies, model.checkpoint.vocabulary)]
    assert not set(smiles) & set(some)
    for text, value in zip(smiles, found.values[:, 0], strict=True):
        assert compute(Chem.MolFromSmiles(text), computed[:1])[0] == pytest.approx(value, rel=1e-5)
    other = read_draws(shipped, computed[:1], 6)
    assert other is not None and other.selfies != found.selfies and set(other.selfies) == set(found.selfies)
    (tmp_path / replay_draws.FILE).write_bytes(b"no table")
    with pytest.raises(CheckpointError, match="replay_draws.parquet cannot be read"):
        read_draws(shipped, computed, 5)
