"""Replay: molecules of the base that fine-tuning shows again, and those that it must not show."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from signing import sign_again

import pipeline as mg
from chem_vae.checkpoint import Checkpoint
from pipeline.datasets.config import IngestConfig
from pipeline.datasets.dataset import Dataset
from pipeline.datasets.ingest import ingest
from pipeline.models.trained_model import TrainedModel
from pipeline.training.config import TrainConfig
from pipeline.training.finetuning import replay, replay_draws
from pipeline.training.finetuning.finetune import plan_fine_tuning
from pipeline.training.finetuning.replay import draw_replay


def _ingested(source: str, **more: object) -> IngestConfig:
    settings = {"properties": ["potency"], "compute": ["logp"], "merges": 5, "workers": 1}
    fractions = {"validation_fraction": 0.15, "test_fraction": 0.15}
    return IngestConfig.model_validate({"source": source, **settings, **fractions, **more})


def _short(start: str | Path, **more: object) -> TrainConfig:
    quick = {"epochs": 6, "validations": 2, "batch_size": 16}
    return TrainConfig.model_validate({"start": str(start), "training": quick, **more})


def test_a_base_without_its_data_draws_what_is_replayed(model: TrainedModel, tmp_path: Path) -> None:
    alone = TrainedModel.open(shutil.copytree(model.folder, tmp_path / "alone"))
    drawn = draw_replay(alone, alone.checkpoint, 60, 0, tmp_path, lambda *_: None)
    assert drawn.drawn and "drew" in drawn.source
    assert len(drawn.shown) >= 60 and len(drawn.held_out) > 0
    values = drawn.shown.values()
    assert np.isfinite(values[:, :2]).all() and np.isnan(values[:, 2]).all()  # nothing was measured of them
    again = draw_replay(alone, alone.checkpoint, 60, 1, tmp_path, lambda *_: None)  # a resumed training reads the file
    np.testing.assert_array_equal(drawn.shown.flat, again.shown.flat)


def test_a_base_that_draws_rubbish_is_no_base(
    model: TrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = TrainedModel.open(shutil.copytree(model.folder, tmp_path / "alone"))
    monkeypatch.setattr(Checkpoint, "decode", lambda self, z, *a, **k: [None] * len(z))
    monkeypatch.setattr(replay, "BATCH", 100)
    monkeypatch.setattr(replay_draws, "BATCH", 100)
    with pytest.raises(Exception, match="too few to replay"):
        draw_replay(alone, alone.checkpoint, 60, 0, tmp_path, lambda *_: None)
    none = draw_replay(alone, alone.checkpoint, 0, 0, tmp_path, lambda *_: None)  # without replay it is of no matter
    assert len(none.shown) == len(none.held_out) == 0
    assert none.shown.properties.shape == (0, len(alone.checkpoint.conditions))


def test_held_out_molecules_are_not_replayed(
    model: TrainedModel, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "HELD_OUT", 5)
    known = dataset.table(["inchikey", "selfies"], split="train")
    unseen, forbidden = set(known["inchikey"][:200]), set(known["selfies"][:200])
    shown = draw_replay(model, model.checkpoint, 1000, 0, tmp_path, lambda *_: None, unseen).shown
    assert len(shown) == len(known) - 200
    spelled = {model.checkpoint.vocabulary.decode(shown[i][0].tolist()) for i in range(len(shown))}
    assert not spelled & forbidden


def test_the_new_held_out_molecules_reach_the_replay(dataset: Dataset, model: TrainedModel, tmp_path: Path) -> None:
    shared = dataset.table(["smiles"], split="train")["smiles"][:60]
    source = tmp_path / "overlap.csv"
    source.write_text("SMILES\n" + "\n".join(shared))
    overlap = ingest(_ingested(str(source), properties=[], seed=1), tmp_path)
    plan = plan_fine_tuning(overlap, model, _short("x"), tmp_path, lambda *_: None)
    shown = {plan.vocabulary.decode(plan.training[i][0].tolist()) for i in range(len(plan.training))}
    for split in ("validation", "test"):
        selfies = set(overlap.table(["selfies"], split=split)["selfies"])
        assert selfies and not selfies & shown


def _stand_in(model: TrainedModel, folder: Path, monkeypatch: pytest.MonkeyPatch) -> TrainedModel:
    """The model as if its dataset were another ingest of the same named one."""
    copied = shutil.copytree(model.folder, folder / "models" / "copied")
    told = json.loads((copied / "manifest.json").read_text())
    told["card"]["dataset"] |= {"key": "another"}
    sign_again(copied, told)
    monkeypatch.setattr("pipeline.models.trained_model.list_datasets", lambda: {told["card"]["dataset"]["name"]: {}})
    return TrainedModel.open(copied, workspace=model.folder.parents[1])


def test_a_dataset_that_stands_for_the_models_own_promises_no_held_out_molecules(
    model: TrainedModel, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = _stand_in(model, tmp_path, monkeypatch)
    found = base.dataset()
    assert found is not None and not base.is_trained_on(found) and model.is_trained_on(dataset)
    test = dataset.table(["selfies"], split="test")["selfies"].tolist()
    monkeypatch.setattr(Checkpoint, "decode", lambda self, z, *a, **k: (test * len(z))[: len(z)])
    counts = [mg.generate(m, n=2, samples=10) for m in (model, base)]
    assert counts[0].counts["novel"] > 0 and counts[1].counts["novel"] == 0
    assert any("not the very one" in w for w in counts[1].warnings)
    assert not any("not the very one" in w for w in counts[0].warnings)
    assert "held out" not in draw_replay(base, base.checkpoint, 10, 0, tmp_path, lambda *_: None).apart
