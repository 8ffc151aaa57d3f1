"""Runs the next round of a campaign: adds new measurements to the data, trains on all of them, proposes another batch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from chem_vae.atomic_files import write_text
from chem_vae.errors import DataError, UserError
from chem_vae.progress import Progress, silent
from pipeline.chemistry.metrics import Share
from pipeline.config import CampaignConfig, load_config
from pipeline.datasets.dataset import Dataset, DatasetProperty
from pipeline.datasets.ingest import ingest
from pipeline.generation.acquisition.hit_probability import COLUMN as HIT_PROBABILITY
from pipeline.library import open_library
from pipeline.models.trained_model import TrainedModel
from pipeline.report.facts.rounds import Round, list_learned
from pipeline.report.model import read_report
from pipeline.training.config import TrainConfig
from pipeline.training.finetuning.go_on import is_alone, settle_further_training
from pipeline.training.train import train
from pipeline.workflows.generate_run import generate_run
from pipeline.workflows.new_measurements import (
    OTHER_FILE,
    has_labels,
    merge_measurements,
    read_labels,
    read_measurements,
    select_new,
)
from pipeline.workflows.records.known_molecules import list_proposed
from pipeline.workflows.screen_run import screen_run
from pipeline.workspace.lookup import find_model
from pipeline.workspace.presentation.csv_tables import format_csv, read_csv
from pipeline.workspace.presentation.formatting import format_brief
from pipeline.workspace.runs import Run
from pipeline.workspace.storage.folders import hash_content

LIBRARY = "library"
"""What stands for the measurements of the candidate library instead of a file."""


@dataclass(frozen=True)
class PredictionCheck:
    """The predictions of a property in the round before, compared with what was measured since."""

    name: str
    measured: Share
    """The candidates measured now among those proposed."""
    predicted: float
    """The mean prediction of the candidates measured now."""
    found: float
    """The mean measurement of the same candidates."""
    mae: float
    """The mean absolute error of the predictions."""
    before: float
    """The mean of all molecules measured before that round."""
    expected_hits: float | None = None
    """The hits that were expected of the candidates measured now; None where the round before promised none."""
    hits: int | None = None
    """Those of them whose measurement reaches the goal of that round."""
    points: tuple[tuple[float, float, float], ...] = ()
    """(measured, predicted, standard deviation of the prediction) of each of them."""

    def __str__(self) -> str:
        if not self.measured.count:
            return f"{self.name}: none of the {self.measured.of} candidates of the round before was measured"
        return (
            f"{self.name}: {self.measured} of the candidates of the round before were measured, {format_brief(self.found)} on average "
            f"(predicted {format_brief(self.predicted)}, mean absolute error {format_brief(self.mae)}; all molecules before: {format_brief(self.before)})"
            + ("" if self.hits is None else f"; {self.hits:,} of them are hits, {self.expected_hits:.0f} were expected")
        )


class NoNewMeasurementsError(UserError):
    """Raised where every measurement of the file is in the data already."""


@dataclass(frozen=True)
class UpdateResult:
    """The result of a further round."""

    run: Run
    new: int
    """The number of molecules with a measurement that was not in the data before."""
    checks: list[PredictionCheck]


def update(
    run: Run,
    source: str,
    workspace: Path,
    *,
    smiles_column: str | None = None,
    config: CampaignConfig | None = None,
    progress: Progress = silent,
) -> UpdateResult:
    """Go on from a finished run with new measurements, in a new run folder.

    The new model starts from where the run's own model did, with all measurements at once, so that it forgets nothing; a model
    that was trained from nothing is itself the start. The file may hold earlier rounds too: a measurement that is in the data
    already is passed over, and another value of a molecule replaces the old one. Molecules that were measured, or proposed in
    any round before, are not proposed again.

    Args:
        run: The finished run.
        source: A file with a column of SMILES and at least one of the run's measured properties; "library" for the measurements
            in the candidate library.
        workspace: The folder of the run.
        smiles_column: The column of SMILES; found by its name when None.
        config: Settings instead of the run's own (`config.json` with `OTHER_FILE`); its `ingest.delimiter`, `encoding` and
            `sheet` are those of the file of new measurements.
        progress: Told each stage of the work.

    Raises:
        UserError: The run has no measured property, or the file none of its columns.
        NoNewMeasurementsError: The file holds no other measurements than those in the data.
        DataError: The dataset of the run is no longer in the workspace.
    """
    config = config or load_config(run.folder / "config.json", OTHER_FILE)
    model, dataset, measured = _open(run, workspace)
    if source == LIBRARY:
        source, smiles_column = str(write_labels(workspace, config.library)), "smiles"
    fresh, names = read_measurements(config.ingest, measured, source, smiles_column, workspace, progress)
    new = select_new(dataset, read_labels(fresh, names, "smiles"))
    counted = int(has_labels(new, names).any(axis=1).sum())
    if not counted:
        raise NoNewMeasurementsError(
            f"{source} has no measurement that is not in the data of the run {run.id} already: nothing to learn from"
        )
    merged = ingest(merge_measurements(config.ingest, dataset, new, workspace), workspace, progress)
    following = train(merged, _settle_training(config.train, model, merged, workspace), workspace, progress)
    checks = [_check_predictions(run, name, new, dataset) for name in names]
    rounds = list_rounds(run, checks, dataset, model, following)
    told: dict[str, Any] = {"newest": fresh, "rounds": rounds, "library": config.library}
    if config.screen is not None:  # the next batch comes from the same library
        made = screen_run(following, merged, config.generate, config.screen, workspace, config.name, progress, **told)
    else:
        made = generate_run(
            following, merged, config.generate, workspace, config.name, progress, earlier=list_proposed(run), **told
        )
    return UpdateResult(made, counted, checks)


def write_labels(workspace: Path, address: str | None = None) -> Path:
    """Write the measurements of the candidate library to a file of the workspace, as a training reads them.

    Raises:
        UserError: The library has none.
    """
    with open_library(workspace, address) as library:
        table, where = library.read_labels(), library.address
    if not len(table):
        raise UserError(
            f"the library {where} has no measurements; bring them in with: chem-vae library import-measurements FILE"
        )
    text = format_csv(table)
    folder = workspace / "updates" / hash_content(text)[:8]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "library.csv"
    if not path.is_file():
        write_text(path, text)
    return path


def _open(run: Run, workspace: Path) -> tuple[TrainedModel, Dataset, list[DatasetProperty]]:
    """Open the model and the dataset of a run; return them and the measured properties."""
    model = TrainedModel.open(run.folder, workspace=workspace)
    dataset = model.dataset(workspace)
    if dataset is None or not model.is_trained_on(dataset):
        raise DataError(
            f"the dataset of the run {run.id} ({model.card['dataset']['folder']}) is not in {workspace}: give its workspace, or "
            "run again with all measurements in one file"
        )
    measured = [p for p in dataset.properties if p.kind == "measured"]
    if not measured:
        raise UserError(
            f"the run {run.id} has no measured property, so there is nothing to update; start with: chem-vae run --data FILE "
            "--property NAME --maximize NAME"
        )
    return model, dataset, measured


def _settle_training(config: TrainConfig, model: TrainedModel, dataset: Dataset, workspace: Path) -> TrainConfig:
    """Settle the next training: it starts where the last one did, or goes on from that one, where its start is nothing or gone."""
    if config.base is not None:
        try:
            find_model(config.base, workspace)
            return config
        except UserError:
            pass
    return settle_further_training(config, model, dataset, alone=is_alone(model))


def _check_predictions(run: Run, name: str, new: pd.DataFrame, before: Dataset) -> PredictionCheck:
    """Compare the predictions of a run's candidates with the new measurements."""
    candidates = read_csv(run.folder / "candidates.csv")
    column = f"{name}_predicted"
    old = float(before.table([name])[name].mean())
    nan = float("nan")
    if column not in candidates:
        return PredictionCheck(name, Share(0, len(candidates)), nan, nan, nan, old)
    candidates = candidates.drop(columns=[name], errors="ignore")  # of a property that is called score or rank
    both = candidates.merge(new[["inchikey", name]].dropna(), on="inchikey")
    error = (both[column] - both[name]).abs().mean()
    expected, hits = _count_hits(run, name, both)
    return PredictionCheck(
        name,
        Share(len(both), len(candidates)),
        float(both[column].mean()),
        float(both[name].mean()),
        float(error),
        old,
        expected,
        hits,
        _list_points(both, name),
    )


