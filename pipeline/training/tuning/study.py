"""The files of a study of tune(): its journal, a table, figures and the best settings as TOML."""

from __future__ import annotations

import io
import json
import re
import warnings
from collections.abc import Callable
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState
from optuna.visualization import matplotlib as plots

from chem_vae.atomic_files import to_plain, write_bytes, write_json, write_text
from chem_vae.errors import DataError, UserError
from pipeline.training.config import NOTHING, TrainConfig

FORMAT = "chem-vae study"
FEWEST_FOR_IMPORTANCE = 8  # completed trials
FIRST, LAST = ("trial", "state", "objective"), ("seconds", "parameters", "note")
"""Columns of the table before and after the settings and terms."""
_STATES = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}
_BUDGET = ("epochs", "max_steps", "validations", "devices", "nodes")  # the study's own; best.toml has the base's


def begin_study(folder: Path, settings: dict[str, Any]) -> None:
    """Write study.json, or compare with the one that is there.

    Raises:
        UserError: The study was begun with other settings.
        DataError: study.json is damaged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    about = {"format": FORMAT, "format_version": 1, **to_plain(settings)}
    path = folder / "study.json"
    if not path.exists():
        write_json(path, about)
        return
    try:
        begun = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path} is damaged: {error}; delete {folder} and begin again") from None
    if differing := _find_differences(begun, about):
        raise UserError(
            f"the study {folder.name} was begun with other settings ({', '.join(differing[:4])}): trials would not compare. Give the "
            "same settings, or another --name"
        )


def _find_differences(old: Any, new: Any, at: str = "") -> list[str]:
    """List what differs; settings of the training that the version which began the study did not have are passed over."""
    if isinstance(old, dict) and isinstance(new, dict):
        keys = sorted(old if at.startswith("train") else {*old, *new})
        return [d for k in keys for d in _find_differences(old.get(k), new.get(k), f"{at}.{k}".lstrip("."))]
    return [] if old == new else [f"{at} was {old}, now {new}"]


def open_journal(folder: Path) -> optuna.Study:
    """Open the study of a folder, or make it. The caller holds the folder's lock."""
    path = folder / "journal.jsonl"
    for stale in folder.glob("journal.jsonl.lock*"):  # of a killed process: ours is the only one
        stale.unlink()
    if path.exists():
        _drop_half_line(path)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        storage = optuna.storages.JournalStorage(JournalFileBackend(str(path)))
    if folder.name in optuna.study.get_all_study_names(storage):
        return optuna.load_study(study_name=folder.name, storage=storage)
    return optuna.create_study(storage=storage, study_name=folder.name, direction="minimize")


def _drop_half_line(path: Path) -> None:
    """Drop the line that a killed process left without an end, for the next line would be joined to it."""
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        with path.open("rb+") as file:
            file.truncate(len(whole))


def trials_table(study: optuna.Study, varied: tuple[str, ...]) -> pd.DataFrame:
    """Tabulate the finished trials in order; those that were killed and taken up again count once.

    Returns:
        Columns trial, state (complete, pruned, failed), objective, the varied settings, the terms of the objective, seconds, parameters
        and note.
    """
    frame = study.trials_dataframe(attrs=("value", "params", "user_attrs", "state", "number"))
    frame.columns = [re.sub("^(params|user_attrs)_", "", column) for column in frame.columns]
    frame = frame.reindex(columns=list(dict.fromkeys([*FIRST, *frame.columns, *varied, *LAST, "continues", "number"])))
    frame = frame[frame["state"].isin(list(_STATES)) & ~frame["number"].isin(frame["continues"].dropna())]
    frame = frame.assign(trial=range(1, len(frame) + 1), state=frame["state"].map(_STATES), objective=frame["value"])
    terms = sorted(set(frame.columns) - {*FIRST, *varied, *LAST, "continues", "begun_as", "number", "value"})
    return (
        frame[[*FIRST, *varied, *terms, *LAST]].reset_index(drop=True).astype({"note": object, "parameters": "Int64"})
    )


