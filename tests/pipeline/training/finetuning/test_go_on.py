"""A campaign goes on from the model of the last night where enough is new, and says what it does."""

from __future__ import annotations

from pathlib import Path

import pytest

from chem_vae.config import ModelConfig, TrainingConfig
from pipeline.config import CampaignConfig
from pipeline.datasets.config import IngestConfig
from pipeline.datasets.dataset import Dataset
from pipeline.datasets.ingest import ingest
from pipeline.generation.config import GenerateConfig
from pipeline.models.trained_model import TrainedModel
from pipeline.report.model import read_report
from pipeline.training.config import FINE_TUNING, TrainConfig
from pipeline.training.finetuning.go_on import find_last_model, settle_further_training, train_or_go_on
from pipeline.workflows.campaign import campaign
from tests.pipeline.datasets.test_ingest import molecules

pytestmark = pytest.mark.filterwarnings("ignore::chem_vae.errors.ChemVAEWarning")

TINY = TrainConfig(
    start="nothing",
    model=ModelConfig(embedding_size=16, encoder_size=16, decoder_size=32, latent_size=8),
    training=TrainingConfig(epochs=2, batch_size=64, validations=1),
)


def write(path: Path, texts: list[str]) -> Path:
    path.write_text("\n".join(["smiles", *texts, ""]))
    return path


def settings(path: Path) -> IngestConfig:
    return IngestConfig(source=str(path), compute=("mw",), merges=10, workers=1, validation_fraction=0.1)


def night(path: Path, workspace: Path, config: TrainConfig = TINY) -> tuple[Dataset, TrainedModel, list[str]]:
    said: list[str] = []
    dataset = ingest(settings(path), workspace)
    return dataset, train_or_go_on(dataset, config, workspace, say=said.append), said


@pytest.mark.slow
def test_nights_of_a_source_that_grows(tmp_path: Path) -> None:
    texts, path = molecules(400), tmp_path / "a.csv"
    _, first, said = night(write(path, texts[:200]), tmp_path)
    assert not first.reused and said == [] and first.card["grown"] is None
    _, again, said = night(path, tmp_path)
    assert again.key == first.key and again.reused and said == []

    _, few, said = night(write(path, texts[:201]), tmp_path)
    assert few.key == first.key, "one molecule of 200 is too few for a training"
    assert "training is skipped" in said[0] and "train.enough_new = 0.01" in said[0]
    _, each, said = night(path, tmp_path, TINY.model_copy(update={"enough_new": 0.001}))
    assert each.card["base"]["key"] == first.key and "training goes on" in said[0]

    dataset, second, said = night(write(path, [*texts[:240], "C[Si](C)(C)CCO"]), tmp_path)
    assert "training goes on from" in said[0] and said[0] == second.card["grown"]["text"]
    assert second.card["base"]["key"] == each.key, "the newest model of the same settings"
    known, extended = each.checkpoint.vocabulary, second.checkpoint.vocabulary
    assert extended.symbols[: len(known.symbols)] == known.symbols, "the numbers of known symbols stay"
    assert "[Si]" in set(extended.symbols) - set(known.symbols)
    assert len(extended.merges) == len(known.merges)
    assert second.card["finetuning"]["replay"] == 0.0, "all that the last model knows is in the data"
    assert second.card["finetuning"]["epochs"] == 2, "not more than were asked for"
    assert second.manifest["grown"]["nights"] == 2
    found = find_last_model(dataset, TINY, tmp_path)
    assert found is not None and found.growth is None and found.model.key == second.key
    assert "goes on from" in second.summary()

    _, anew, said = night(path, tmp_path, TINY.model_copy(update={"go_on": False}))
    assert "base" not in anew.card or anew.card["base"] is None
    assert said == []

    _, replaced, said = night(write(path, texts[150:400]), tmp_path)
    assert "the source was replaced" in said[0] and not replaced.card.get("base")


