"""The model that a training starts from where the configuration does not say."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from chem_vae.config import TrainingConfig
from pipeline.datasets.config import IngestConfig
from pipeline.datasets.dataset import Dataset
from pipeline.datasets.ingest import ingest
from pipeline.models.trained_model import TrainedModel
from pipeline.training.config import NOTHING, TrainConfig
from pipeline.training.finetuning import start
from pipeline.training.finetuning.start import choose_start
from pipeline.training.plan import plan_from_nothing
from pipeline.training.train import train
from pipeline.workspace import lookup

HEADS = ["C", "CC", "CCC", "FC", "OCC", "NCC", "ClCC", "C#CC", "COCC", "CC(C)"]


def _ingested(source: str, **more: object) -> IngestConfig:
    settings = {"properties": ["potency"], "compute": ["logp"], "merges": 5, "workers": 1}
    fractions = {"validation_fraction": 0.15, "test_fraction": 0.15}
    return IngestConfig.model_validate({"source": source, **settings, **fractions, **more})


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
        told, choice = choose_start(read, small)
    assert told == TrainConfig.model_validate({"start": "tiny", "training": quick})
    assert choice is not None and choice.name == "tiny"


def test_nothing_is_started_from_where_it_is_asked_for_or_nothing_would_do(
    small: Dataset, dataset: Dataset, shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for said in ({"start": NOTHING}, {"model": {"latent_size": 32}}):
            told, choice = choose_start(TrainConfig.model_validate(said), small)
            assert choice is None
            assert told.start == NOTHING and told.base is None
            assert told.training == TrainConfig().training and told.model_dump()["training"]["beta"]
        monkeypatch.setattr(start, "FEW_MOLECULES", 10)
        assert choose_start(TrainConfig(), small)[0].start == NOTHING  # many molecules
        monkeypatch.undo()
        monkeypatch.setattr(lookup, "find_data_folder", lambda: shipped.parents[1])
        source = tmp_path / "clash.csv"  # the name means another thing in the shipped model
        source.write_text(
            "SMILES,assay\n" + "\n".join(f"{h}{c},{i}" for i, h in enumerate(HEADS) for c in ("c1ccccc1", "C1CCCC1"))
        )
        clash = ingest(_ingested(str(source), properties=["assay"]), tmp_path)
        assert choose_start(TrainConfig(), clash)[0].start == NOTHING
        source.write_text("SMILES\n" + "\n".join(f"{h}c1ccccc1" for h in HEADS))
        unmeasured = ingest(_ingested(str(source), properties=[]), tmp_path)
        assert choose_start(TrainConfig(), unmeasured)[0].start == NOTHING
        monkeypatch.setattr(start, "list_shipped_models", dict)
        assert choose_start(TrainConfig(), small)[0].start == NOTHING


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