def rank_trials(table: pd.DataFrame, varied: tuple[str, ...], most: int = 10) -> tuple[list[list[Any]], list[str]]:
    """Return rows and a head for the terminal: completed trials by objective, then the others."""
    order = table.assign(unfinished=table["state"] != "complete").sort_values(
        ["unfinished", "objective"], kind="stable"
    )
    names = {"reconstruction": "recon", "without_z": "without z", "kl": "KL", "active_units": "active"}
    columns = ["trial", "state", "objective", *varied, *(t for t in names if t in table), "seconds"]
    return order[columns].head(most).values.tolist(), [names.get(c, c) for c in columns]


def write_figures(folder: Path, study: optuna.Study) -> None:
    """Draw study.png (the objective from trial to trial), slices.png (the objective by each setting) and importances.png.

    The last one shows the share of the objective's variance that each setting explains (fANOVA, Hutter et al. 2014, ICML 32:754) and
    needs FEWEST_FOR_IMPORTANCE completed trials that differ.
    """
    import matplotlib.pyplot as plt  # heavy

    values = [float(t.values[0]) for t in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))]
    drawn: dict[str, Callable[..., Any]] = {
        "study.png": plots.plot_optimization_history,
        "slices.png": plots.plot_slice,
    }
    if len(values) >= FEWEST_FOR_IMPORTANCE and len(set(values)) > 1:
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
        drawn["importances.png"] = partial(plots.plot_param_importances, evaluator=evaluator)
    for name, plot in drawn.items():
        with warnings.catch_warnings(), plt.rc_context():
            warnings.simplefilter("ignore")  # optuna calls its plots experimental
            axes = np.ravel(plot(study))
            if name == "study.png":  # a diverged trial must not press the others into one line
                low, high = min(values), float(np.quantile(values, 0.9))
                axes[0].set_ylim(low - 0.1 * (high - low + 1e-3), high + 0.6 * (high - low + 1e-3))
            buffer = io.BytesIO()
            axes[0].figure.savefig(buffer, format="png", dpi=120, bbox_inches="tight")
            plt.close(axes[0].figure)
        write_bytes(folder / name, buffer.getvalue())


def write_best(
    path: Path,
    base: TrainConfig,
    chosen: TrainConfig,
    varied: tuple[str, ...],
    best: dict[str, Any],
    trials: int,
    epochs: int,
    molecules: int,
) -> None:
    """Write a file for `chem-vae train --config`: the varied settings, and those of the base that are not the defaults.

    Args:
        path: The TOML file in the study's folder.
        base: The settings that were not varied, with the budget of a whole training.
        chosen: The settings of the best trial.
        varied: The names of the varied settings.
        best: The best trial's row of `trials_table`.
        trials: Trials in all.
        epochs: Passes of each trial over its molecules.
        molecules: Training molecules of each trial.
    """
    lines = [
        f"# Trial {best['trial']} of {trials} of the study {path.parent.name}: objective {best['objective']:.3f} nats a molecule,",
        f"# after {epochs} passes over {molecules:,} molecules. More data and longer training may want a lower learning rate.",
    ]
    lines += ["", "[train]", f"start = {json.dumps(base.start or NOTHING)}  # what the settings were tried on"]
    for name, about in TrainConfig.model_fields.items():
        value = getattr(base, name)
        if name not in ("start", "model", "training") and value != about.default:
            lines.append(f"{name} = {_write_toml(value)}")
    for table in ("model", "training"):
        settings, own = getattr(chosen, table), getattr(base, table)
        lines += ["", f"[train.{table}]"]
        for field in fields(settings):
            value = getattr(own if field.name in _BUDGET else settings, field.name)
            if value is not None and (field.name in varied or value != field.default):
                lines.append(f"{field.name} = {_write_toml(value)}")
    write_text(path, "\n".join(lines) + "\n")


def _write_toml(value: bool | int | float | str | tuple[str, ...]) -> str:
    return repr(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)
