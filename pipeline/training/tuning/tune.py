"""A sweep over the settings that matter, with Optuna; every trial is a short training.

The objective is one number in nats per molecule, lower is better, of held-out molecules:

    (-log p(x|c) - log p(x)) / 2   generating, with all conditions given and with none
    + w * -log p(x|z,c)            reconstructing, with z drawn from the posterior
    + k * KL                       what the posterior says about a molecule, at a fixed price

The first line judges the decoder alone, the second the encoder with it, and the third keeps the codes near the prior. The price k
is chosen, not found: with k = 1, the negative ELBO, a collapsed posterior would be the best, and with k = 0 an autoencoder whose codes
lie anywhere. It is the slope of rate against distortion at which models are compared (Alemi et al. 2018, arXiv:1711.00464), the same
for every trial whatever its own beta. With the default of 0.1 the best beta will lie near 0.1.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, Trial, TrialState
from pydantic import ValidationError

from chem_vae.atomic_files import write_text
from chem_vae.checkpoint import ConditionScale
from chem_vae.config import MOST_SEED
from chem_vae.errors import ChemVAEError, CollapseWarning, DataError, TrainingError, UserError
from chem_vae.progress import Progress, silent
from chem_vae.seeds import number_seed
from chem_vae.training.trainer import StopTraining
from chem_vae.training.trainer import train as train_core
from pipeline.datasets.dataset import Dataset
from pipeline.training.config import TrainConfig, TuneConfig
from pipeline.training.plan import choose_conditions
from pipeline.training.tuning.search_space import KNOBS, is_inside, list_extremes, parse_search_space
from pipeline.training.tuning.study import begin_study, open_journal, trials_table, write_best, write_figures
from pipeline.workspace.config_errors import explain
from pipeline.workspace.presentation.csv_tables import format_csv
from pipeline.workspace.storage.folders import hash_content, lock_folder

TERMS = ("reconstruction", "without_z", "unconditioned", "kl", "active_units", "exact_reconstruction")
_BEHIND = "behind the median of the trials before"  # why a trial is pruned
_RANDOM_TRIALS, _NEVER_PRUNED = 6, 4  # the first trials: drawn at random, and left to end


def build_tune_config(**given: Any) -> TuneConfig:
    """Build a TuneConfig from the given settings; None stands for the default.

    Raises:
        UserError: A setting is wrong; the message has a sentence for each mistake.
    """
    try:
        config = TuneConfig.model_validate({k: v for k, v in given.items() if v is not None})
    except ValidationError as error:
        raise UserError(explain(error, TuneConfig, "the settings of the sweep")) from None
    parse_search_space(config.vary)
    return config


@dataclass(frozen=True)
class TunedStudy:
    """A study with the trials that it has so far."""

    folder: Path
    """Holds study.csv, study.png, slices.png, importances.png and best.toml."""
    trials: pd.DataFrame
    """One row per trial: trial, state (complete, pruned, failed), objective, settings, terms, seconds."""
    best: dict[str, Any]
    """The row of the best completed trial."""
    varied: tuple[str, ...]


def compute_objective(row: Mapping[str, float], config: TuneConfig) -> float:
    """Compute the objective, in nats per molecule, from a row of validation figures (see the module's docstring)."""
    generating = 0.5 * (row["without_z"] + row["unconditioned"])
    return generating + config.reconstruction_weight * row["reconstruction"] + config.kl_price * row["kl"]


def tune(
    dataset: Dataset,
    base: TrainConfig,
    config: TuneConfig,
    workspace: Path,
    *,
    trials: int = 20,
    name: str | None = None,
    progress: Progress = silent,
) -> TunedStudy:
    """Run a sweep until its study has so many trials.

    Trials are proposed by a tree-structured Parzen estimator (Bergstra et al. 2011, NeurIPS 24) and pruned where they fall behind the
    median of the trials before. A study that was stopped goes on, within a trial from its last checkpoint, with the same trials.

    Args:
        dataset: Its training molecules are learned from, its validation molecules judge a trial.
        base: The settings that are not varied.
        config: What is varied, and the budget of a trial.
        workspace: The study lies in `<workspace>/studies/<name>/`.
        trials: Trials in all; those of earlier calls count.
        name: Of the study; None: made from the dataset's name and the settings.
        progress: Is told of each trial and of the training inside it.

    Raises:
        UserError: A setting cannot be tried, or the study of that name was begun with other settings.
        DataError: There are no training or validation molecules.
        BusyError: Another process is running the study.
        ChemVAEError: No trial was completed.
    """
    if trials < 1:
        raise UserError("ask for at least one trial")
    if base.base is not None:
        raise UserError(f"a sweep trains from nothing; leave out train.start (now {base.start!r})")
    if name is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}", name):
        raise UserError(f"the name {name!r} is to be a folder: letters, digits, dots, dashes and underscores")
    space = parse_search_space(config.vary)
    for values in list_extremes(space):
        compose_config(base, config, values)
    settings = {
        "dataset": dataset.key,
        "dataset_folder": dataset.folder.name,
        "train": base.model_dump(mode="json"),
        "tune": config.model_dump(mode="json"),
    }
    name = name or f"{dataset.name}-{hash_content(settings, 'chem-vae study', 1)[:8]}"
    folder = workspace / "studies" / name
    with lock_folder(folder, "running this study"):
        sweep = _Sweep(dataset, base, config, space, folder, progress)
        begin_study(folder, settings)
        sweep.open_study()
        sweep.run(trials)
        table = trials_table(sweep.study, tuple(space))
        complete = table[table["state"] == "complete"]
        if complete.empty:
            why = "; ".join(table["note"].dropna().tail(1)) or "none was run to its end"
            raise ChemVAEError(f"no trial of the study {folder.name} was completed: {why}")
        best = {str(k): v for k, v in complete.sort_values("objective", kind="stable").to_dict("records")[0].items()}
        chosen = compose_config(base, config, {k: best[k] for k in space})
        write_best(folder / "best.toml", base, chosen, tuple(space), best, len(table), config.epochs, sweep.molecules)
        write_figures(folder, sweep.study)
    return TunedStudy(folder, table, best, tuple(space))


