"""The files of a study: its table and its figures."""

from __future__ import annotations

from pathlib import Path

import optuna

from pipeline.training.tuning.search_space import parse_search_space
from pipeline.training.tuning.study import FEWEST_FOR_IMPORTANCE, trials_table, write_figures


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
