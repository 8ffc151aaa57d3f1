"""What a study of tune() leaves behind: its journal, a table, a figure and the best settings as a TOML file."""

from __future__ import annotations

import io
import json
import os
import warnings
from dataclasses import fields
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from chem_vae.atomic_files import plain, write_json, write_text
from chem_vae.errors import DataError, UserError
from pipeline.training.config import NOTHING, TrainConfig

FORMAT = "chem-vae study"
FEWEST_FOR_IMPORTANCE = 8  # completed trials
_STATES = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}
_OWN = ("seconds", "parameters", "note")
_BUDGET = ("epochs", "max_steps", "validations", "devices")  # a study's own, none of the advice it gives


def begin(folder: Path, settings: dict[str, Any]) -> None:
    """Write study.json, or compare with the one that is there. Raises UserError where the settings differ."""
    folder.mkdir(parents=True, exist_ok=True)
    about = {"format": FORMAT, "format_version": 1, **plain(settings)}
    path = folder / "study.json"
    if not path.exists():
        write_json(path, about)
        return
    try:
        begun = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path} is damaged: {error}; delete {folder} and begin again") from None
    if begun != about:
        differing = ", ".join(_differences(begun, about)[:4])
        raise UserError(
            f"the study {folder.name} was begun with other settings ({differing}): trials would not compare. Give the "
            "same settings, or another --name"
        )


def _differences(old: Any, new: Any, at: str = "") -> list[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        keys = sorted({*old, *new})
        return [d for k in keys for d in _differences(old.get(k), new.get(k), f"{at}.{k}".lstrip("."))]
    return [] if old == new else [f"{at} was {old}, now {new}"]


def open_journal(folder: Path) -> optuna.Study:
    """The study of a folder, made where there is none. The caller holds the folder's lock."""
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
    """A process killed while it wrote leaves a line without an end, which the next line would be joined to."""
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        with path.open("rb+") as file:
            file.truncate(len(whole))


def trials_table(study: optuna.Study, varied: tuple[str, ...]) -> pd.DataFrame:
    """One row per finished trial, in order; those that were killed and taken up again count once."""
    all_trials = study.get_trials(deepcopy=False)
    taken_up = {t.user_attrs.get("continues") for t in all_trials}
    finished = [t for t in all_trials if t.state in _STATES and t.number not in taken_up]
    terms = sorted({k for t in finished for k in t.user_attrs} - {"continues", "begun_as", *_OWN})
    rows = []
    for number, t in enumerate(finished, start=1):
        row: dict[str, Any] = {"trial": number, "state": _STATES[t.state]}
        row["objective"] = t.value if t.value is not None else float("nan")
        row |= {name: t.params.get(name) for name in varied}
        row |= {term: t.user_attrs.get(term, float("nan")) for term in terms}
        row |= {name: t.user_attrs.get(name) for name in _OWN}
        rows.append(row)
    columns = ["trial", "state", "objective", *varied, *terms, *_OWN]
    return pd.DataFrame(rows, columns=columns).astype({"note": object})


def shown(table: pd.DataFrame, varied: tuple[str, ...], most: int = 10) -> tuple[list[list[Any]], list[str]]:
    """The best trials first, as rows and a head for the terminal: completed ones by objective, then the others."""
    order = table.assign(unfinished=table["state"] != "complete").sort_values(
        ["unfinished", "objective"], kind="stable"
    )
    names = {"reconstruction": "recon", "without_z": "without z", "kl": "KL", "active_units": "active"}
    columns = ["trial", "state", "objective", *varied, *(t for t in names if t in table), "seconds"]
    rows = [[row[c] for c in columns] for row in order.head(most).to_dict("records")]
    return rows, [names.get(c, c) for c in columns]


def write_table(path: Path, table: pd.DataFrame) -> None:
    """study.csv."""
    write_text(path, table.to_csv(index=False, lineterminator="\n"))


def importances(study: optuna.Study) -> dict[str, float]:
    """The share of the objective's variance over the completed trials that each setting explains (fANOVA, Hutter et
    al. 2014); empty where there are too few trials to tell."""
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(complete) < FEWEST_FOR_IMPORTANCE or len({t.value for t in complete}) < 2:
        return {}
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    return optuna.importance.get_param_importances(study, evaluator=evaluator)


# -- the best settings -----------------------------------------------------------------------------------------------


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
    """A file for `chem-vae train --config`: the varied settings, and those of the base that are not the defaults."""
    lines = [
        f"# Trial {best['trial']} of {trials} of the study {path.parent.name}: objective {best['objective']:.3f} nats a molecule,",
        f"# after {epochs} passes over {molecules:,} molecules. More data and longer training may want a lower learning rate.",
    ]
    lines += ["", "[train]", f"start = {json.dumps(base.start or NOTHING)}  # what the settings were tried on"]
    if base.conditions is not None:
        lines += [f"conditions = {json.dumps(list(base.conditions), ensure_ascii=False)}"]
    for table in ("model", "training"):
        settings, own = getattr(chosen, table), getattr(base, table)
        lines += ["", f"[train.{table}]"]
        for field in fields(settings):
            value = getattr(own if field.name in _BUDGET else settings, field.name)
            if value is not None and (field.name in varied or value != field.default):
                lines.append(f"{field.name} = {_toml(value)}")
    write_text(path, "\n".join(lines) + "\n")


def _toml(value: bool | int | float | str) -> str:
    return repr(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


# -- the figure ------------------------------------------------------------------------------------------------------


def write_figure(path: Path, study: optuna.Study, table: pd.DataFrame) -> None:
    """study.png: the objective from trial to trial, and what it depends on."""
    import matplotlib
    from matplotlib.figure import Figure

    weights = importances(study)
    style: Any = {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False}
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(9.0, 3.4), layout="constrained")
        history, bars = figure.subplots(1, 2, width_ratios=(3, 2))
        known = table[table["objective"].notna()]
        kinds = (("complete", "o", "#2a78d6", "complete"), ("pruned", "x", "#9a9a96", "pruned, at its last validation"))
        for state, marker, color, label in kinds:
            rows = known[known["state"] == state]
            history.plot(rows["trial"], rows["objective"], ls="", marker=marker, ms=5, color=color, label=label)
        complete = known[known["state"] == "complete"]
        history.step(
            complete["trial"],
            complete["objective"].cummin(),
            where="post",
            color="#eb6834",
            lw=1.4,
            label="best so far",
        )
        if len(complete):  # a diverged trial must not press the others into one line
            low, high = complete["objective"].min(), complete["objective"].quantile(0.9)
            history.set_ylim(low - 0.1 * (high - low + 1e-3), high + 0.6 * (high - low + 1e-3))
        history.set(xlabel="trial", ylabel="objective, nats per molecule", title="History")
        history.xaxis.get_major_locator().set_params(integer=True)
        history.legend()
        bars.set(title="Share of the variance explained", xlim=(0, 1))
        if weights:
            names = list(weights)[::-1]
            bars.barh(names, [weights[n] for n in names], color="#2a78d6")
        else:
            bars.text(0.5, 0.5, f"needs {FEWEST_FOR_IMPORTANCE} completed trials", ha="center", va="center")
            bars.set(yticks=[])
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=150)
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(buffer.getvalue())
    os.replace(partial, path)