def compose_config(base: TrainConfig, config: TuneConfig, values: Mapping[str, Any]) -> TrainConfig:
    """Put the varied values and the study's budget into the base settings. Raises UserError where the model refuses them."""
    tables: dict[str, dict[str, Any]] = {"model": {}, "training": {}}
    for name, value in values.items():
        tables[KNOBS[name][0]][name] = value
    budget = {"epochs": config.epochs, "max_steps": None, "validations": config.validations, "devices": 1, "nodes": 1}
    tables["training"] |= budget
    try:
        model, training = replace(base.model, **tables["model"]), replace(base.training, **tables["training"])
    except ValueError as error:
        raise UserError(f"this cannot be tried: {error}") from None
    return base.model_copy(update={"model": model, "training": training})


class _Sweep:
    """Runs the trials of one study, one after another."""

    def __init__(
        self,
        dataset: Dataset,
        base: TrainConfig,
        config: TuneConfig,
        space: dict[str, BaseDistribution],
        folder: Path,
        progress: Progress,
    ) -> None:
        self.base, self.config, self.space, self.folder, self.progress = base, config, space, folder, progress
        names = [p.name for p in dataset.properties]
        columns = [names.index(c) for c in choose_conditions(dataset, base)]
        training = dataset.tokens("train").select_properties(columns)
        self.validation = dataset.tokens("validation").select_properties(columns)
        if len(training) == 0 or len(self.validation) == 0:
            raise DataError(
                f"the dataset {dataset.name} has no training or no validation molecules to judge a trial by"
            )
        if config.molecules is not None and config.molecules < len(training):
            drawn = np.random.default_rng(config.seed).permutation(len(training))[: config.molecules]
            training = training.select(np.sort(drawn))
        values = training.values()
        self.training, self.molecules, self.vocabulary = training, len(training), dataset.vocabulary
        self.scales = tuple(
            ConditionScale.fit(names[c], dataset.properties[c].unit, values[:, i]) for i, c in enumerate(columns)
        )

    def open_study(self) -> None:
        """Open the study's journal, or make it."""
        self.study = open_journal(self.folder)
        self.study.pruner = optuna.pruners.MedianPruner(n_startup_trials=_NEVER_PRUNED, n_warmup_steps=2)

    def run(self, trials: int) -> None:
        if not self.study.trials:
            self.study.enqueue_trial(self._read_base_values())
        self._requeue_killed()
        done = len(trials_table(self.study, tuple(self.space)))
        self.progress("tune", min(done, trials), trials, self._find_best())
        while done < trials:
            # A function of the seed and the trials before it: a resumed study proposes what an unbroken one would.
            seed = number_seed(self.config.seed, done) % (MOST_SEED + 1)
            self.study.sampler = optuna.samplers.TPESampler(n_startup_trials=_RANDOM_TRIALS, seed=seed)
            self._run_trial(self.study.ask(self.space), done + 1)
            done += 1
            table = trials_table(self.study, tuple(self.space))
            write_text(self.folder / "study.csv", format_csv(table))
            self.progress("tune", done, trials, self._find_best())

    def _read_base_values(self) -> dict[str, Any]:
        """Read the base's own values, where they lie in the search space: the first trial."""
        own = {name: getattr(getattr(self.base, KNOBS[name][0]), name) for name in self.space}
        return {name: value for name, value in own.items() if is_inside(self.space[name], value)}

    def _requeue_killed(self) -> None:
        """Queue a trial again that was running when the process died; it goes on from its checkpoint."""
        queued = {t.user_attrs.get("continues") for t in self.study.get_trials(states=(TrialState.WAITING,))}
        for killed in self.study.get_trials(states=(TrialState.RUNNING,)):
            if killed.number not in queued:
                attributes = {"continues": killed.number, "begun_as": _find_first_number(killed)}
                self.study.enqueue_trial(killed.params, user_attrs=attributes)
            self.study.tell(killed.number, state=TrialState.FAIL)

    def _run_trial(self, trial: Trial, number: int) -> None:
        chosen = compose_config(self.base, self.config, trial.params)
        resume = self.folder / "trials" / f"{trial.user_attrs.get('begun_as', trial.number)}.safetensors"
        resume.parent.mkdir(exist_ok=True)
        seen_in_all = self.molecules * self.config.epochs
        told: set[int] = set()
        if (killed := trial.user_attrs.get("continues")) is not None:  # what it had reported, it will not report again
            for at, value in self.study.trials[killed].intermediate_values.items():
                trial.report(value, at)
                told.add(at)

        def on_validation(step: int, row: dict[str, float]) -> None:
            at = round(self.config.validations * row["molecules"] / seen_in_all)
            if at not in told:
                told.add(at)
                trial.report(compute_objective(row, self.config), at)
            # Also of a validation that a killed trial had reported as its last: whether it was behind was not yet written down.
            if at == max(told) and at < self.config.validations and trial.should_prune():
                raise StopTraining(_BEHIND)

        def shown(stage: str, done: int, total: int, figures: Mapping[str, float] | None = None) -> None:
            self.progress(f"trial {number}", done, total, figures)

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", CollapseWarning)  # a trial that collapses is a bad trial, no more
                checkpoint, log = train_core(
                    self.training, self.validation, self.vocabulary, self.scales, chosen.model, chosen.training,
                    resume_file=resume, progress=shown, on_validation=on_validation,
                )  # fmt: skip
        except TrainingError as error:
            trial.set_user_attr("note", str(error))
            self.study.tell(trial, state=TrialState.FAIL)
            resume.unlink(missing_ok=True)
            return
        for term in TERMS:
            trial.set_user_attr(term, float(log.best[term]))
        trial.set_user_attr("parameters", sum(p.numel() for p in checkpoint.model.parameters()))
        trial.set_user_attr("seconds", round(log.seconds, 1))
        if log.ended.endswith(_BEHIND):  # by the log, which a trial that was killed after its end has, too
            trial.set_user_attr("note", f"pruned at {round(100 * log.validation[-1]['molecules'] / seen_in_all)} %")
            self.study.tell(trial, state=TrialState.PRUNED)
        else:
            if log.warnings:
                trial.set_user_attr("note", "; ".join(log.warnings))
            self.study.tell(trial, compute_objective(log.best, self.config))
        resume.unlink(missing_ok=True)

    def _find_best(self) -> dict[str, float]:
        values = [t.value for t in self.study.get_trials(states=(TrialState.COMPLETE,)) if t.value is not None]
        return {"best": min(values)} if values else {}


def _find_first_number(trial: FrozenTrial) -> int:
    return int(trial.user_attrs.get("begun_as", trial.number))
