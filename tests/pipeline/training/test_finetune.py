"""Fine-tuning a model, with replay; models by name."""

from __future__ import annotations

import csv
import json
import math
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

import pipeline as mg
from chem_vae.checkpoint import Checkpoint
from chem_vae.config import ModelConfig, TrainingConfig
from chem_vae.errors import CheckpointError, DataError, UserError
from pipeline.config import load_config
from pipeline.datasets.config import IngestConfig
from pipeline.datasets.dataset import Dataset
from pipeline.datasets.ingest import ingest
from pipeline.models.trained_model import TrainedModel, load_model
from pipeline.training import finetune, replay
from pipeline.training.config import FINE_TUNING, NOTHING, TrainConfig
from pipeline.training.finetune import choose_start, open_base, plan_fine_tuning
from pipeline.training.plan import plan_from_nothing
from pipeline.training.replay import draw_replay
from pipeline.training.train import train
from pipeline.workflows.preflight import check_start
from pipeline.workspace import lookup
from pipeline.workspace.lookup import find_model, list_shipped_models, write_model_name

HEADS = ["C", "CC", "CCC", "FC", "OCC", "NCC", "ClCC", "C#CC", "COCC", "CC(C)"]
CORES = ["c1ccc([Se]C)cc1", "c1ccc(B(O)O)cc1", "c1cc([Se]C)ccc1", "c1ccc(OB(O)O)cc1", "C1CCC([Se]C)CC1"]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, workspace: Path) -> Dataset:
    """50 molecules of a kind that the base has never seen, with symbols and a measured property that it does not know."""
    source = tmp_path_factory.mktemp("small") / "boron.csv"
    with source.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["SMILES", "potency"])
        for i, head in enumerate(HEADS):
            for k, core in enumerate(CORES):
                writer.writerow([head + core, "" if (i + k) % 4 == 0 else 5 + 0.1 * i + 0.3 * k])
    return ingest(_ingested(str(source)), workspace)


def _ingested(source: str, **more: object) -> IngestConfig:
    settings = {"properties": ["potency"], "compute": ["logp"], "merges": 5, "workers": 1}
    fractions = {"validation_fraction": 0.15, "test_fraction": 0.15}
    return IngestConfig.model_validate({"source": source, **settings, **fractions, **more})


def _short(start: str | Path, **more: object) -> TrainConfig:
    quick = {"epochs": 6, "validations": 2, "batch_size": 16}
    return TrainConfig.model_validate({"start": str(start), "training": quick, **more})


@pytest.fixture(scope="module")
def fine_tuned(small: Dataset, model: TrainedModel, workspace: Path) -> TrainedModel:
    return train(small, _short(model.folder), workspace)


# -- a model by its name ---------------------------------------------------------------------------------------------


