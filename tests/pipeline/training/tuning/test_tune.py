"""Sweeps: the objective, the search space, a study that is resumed, pruned, refused and put to use."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from optuna.trial import TrialState

from chem_vae.config import ModelConfig, TrainingConfig
from chem_vae.errors import DataError, UserError
from chem_vae.training.trainer import TrainingLog
from chem_vae.training.trainer import train as train_core
from pipeline.config import load_config
from pipeline.datasets.dataset import Dataset
from pipeline.training.config import VARIED, TrainConfig
from pipeline.training.tuning.search_space import KNOBS, parse_search_space
from pipeline.training.tuning.study import open_journal
from pipeline.training.tuning.tune import TuneConfig, compute_objective, tune

BASE = TrainConfig(
    model=ModelConfig(embedding_size=16, encoder_size=16, decoder_size=32, latent_size=8, dropout=0.2),
    training=TrainingConfig(batch_size=64, learning_rate=5e-3),
)
QUICK = TuneConfig(epochs=3, molecules=120, validations=3, vary=("beta", "learning_rate"))


class Killed(Exception):
    pass


def test_the_objective_weighs_generation_reconstruction_and_kl() -> None:
    row = {"without_z": 30.0, "unconditioned": 34.0, "reconstruction": 4.0, "kl": 50.0}
    assert compute_objective(row, TuneConfig()) == pytest.approx(32 + 4 + 5)
    assert compute_objective(row, TuneConfig(reconstruction_weight=0, kl_price=0)) == pytest.approx(32)
    collapsed = {"without_z": 30.0, "unconditioned": 34.0, "reconstruction": 30.0, "kl": 0.0}
    assert compute_objective(collapsed, TuneConfig()) > compute_objective(row, TuneConfig())
    as_elbo = TuneConfig(kl_price=1.0)
    assert compute_objective(collapsed, as_elbo) > compute_objective({**row, "kl": 25.0}, as_elbo)
    assert compute_objective(collapsed, as_elbo) < compute_objective(row, as_elbo)  # which is why the price is not 1


@pytest.mark.parametrize(
    ("vary", "message"),
    [
        (("bta",), "did you mean 'beta'"),
        (("beta", "beta=0.1:0.2"), "twice"),
        (("beta=low",), "numbers, as in"),
        (("beta=",), "numbers, as in"),
        (("beta=nan:1",), "finite"),
        (("beta=0.2:0.1",), "beta=0.2:0.1"),
        (("decoder_size=0.5,2",), "whole numbers"),
        ((), "nothing to vary"),
    ],
)
def test_a_range_that_cannot_be_searched_is_a_clear_error(vary: tuple[str, ...], message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse_search_space(vary)


def test_a_value_that_the_model_refuses_is_said_before_the_first_trial(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="counts twice"):
        tune(dataset, BASE, QUICK.model_copy(update={"vary": ("condition_dropout=0.1:0.9",)}), tmp_path)
    assert not (tmp_path / "studies").exists()


def test_every_setting_that_is_varied_has_a_range() -> None:
    assert tuple(KNOBS) == VARIED


def test_every_setting_varied_is_one_of_the_configuration() -> None:
    for name, (table, _) in KNOBS.items():
        assert hasattr(getattr(TrainConfig(), table), name)


@pytest.fixture(scope="module")
def unbroken(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame]:
    study = tune(dataset, BASE, QUICK, tmp_path_factory.mktemp("unbroken"), trials=3, name="s")
    return study.folder, study.trials


def test_a_study_leaves_a_table_a_figure_and_settings_that_train_accepts(unbroken: tuple[Path, pd.DataFrame]) -> None:
    folder, trials = unbroken
    assert list(trials["trial"]) == [1, 2, 3]
    assert trials.loc[0, "beta"] == BASE.training.beta  # where we stand is the first trial
    assert pd.read_csv(folder / "study.csv")["objective"].tolist() == pytest.approx(trials["objective"].tolist())
    assert (folder / "study.png").read_bytes().startswith(b"\x89PNG")
    best = trials.sort_values("objective").iloc[0]
    found = load_config(folder / "best.toml").train
    assert found.start == "nothing"  # as it was tried, whatever few measured molecules would start from
    assert found.training.beta == best["beta"] and found.training.learning_rate == best["learning_rate"]
    assert found.model == BASE.model
    assert found.training == replace(
        BASE.training, beta=best["beta"], learning_rate=best["learning_rate"]
    )  # the budget of a trial is no advice
    assert not list((folder / "trials").iterdir())


def test_a_killed_study_goes_on_with_the_same_trials(
    dataset: Dataset, tmp_path: Path, unbroken: tuple[Path, pd.DataFrame]
) -> None:
    base = TrainConfig(model=BASE.model, training=replace(BASE.training, checkpoint_seconds=1e-3))
    checkpoint = tmp_path / "studies" / "s" / "trials" / "1.safetensors"

    def kill(stage: str, done: int, total: int, figures: object = None) -> None:
        if stage == "trial 2" and done > 1 and checkpoint.exists():
            raise Killed

    with pytest.raises(Killed):
        tune(dataset, base, QUICK, tmp_path, trials=3, name="s", progress=kill)
    with (tmp_path / "studies" / "s" / "journal.jsonl").open("a") as file:
        file.write('{"op_code": 5, "wor')  # the line that the kill cut off
    starts: list[int] = []

    def note(stage: str, done: int, total: int, figures: object = None) -> None:
        if stage == "trial 2" and not starts:
            starts.append(done)

    study = tune(dataset, base, QUICK, tmp_path, trials=3, name="s", progress=note)
    assert starts[0] > 0  # within the trial, not at its start
    same = [c for c in unbroken[1].columns if c != "seconds"]
    pd.testing.assert_frame_equal(study.trials[same], unbroken[1][same])
    reported = [
        [t.intermediate_values for t in open_journal(folder).trials if t.state is TrialState.COMPLETE]
        for folder in (study.folder, unbroken[0])
    ]
    assert reported[0] == reported[1] and all(len(values) == 3 for values in reported[0])


@pytest.mark.slow
def test_a_trial_killed_after_it_was_pruned_is_pruned(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = sys.modules["pipeline.training.tuning.tune"]
    monkeypatch.setattr(module, "_NEVER_PRUNED", 1)
    monkeypatch.setattr(module, "write_figures", lambda *_: None)
    config = QUICK.model_copy(update={"vary": ("learning_rate=1e-7,5e-3",), "seed": 1})
    whole = tune(dataset, BASE, config, tmp_path / "whole", trials=2).trials
    assert list(whole["state"]) == ["complete", "pruned"]

    def kill(*given: Any, **named: Any) -> tuple[object, TrainingLog]:
        checkpoint, log = train_core(*given, **named)
        if log.ended:
            raise Killed
        return checkpoint, log

    for seconds in (1e-9, 1e9):  # a resume file of the last step, and none at all
        base = TrainConfig(model=BASE.model, training=replace(BASE.training, checkpoint_seconds=seconds))
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(module, "train_core", kill)
            tune(dataset, base, config, tmp_path / f"{seconds}", trials=2)
        again = tune(dataset, base, config, tmp_path / f"{seconds}", trials=2).trials
        same = [c for c in whole.columns if c != "seconds"]
        pd.testing.assert_frame_equal(again[same], whole[same])


def test_most_steps_of_the_base_are_not_those_of_a_trial(dataset: Dataset, tmp_path: Path) -> None:
    base = TrainConfig(model=BASE.model, training=replace(BASE.training, max_steps=2))
    config = QUICK.model_copy(update={"vary": ("beta",)})
    folder = tune(dataset, base, config, tmp_path, trials=1).folder
    (trial,) = open_journal(folder).trials
    assert sorted(trial.intermediate_values) == [1, 2, 3]
    assert load_config(folder / "best.toml").train.training.max_steps == 2


def test_trials_count_in_all_and_other_settings_are_refused(dataset: Dataset, tmp_path: Path) -> None:
    config = QUICK.model_copy(update={"epochs": 1, "vary": ("beta",)})
    tune(dataset, BASE, config, tmp_path, trials=1, name="s")
    journal = tmp_path / "studies" / "s" / "journal.jsonl"
    before = len(tune(dataset, BASE, config, tmp_path, trials=2, name="s").trials)
    lines = journal.read_text()
    assert before == 2 == len(tune(dataset, BASE, config, tmp_path, trials=2, name="s").trials)
    assert journal.read_text() == lines
    with pytest.raises(UserError, match=r"tune.epochs was 1, now 2"):
        tune(dataset, BASE, config.model_copy(update={"epochs": 2}), tmp_path, trials=3, name="s")


def test_a_hopeless_trial_is_pruned_and_a_diverged_one_told(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["pipeline.training.tuning.tune"], "_NEVER_PRUNED", 1)
    base = TrainConfig(model=BASE.model, training=replace(BASE.training, gradient_clip=1e30))
    config = QUICK.model_copy(update={"vary": ("learning_rate=1e-7,5e-3,1e30",)})
    trials = tune(dataset, base, config, tmp_path, trials=7).trials
    states = {rate: set(group["state"]) for rate, group in trials.groupby("learning_rate")}
    assert states == {5e-3: {"complete"}, 1e-7: {"pruned"}, 1e30: {"failed"}}
    assert trials.loc[trials["state"] == "pruned", "note"].str.startswith("pruned at 67 %").all()
    failed = trials[trials["state"] == "failed"]
    assert failed["objective"].isna().all() and failed["note"].str.contains("no longer a number").all()


def test_data_that_cannot_judge_a_trial_does_not_take_the_name_of_a_study(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Dataset.tokens
    with monkeypatch.context() as patched:
        patched.setattr(
            Dataset,
            "tokens",
            lambda self, split: whole(self, split).select([]) if split == "validation" else whole(self, split),
        )
        with pytest.raises(DataError, match="no validation molecules"):
            tune(dataset, BASE, QUICK, tmp_path, trials=1, name="mine")
    assert not (tmp_path / "studies" / "mine" / "study.json").exists()
