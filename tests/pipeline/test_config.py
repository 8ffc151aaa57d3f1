"""Configuration: unknown keys and wrong values are errors that say where and what else."""

from __future__ import annotations

from pathlib import Path

import pytest

from chem_vae.config import TrainingConfig
from chem_vae.errors import UserError
from pipeline.config import CampaignConfig, load_config
from pipeline.training.config import TrainConfig
from pipeline.workspace.registry import find_data_folder


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "c.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "[train.model]\nlatnt_size = 3",
            r"c.toml, line 2: unknown key 'train.model.latnt_size'; did you mean 'latent_size'",
        ),
        ("[ingest]\n\nsorce = 'x'", "line 3.*did you mean 'source'"),
        ("[generate.objectives]\nlogp = { target = 2, tolrance = 1 }", "line 2.*did you mean 'tolerance'"),
        ("[trian]\n", "unknown key 'trian'; did you mean 'train'"),
        ("[train.training]\nepochs = 0", "epochs must be at least 1"),
        ("[train.training]\nepochs = 'many'", "line 2: train.training.epochs: .*integer"),
        ("[generate.objectives]\nlogp = { }", "exactly one of target"),
        ("[ingest]\ncompute = ['logp']\nproperties = ['LogP']", "named twice"),
        ("name = 'a b'", "name"),
        ("x = [", "not valid TOML"),
    ],
)
def test_mistakes_are_named_with_their_place(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        load_config(written(tmp_path, text))


def test_overrides_win_and_are_checked(tmp_path: Path) -> None:
    path = written(tmp_path, "[train.model]\nlatent_size = 8")
    assert load_config(path).train.model.latent_size == 8
    assert load_config(path, {"train.model.latent_size": 16}).train.model.latent_size == 16
    with pytest.raises(UserError, match="did you mean 'epochs'"):
        load_config(path, {"train.training.epoch": 1})
    with pytest.raises(UserError, match="a value, not a table"):
        load_config(path, {"train.model.latent_size.x": 1})


def test_a_propertys_name_may_hold_dots(tmp_path: Path) -> None:
    aims = {"logD7.4": {"target": 2.5, "tolerance": 0.25}, "p.max": {"maximize": True}, "a.b.c": {"range": [1, 2]}}
    given = {f"generate.objectives.{name}": aim for name, aim in aims.items()}
    read = load_config(None, given).generate.objectives
    assert set(read) == {"logD7.4", "p.max", "a.b.c"}
    assert (read["logD7.4"].target, read["logD7.4"].tolerance, read["a.b.c"].range) == (2.5, 0.25, (1.0, 2.0))
    path = written(tmp_path, '[generate.objectives."logD7.4"]\ntarget = 1.0')
    changed = load_config(path, {"generate.objectives.logD7.4.tolerance": 0.5}).generate.objectives["logD7.4"]
    assert (changed.target, changed.tolerance) == (1.0, 0.5)


def test_a_missing_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no configuration file"):
        load_config(tmp_path / "none.toml")


def test_units_come_with_the_name() -> None:
    config = load_config(None, {"ingest.properties": ["pIC50", "Ki=nM"]})
    assert [(p.name, p.unit) for p in config.ingest.properties] == [("pIC50", ""), ("Ki", "nM")]


def test_the_demo_and_the_defaults_are_valid_and_survive_json() -> None:
    demo = load_config(find_data_folder() / "demo.toml")
    assert demo.name == "demo"
    for config in (demo, CampaignConfig()):
        assert CampaignConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("generate.objectives.logp.target", float("nan")),
        ("generate.objectives.logp.target", float("inf")),
        ("train.training.learning_rate", float("inf")),
        ("train.training.seed", -1),
        ("generate.seed", 2**40),
        ("train.training.accelerator", "gpuu"),
    ],
)
def test_numbers_that_cannot_work_are_refused_before_the_work(key: str, value: object) -> None:
    with pytest.raises(UserError, match=key.replace(".", r"\.").rpartition(r"\.")[0]):
        load_config(None, {key: value})


def test_the_nightly_configuration_makes_other_molecules_every_night() -> None:
    assert load_config(find_data_folder() / "nightly.toml").generate.seed == "date"


def test_fine_tuning_has_gentler_defaults_unless_told() -> None:
    usual, gentle = TrainConfig(), TrainConfig(start="moses")
    assert gentle.training.learning_rate < usual.training.learning_rate
    told = load_config(None, {"train.start": "moses", "train.training.learning_rate": 2e-3})
    assert told.train.training.learning_rate == 2e-3  # the usual one, but asked for
    assert told.train.training.batch_size == gentle.training.batch_size
    assert TrainConfig.model_validate(gentle.model_dump(mode="json")) == gentle
    with pytest.raises(UserError, match="replay"):
        load_config(None, {"train.start": "moses", "train.replay": 1})


def test_what_was_asked_for_in_fine_tuning_is_known_and_survives_a_dump() -> None:
    usual = TrainingConfig()
    told = load_config(None, {"train.start": "moses", "train.training.beta": usual.beta}).train
    for config in (told, TrainConfig.model_validate(told.model_dump(mode="json"))):
        assert config.asks("training.beta") and not config.asks("training.learning_rate")
        assert not config.asks("model.latent_size")
    built = TrainConfig(start="moses", training=TrainingConfig(epochs=3))
    assert built.asks("training.epochs") and not built.asks("training.beta")
    assert TrainConfig.model_validate(built.model_dump(mode="json")) == built
    alone = TrainConfig(training=TrainingConfig(epochs=3))
    assert alone.model_dump()["training"]["beta"] == usual.beta  # from nothing all of it counts