@pytest.fixture
def shipped(model: TrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation that came with the tiny model, as `tiny`."""
    folder = tmp_path / "installed" / "models" / "tiny"
    shutil.copytree(model.folder, folder)
    monkeypatch.setattr(lookup, "find_data_folder", lambda: tmp_path / "installed")
    return folder


def test_a_shipped_model_is_had_by_its_name_with_no_workspace(shipped: Path, tmp_path: Path) -> None:
    assert list_shipped_models() == {"tiny": shipped}
    nowhere = tmp_path / "nowhere"
    assert load_model("tiny", nowhere).folder == shipped
    assert write_model_name(shipped) == "tiny"
    with pytest.raises(DataError, match="--model tiny"):
        find_model("latest", nowhere)
    with pytest.raises(UserError, match="did you mean 'tiny'"):
        find_model("tinny", nowhere)
    found = mg.generate(load_model("tiny", nowhere), n=2, samples=20)
    assert any("novelty" in w for w in found.warnings)


def test_the_plain_name_is_the_shipped_model_and_the_folders_name_the_workspaces(
    shipped: Path, workspace: Path
) -> None:
    own = workspace / "models" / "tiny-0123abcd"
    shutil.copytree(shipped, own)
    try:
        assert find_model("tiny", workspace) == shipped
        assert find_model("tiny-0123abcd", workspace) == own
    finally:
        shutil.rmtree(own)


def test_a_shipped_models_data_is_found_in_the_workspace_by_its_key(
    shipped: Path, workspace: Path, dataset: Dataset
) -> None:
    assert TrainedModel.open(shipped).dataset() is None
    found = load_model("tiny", workspace).dataset()
    assert found is not None and found.key == dataset.key
    renamed = json.loads((shipped / "manifest.json").read_text())
    renamed["card"]["dataset"] |= {"key": "another", "folder": "elsewhere"}
    (shipped / "manifest.json").write_text(json.dumps(renamed))
    assert load_model("tiny", workspace).dataset() is None  # the name of a user's file promises nothing


# -- what fine-tuning is given ---------------------------------------------------------------------------------------


def test_a_course_holds_the_new_molecules_and_the_bases_own(
    small: Dataset, model: TrainedModel, tmp_path: Path
) -> None:
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


def test_a_base_without_its_data_draws_what_is_replayed(model: TrainedModel, tmp_path: Path) -> None:
    alone = TrainedModel.open(shutil.copytree(model.folder, tmp_path / "alone"))
    drawn = draw_replay(alone, alone.checkpoint, 60, 0, tmp_path, lambda *_: None)
    assert drawn.drawn and "drew" in drawn.source
    assert len(drawn.shown) >= 60 and len(drawn.held_out) > 0
    values = drawn.shown.values()
    assert np.isfinite(values[:, :2]).all() and np.isnan(values[:, 2]).all()  # nothing was measured of them
    again = draw_replay(alone, alone.checkpoint, 60, 1, tmp_path, lambda *_: None)  # a resumed training reads the file
    np.testing.assert_array_equal(drawn.shown.flat, again.shown.flat)


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
    none = plan_fine_tuning(small, model, TrainConfig(start="x", replay=0), tmp_path, lambda *_: None)
    assert len(none.training) % len(none.splits["train"]) == 0


# -- what comes out --------------------------------------------------------------------------------------------------


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


# -- what does not go together ---------------------------------------------------------------------------------------


def test_an_architecture_cannot_be_changed(small: Dataset, model: TrainedModel, workspace: Path) -> None:
    with pytest.raises(UserError, match=r"train.model.latent_size is 32, but .* has 16"):
        train(small, _short(model.folder, model=ModelConfig(latent_size=32)), workspace)
    asked = _short("x", model=ModelConfig(latent_size=16, dropout=0.3))
    same = finetune._merge_architecture(asked, model.checkpoint.model.config)
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
        settled = finetune.settle_config(_short("x", training={"epochs": 1, **training}), other)
        assert settled.training.beta == beta
        dumped = settled.model_dump(mode="json")
        assert dumped["training"]["beta"] == beta and dumped["model"]["latent_size"] == 16  # as the manifest has it
        assert finetune.settle_config(TrainConfig.model_validate(dumped), other) == settled


def test_a_name_with_two_meanings_is_refused(
    small: Dataset, model: TrainedModel, workspace: Path, tmp_path: Path
) -> None:
    source = tmp_path / "other.csv"
    source.write_text("SMILES,assay\n" + "\n".join(f"{h}c1ccccc1,{i}" for i, h in enumerate(HEADS)))
    other = ingest(_ingested(str(source), properties=["assay"]), workspace)
    with pytest.raises(UserError, match="'assay' is measured in the data and measured, in nM"):
        train(other, _short(model.folder), workspace)
    with pytest.raises(UserError, match="did you mean 'potency'"):
        train(small, _short(model.folder, conditions=["potencey"]), workspace)


def test_a_damaged_newer_or_missing_base_is_said(
    small: Dataset, model: TrainedModel, workspace: Path, tmp_path: Path
) -> None:
    newer = shutil.copytree(model.folder, tmp_path / "newer")
    told = json.loads((newer / "model.json").read_text())
    (newer / "model.json").write_text(json.dumps(told | {"format_version": 2}))
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


def test_few_molecules_without_a_base_are_pointed_to_one(
    small: Dataset, shipped: Path, workspace: Path, tiny_training: TrainConfig
) -> None:
    from pipeline.training.train import _warn_about_size

    assert "--from tiny" in _warn_about_size(800, plan_from_nothing(small, tiny_training))[0]


def test_few_measured_molecules_start_from_a_shipped_model_and_it_is_said(
    small: Dataset, shipped: Path, workspace: Path, fine_tuned: TrainedModel
) -> None:
    quick = {"epochs": 6, "validations": 2, "batch_size": 16}
    config = TrainConfig.model_validate({"training": quick})
    with pytest.warns(UserWarning, match=r"starts from tiny, as with --from tiny; --from nothing"):
        made = train(small, config, workspace)
    assert made.key == fine_tuned.key and made.reused  # what --from makes of the same data
    assert made.card["base"]["key"] == TrainedModel.open(shipped).key
    read = TrainConfig.model_validate(config.model_dump(mode="json"))  # as a Prefect deployment hands it over
    with pytest.warns(UserWarning, match="starts from tiny"):
        assert choose_start(read, small) == TrainConfig.model_validate({"start": "tiny", "training": quick})


def test_nothing_is_started_from_where_it_is_asked_for_or_nothing_would_do(
    small: Dataset, dataset: Dataset, shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for said in ({"start": NOTHING}, {"model": {"latent_size": 32}}):
            told = choose_start(TrainConfig.model_validate(said), small)
            assert told.start == NOTHING and told.base is None
            assert told.training == TrainConfig().training and told.model_dump()["training"]["beta"]
        monkeypatch.setattr(finetune, "FEW_MOLECULES", 10)
        assert choose_start(TrainConfig(), small).start == NOTHING  # many molecules
        monkeypatch.undo()
        monkeypatch.setattr(lookup, "find_data_folder", lambda: shipped.parents[1])
        source = tmp_path / "clash.csv"  # the name means another thing in the shipped model
        source.write_text("SMILES,assay\n" + "\n".join(f"{h}c1ccccc1,{i}" for i, h in enumerate(HEADS)))
        assert (
            choose_start(TrainConfig(), ingest(_ingested(str(source), properties=["assay"]), tmp_path)).start == NOTHING
        )
        source.write_text("SMILES\n" + "\n".join(f"{h}c1ccccc1" for h in HEADS))
        assert choose_start(TrainConfig(), ingest(_ingested(str(source), properties=[]), tmp_path)).start == NOTHING
        monkeypatch.setattr(finetune, "list_shipped_models", dict)
        assert choose_start(TrainConfig(), small).start == NOTHING


def test_a_model_from_nothing_says_so_and_keeps_its_key(
    model: TrainedModel, dataset: Dataset, tiny_training: TrainConfig, workspace: Path
) -> None:
    assert model.manifest["config"]["start"] == NOTHING and "base" not in model.card
    said = tiny_training.start_from(NOTHING)
    assert train(dataset, said, workspace).key == model.key and said.asks("model.latent_size")
    changed = TrainConfig().model_copy(update={"training": TrainingConfig(epochs=3, seed=7)})  # told past the validator
    assert changed.start_from(NOTHING).training == changed.training
    based = changed.start_from("moses")
    assert (based.training.epochs, based.training.seed) == (3, 7) and based.asks("training.epochs")
    assert (
        based.training.learning_rate != changed.training.learning_rate
    )  # fine-tuning's own, as nobody asked for another


def test_a_base_that_draws_rubbish_is_no_base(
    model: TrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = TrainedModel.open(shutil.copytree(model.folder, tmp_path / "alone"))
    monkeypatch.setattr(Checkpoint, "decode", lambda self, z, *a, **k: [None] * len(z))
    monkeypatch.setattr(replay, "_BATCH", 100)
    with pytest.raises(Exception, match="too few to replay"):
        draw_replay(alone, alone.checkpoint, 60, 0, tmp_path, lambda *_: None)
    none = draw_replay(alone, alone.checkpoint, 0, 0, tmp_path, lambda *_: None)  # without replay it is of no matter
    assert len(none.shown) == len(none.held_out) == 0
    assert none.shown.properties.shape == (0, len(alone.checkpoint.conditions))


# -- what must not be shown ------------------------------------------------------------------------------------------


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
    (copied / "manifest.json").write_text(json.dumps(told))
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