def _list_points(both: pd.DataFrame, name: str) -> tuple[tuple[float, float, float], ...]:
    """List measurement, prediction and its standard deviation of each molecule; NaN where a prediction has none."""
    column = f"{name}_predicted"
    spread = both[f"{column}_std"] if f"{column}_std" in both else pd.Series(math.nan, both.index)
    return tuple(zip(both[name].tolist(), both[column].tolist(), spread.tolist(), strict=True))


def list_rounds(
    run: Run, checks: Sequence[PredictionCheck], before: Dataset, model: TrainedModel, following: TrainedModel
) -> list[Round]:
    """List the rounds that the report of a run tells, and the run itself with what was measured of its proposals.

    Args:
        run: The run of the round before.
        checks: Its predictions against what was measured since.
        before: The data of that round.
        model: The model of that round.
        following: The model that has learned from the measurements.
    """
    report = read_report(run.folder)
    asked = {objective.property: objective for objective in report.request.objectives}
    rounds = list(report.rounds)
    for check in checks:
        objective = asked.get(check.name)
        choose = {"maximize": max, "minimize": min}.get(objective.kind if objective else "")
        found = [point[0] for point in check.points]
        old = before.table([check.name])[check.name].dropna().tolist()
        rounds.append(
            Round(
                run=run.id,
                property=check.name,
                label=objective.label if objective else "",
                unit=objective.unit if objective else "",
                goal=report.hits.goal if report.hits and check.hits is not None else "",
                proposed=check.measured.of,
                measured=check.measured.count,
                predicted=check.predicted,
                found=check.found,
                std=float(np.std(found)) if found else None,
                mae=check.mae,
                before=check.before,
                best_before=choose(old) if choose and old else None,
                best=choose(found) if choose and found else None,
                expected_hits=check.expected_hits,
                hits=check.hits,
                points=[list(point) for point in check.points],
                learned=list_learned(_find_figures(model, check.name), _find_figures(following, check.name)),
            )
        )
    return rounds


def _find_figures(model: TrainedModel, name: str) -> dict[str, Any]:
    """Find the figures of a property's predictor on the card of a model; nothing where it has none."""
    return next((dict(entry) for entry in model.card["predictors"] if entry["property"] == name), {})


def _count_hits(run: Run, name: str, measured: pd.DataFrame) -> tuple[float | None, int | None]:
    """Count the hits that were expected of the measured candidates, and those that there are, where this is the one objective."""
    objectives = read_report(run.folder).request.objectives
    if HIT_PROBABILITY not in measured or [w.property for w in objectives] != [name] or not len(measured):
        return None, None
    low, high = objectives[0].interval()
    values = measured[name]
    hits = (values >= (-math.inf if low is None else low)) & (values <= (math.inf if high is None else high))
    return float(measured[HIT_PROBABILITY].sum()), int(hits.sum())