def test_other_settings_are_another_series(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", molecules(100))
    dataset, model, _ = night(path, tmp_path, TINY.model_copy(update={"tensorboard": True}))
    assert list((tmp_path / "tensorboard" / model.folder.name).glob("events.out.tfevents.*"))
    other = TINY.model_copy(update={"keep_molecules": False})
    assert find_last_model(dataset, other, tmp_path) is None
    assert find_last_model(dataset, TINY, tmp_path) is not None
    elsewhere = ingest(settings(write(tmp_path / "b.csv", molecules(120))), tmp_path)
    assert find_last_model(elsewhere, TINY, tmp_path) is None
    assert model.folder.is_dir()


GIVEN = {"learning_rate": 1e-4, "batch_size": 16, "weight_decay": 0.2, "patience": 7, "free_bits": 0.05, "epochs": 500}


@pytest.mark.parametrize("start", [None, "nothing"])
def test_given_settings_hold_in_every_night(start: str | None, model: TrainedModel, dataset: Dataset) -> None:
    alone = start == "nothing"
    given = {"start": start, "replay": 0.3, "keep_molecules": False, "model": {"latent_dropout": 0.2}}
    config = TrainConfig.model_validate({**given, "training": GIVEN})
    further = settle_further_training(config, model, dataset, alone=alone)
    assert (further.start, further.keep_molecules) == (str(model.folder), False)
    assert further.replay == (0.0 if alone else 0.3), "none of its molecules is gone"
    for name, value in GIVEN.items():
        if alone and name == "learning_rate":  # as fast as from nothing it would undo what was learned
            assert further.training.learning_rate == FINE_TUNING["learning_rate"]
            continue
        assert further.asks(f"training.{name}")
        assert getattr(further.training, name) == (60 if name == "epochs" else value)  # MOST_EPOCHS
    assert further.asks("model.latent_dropout") != alone
    again = TrainConfig.model_validate_json(further.model_dump_json())
    assert again == further, "as a worker reads it"

    plain = settle_further_training(TrainConfig(start=start), model, dataset, alone=alone)
    assert {name: getattr(plain.training, name) for name in FINE_TUNING} == FINE_TUNING
    assert plain.training.epochs is None and not plain.asks("training.learning_rate")


def test_given_settings_hold_for_a_base_that_was_named(model: TrainedModel, dataset: Dataset) -> None:
    config = TrainConfig.model_validate({"start": "moses", "training": GIVEN})
    further = settle_further_training(config, model, dataset, alone=False)
    assert further == config.model_copy(update={"start": str(model.folder)})


@pytest.mark.slow
def test_each_night_is_told_in_its_report(tmp_path: Path) -> None:
    texts, path = molecules(400), tmp_path / "a.csv"
    config = CampaignConfig(
        name="nightly", ingest=settings(path), train=TINY, generate=GenerateConfig(n=2, samples=30, seed=1)
    )
    write(path, texts[:200])
    first = campaign(config, tmp_path)
    assert first.manifest["last_night"]["nothing_new"] is False and first.manifest["last_night"]["since"] is None
    second = campaign(config, tmp_path)
    assert second.manifest["last_night"]["nothing_new"] is True and second.manifest["last_night"]["since"] == first.id
    assert read_report(second.folder).dataset.notes[0].startswith(f"nothing new in a since the run {first.id}")
    write(path, texts[:201])
    third = campaign(config, tmp_path)
    assert third.manifest["last_night"]["training"] == "skipped"
    notes = read_report(third.folder).dataset.notes
    assert "had 200" in notes[0] and "training was skipped" in notes[1] and "fewer than train.enough_new" in notes[1]
    write(path, texts[:230])
    fourth = campaign(config, tmp_path)
    assert fourth.manifest["last_night"]["training"] == "went on"
    assert fourth.manifest["model"]["base"]["key"] == first.manifest["model"]["key"]
    path.unlink()
    fifth = campaign(config, tmp_path)
    assert "THE SOURCE IS DOWN" in fifth.manifest["last_night"]["down"]
    assert "THE SOURCE IS DOWN" in read_report(fifth.folder).dataset.warnings[0]
    assert fifth.manifest["last_night"]["nothing_new"] is True
