"""Fine-tuning: its plan, its result, and bases that do not go with the data."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from signing import sign_again

import pipeline as mg
from chem_vae.config import ModelConfig, TrainingConfig
from chem_vae.errors import CheckpointError, DataError, UserError
from pipeline.config import load_config
from pipeline.datasets.config import IngestConfig
from pipeline.datasets.dataset import Dataset
from pipeline.datasets.ingest import ingest
from pipeline.models.trained_model import TrainedModel
from pipeline.training.config import FINE_TUNING, NOTHING, TrainConfig
from pipeline.training.finetuning import finetune, start
from pipeline.training.finetuning.finetune import plan_fine_tuning
from pipeline.training.finetuning.start import open_base
from pipeline.training.plan import choose_conditions
from pipeline.training.train import train
from pipeline.workflows.checks.preflight import check_start

HEADS = ["C", "CC", "CCC", "FC", "OCC", "NCC", "ClCC", "C#CC", "COCC", "CC(C)"]


def _ingested(source: str, **more: object) -> IngestConfig:
    settings = {"properties": ["potency"], "compute": ["logp"], "merges": 5, "workers": 1}
    fractions = {"validation_fraction": 0.15, "test_fraction": 0.15}
    return IngestConfig.model_validate({"source": source, **settings, **fractions, **more})


def _short(start: str | Path, **more: object) -> TrainConfig:
    quick = {"epochs": 6, "validations": 2, "batch_size": 16}
    return TrainConfig.model_validate({"start": str(start), "training": quick, **more})


def test_a_plan_holds_the_new_molecules_and_the_bases_own(small: Dataset, model: TrainedModel, tmp_path: Path) -> None:
    plan = plan_fine_tuning(small, model, _short("x"), tmp_path, lambda *_: None)
    assert plan.start is not None and plan.replay is not None
    assert plan.start.conditions == ["logp", "mw", "assay", "potency"]
    assert plan.scales[:3] == model.checkpoint.scales
    new, shown = plan.splits["train"], plan.training
    assert len(new) == small.counts["train"]
    assert len(shown) == pytest.approx(12 * len(new), abs=1)  # six times, and as many replayed
    base_strings = {
        model.checkpoint.vocabulary.decode(model.dataset().tokens("train")[i][0].tolist()) for i in range(300)
    }  # type: ignore[union-attr]
    selfies = set(small.table(["selfies"], split="train")["selfies"])
    counted = [plan.vocabulary.decode(shown[i][0].tolist()) for i in range(len(shown))]
    assert sum(s in selfies for s in counted) == 6 * len(new)
    assert sum(s in base_strings for s in counted) > 3 * len(new)
    for i in range(0, len(shown), 37):  # a property that the source of a molecule lacks is unknown, not zero
        _, row = shown[i]
        assert math.isfinite(row[0])
        assert math.isnan(row[1]) == (counted[i] in selfies)
        assert counted[i] in selfies or math.isnan(row[3])
    strings = [plan.vocabulary.decode(new[i][0].tolist()) for i in range(len(new))]
    assert strings == small.table(["selfies"], split="train")["selfies"].tolist()
    np.testing.assert_array_equal(new.values(), small.tokens("train").values())
    assert not (set(counted) & {plan.vocabulary.decode(plan.replay.held_out[i][0].tolist()) for i in range(20)})


def test_the_number_of_epochs_follows_the_number_of_molecules(
    small: Dataset, model: TrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finetune, "SHOWN_MOLECULES", 1000)
    config = TrainConfig(start="x", replay=0.2)
    assert (config.training.learning_rate, config.training.batch_size) == (
        FINE_TUNING["learning_rate"],
        FINE_TUNING["batch_size"],
    )
    plan = plan_fine_tuning(small, model, config, tmp_path, lambda *_: None)
    assert len(plan.training) == pytest.approx(1000, rel=0.05)
    assert plan.config.beta == model.manifest["config"]["training"]["beta"] and plan.config.beta_schedule == "constant"
    assert plan.config.patience == finetune.PATIENCE
    for wish, patience in (({"epochs": 1}, None), ({"epochs": 1, "patience": 3}, 3), ({"patience": 5}, 5)):
        asked = TrainConfig(start="x", replay=0, training=TrainingConfig(**wish))
        assert plan_fine_tuning(small, model, asked, tmp_path, lambda *_: None).config.patience == patience
    none = plan_fine_tuning(small, model, TrainConfig(start="x", replay=0), tmp_path, lambda *_: None)
    assert len(none.training) % len(none.splits["train"]) == 0


def test_a_fine_tuned_model_tells_where_it_comes_from(
    fine_tuned: TrainedModel, model: TrainedModel, small: Dataset, workspace: Path
) -> None:
    card = fine_tuned.card
    assert card["base"]["key"] == model.key and card["base"]["base"] is None
    assert card["finetuning"]["new_conditions"] == ["potency"]
    assert any("Se" in s for s in card["finetuning"]["new_symbols"])
    new, old = card["finetuning"]["before_after"]
    assert new["molecules"] == small.counts["validation"] + small.counts["test"] and old["molecules"] > 30
    assert new["after"]["nats"] < new["before"]["nats"] - 5  # it has learned the new kind
    assert old["after"]["nats"] < old["before"]["nats"] + 3  # and not forgotten the old
    assert "fine-tuned from" in fine_tuned.summary() and "->" in fine_tuned.summary()
    assert {p.name for p in fine_tuned.properties} == {"logp", "potency", "mw", "assay"}
    assert not list(fine_tuned.folder.glob("replay*")) and not (fine_tuned.folder / "resume.safetensors").exists()
    assert train(small, _short(model.folder.name), workspace).reused  # the same base by another name
    assert train(small, _short(model.folder), workspace).manifest["config"]["start"] == model.folder.name


def test_it_generates_to_the_bases_conditions_and_to_the_new_one(fine_tuned: TrainedModel) -> None:
    aims = {"mw": 330.0, "potency": 6.0}
    frame = mg.generate(fine_tuned, target=aims, n=5, samples=100, strategy="conditional").to_frame()
    assert len(frame) == 5 and {"mw_computed", "potency_predicted"} <= set(frame.columns)


def test_a_fine_tuned_model_may_be_the_base_of_another(
    fine_tuned: TrainedModel, small: Dataset, workspace: Path
) -> None:
    config = _short(fine_tuned.folder, replay=0.3, training={"epochs": 1, "validations": 1, "batch_size": 16})
    twice = train(small, config, workspace)
    assert twice.card["base"]["base"]["key"] == fine_tuned.card["base"]["key"]
    assert "drew" in twice.card["finetuning"]["replay_source"]  # its own data is not all that it knows


def test_a_killed_fine_tuning_goes_on_with_the_same_molecules(
    small: Dataset, model: TrainedModel, workspace: Path, tmp_path: Path
) -> None:
    config = _short(
        model.folder, training={"epochs": 4, "validations": 1, "batch_size": 16, "checkpoint_seconds": 1e-6}
    )
    whole = train(small, config, _linked(tmp_path / "a", workspace))

    class Killed(Exception):
        pass

    def kill(stage: str, done: int, total: int, figures: object = None) -> None:
        if stage == "train" and done > total // 2:
            raise Killed

    other = _linked(tmp_path / "b", workspace)
    with pytest.raises(Killed):
        for _ in range(50):  # progress is told every two seconds, and at the first and the last step
            train(small, config, other, kill)
    resumed = train(small, config, other)
    for name, tensor in whole.checkpoint.model.state_dict().items():
        assert torch.equal(tensor, resumed.checkpoint.model.state_dict()[name]), name


def _linked(folder: Path, workspace: Path) -> Path:
    folder.mkdir()
    (folder / "datasets").symlink_to(workspace / "datasets")
    return folder


def test_an_architecture_cannot_be_changed(small: Dataset, model: TrainedModel, workspace: Path) -> None:
    with pytest.raises(UserError, match=r"train.model.latent_size is 32, but .* has 16"):
        train(small, _short(model.folder, model=ModelConfig(latent_size=32)), workspace)
    asked = _short("x", model=ModelConfig(latent_size=16, dropout=0.3))
    same = start._merge_architecture(asked, model.checkpoint.model.config)
    assert (same.latent_size, same.decoder_size, same.dropout) == (16, 64, 0.3)
    with pytest.raises(UserError, match=r"train.model.latent_size is 64, but .* has 16"):  # the default, but asked for
        train(small, _short(model.folder, model={"latent_size": 64}), workspace)


def test_what_was_asked_for_wins_over_the_base_even_where_it_is_the_default(
    small: Dataset, model: TrainedModel, tmp_path: Path
) -> None:
    other = TrainedModel.open(shutil.copytree(model.folder, tmp_path / "other"))
    other.manifest["config"]["training"]["beta"] = 0.05
    usual = TrainingConfig().beta
    for training, beta in (({}, 0.05), ({"beta": usual}, usual)):
        settled = start.settle_config(_short("x", training={"epochs": 1, **training}), other)
        assert settled.training.beta == beta
        dumped = settled.model_dump(mode="json")
        assert dumped["training"]["beta"] == beta and dumped["model"]["latent_size"] == 16  # as the manifest has it
        assert start.settle_config(TrainConfig.model_validate(dumped), other) == settled


def test_a_name_with_two_meanings_is_refused(
    small: Dataset, model: TrainedModel, workspace: Path, tmp_path: Path
) -> None:
    source = tmp_path / "other.csv"
    rows = [f"{head}c1ccccc1{tail}" for head in HEADS for tail in ("", "O")]
    source.write_text("SMILES,assay\n" + "\n".join(f"{smiles},{i}" for i, smiles in enumerate(rows)))
    other = ingest(_ingested(str(source), properties=["assay"]), workspace)
    with pytest.raises(UserError, match="'assay' is measured in the data and measured, in nM"):
        train(other, _short(model.folder), workspace)
    with pytest.raises(UserError, match="did you mean 'potency'"):
        train(small, _short(model.folder, conditions=["potencey"]), workspace)
    names = [p.name for p in small.properties]
    assert choose_conditions(small, TrainConfig(conditions=tuple(name.upper() for name in names))) == names


def test_a_damaged_newer_or_missing_base_is_said(
    small: Dataset, model: TrainedModel, workspace: Path, tmp_path: Path
) -> None:
    newer = shutil.copytree(model.folder, tmp_path / "newer")
    told = json.loads((newer / "model.json").read_text())
    (newer / "model.json").write_text(json.dumps(told | {"format_version": 2}))
    sign_again(newer)
    with pytest.raises(CheckpointError, match="in format 2"):
        train(small, _short(newer), workspace)
    damaged = shutil.copytree(model.folder, tmp_path / "damaged")
    (damaged / "model.safetensors").write_bytes(b"rubbish")
    with pytest.raises(CheckpointError, match=r"damaged: model.safetensors"):
        train(small, _short(damaged), workspace)
    whole = load_config(None, {"train.start": "nowhere"})
    with pytest.raises(UserError, match="unknown model or run 'nowhere'"):
        check_start(whole, workspace)
    check_start(load_config(None, {"train.start": NOTHING}), workspace)
    assert open_base(TrainConfig(), workspace) is None


def test_other_bond_constraints_are_said_and_followed(
    small: Dataset, model: TrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict = shutil.copytree(model.folder, tmp_path / "strict")
    told = json.loads((strict / "model.json").read_text())
    told["vocabulary"]["constraints"]["B"] = 2
    (strict / "model.json").write_text(json.dumps(told))
    sign_again(strict)
    base = TrainedModel.open(strict)
    with pytest.warns(UserWarning, match="other SELFIES bond constraints"):
        plan = plan_fine_tuning(small, base, _short("x"), tmp_path, lambda *_: None)
    left = sum(len(s) for s in plan.splits.values())
    boron = small.table(["smiles"])["smiles"].str.contains("B").sum()
    assert left == len(small.table(["smiles"])) - boron
    assert any(f"{boron} of {len(small.table(['smiles']))}" in w for w in plan.warnings)
    assert plan.vocabulary.constraints["B"] == 2
    monkeypatch.setattr(finetune, "_spell_dataset", lambda *_: ([], np.empty(0, np.int64), []))
    with pytest.raises(DataError, match="no molecule of the dataset boron can be spelled"):
        plan_fine_tuning(small, base, _short("x"), tmp_path, lambda *_: None)


def test_more_symbols_than_a_vocabulary_holds(
    small: Dataset, model: TrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chem_vae.vocabulary._MOST_SYMBOLS", len(model.checkpoint.vocabulary.symbols) + 1)
    with pytest.raises(UserError, match=r"has no room for boron: \d+ symbols are more than"):
        plan_fine_tuning(small, model, _short("x"), tmp_path, lambda *_: None)
