"""The files of a study: its table and its figures."""

from __future__ import annotations

from pathlib import Path

import optuna

from pipeline.config import load_config
from pipeline.training.config import TrainConfig
from pipeline.training.tuning.search_space import parse_search_space
from pipeline.training.tuning.study import FEWEST_FOR_IMPORTANCE, trials_table, write_best, write_figures


def test_table_and_figures_of_a_study(tmp_path: Path) -> None:
    study = optuna.create_study(direction="minimize")
    space = parse_search_space(("beta=0.1:0.9", "latent_dropout=0.1:0.9"))
    for number in range(FEWEST_FOR_IMPORTANCE + 1):
        trial = study.ask(space)
        trial.set_user_attr("kl", 1.0)
        if number == 0:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            continue
        study.tell(trial, trial.params["beta"])
        if number in (1, FEWEST_FOR_IMPORTANCE):
            write_figures(tmp_path, study)
            pictures = {path.name for path in tmp_path.glob("*.png")}
            assert {"study.png", "slices.png"} <= pictures
            assert ("importances.png" in pictures) == (number == FEWEST_FOR_IMPORTANCE)
    assert (tmp_path / "importances.png").read_bytes().startswith(b"\x89PNG")
    table = trials_table(study, tuple(space))
    settings = ["beta", "latent_dropout", "kl"]
    assert list(table.columns) == ["trial", "state", "objective", *settings, "seconds", "parameters", "note"]
    assert (
        table["state"].tolist() == ["failed", *["complete"] * FEWEST_FOR_IMPORTANCE]
        and table["trial"].tolist()[-1] == 9
    )
    assert table["objective"][1:].tolist() == table["beta"][1:].tolist()


def test_the_best_settings_hold_all_that_the_base_changed(tmp_path: Path) -> None:
    changed = {
        "replay": 0.25,
        "conditions": ("logp", 'a "b"'),
        "keep_molecules": False,
        "check_labels": False,
        "tensorboard": True,
        "go_on": False,
        "enough_new": 1e-5,
    }
    assert set(changed) == set(TrainConfig.model_fields) - {"start", "model", "training"}
    base = TrainConfig.model_validate({"start": "nothing", **changed, "training": {"max_steps": 7, "patience": 3}})
    write_best(tmp_path / "best.toml", base, base, ("beta",), {"trial": 1, "objective": 2.0}, 1, 3, 100)
    assert load_config(tmp_path / "best.toml").train.model_dump() == base.model_dump()
    usual = TrainConfig(start="nothing")
    write_best(tmp_path / "usual.toml", usual, usual, ("beta",), {"trial": 1, "objective": 2.0}, 1, 3, 100)
    assert not set(changed) & set((tmp_path / "usual.toml").read_text().replace("=", " ").split())
