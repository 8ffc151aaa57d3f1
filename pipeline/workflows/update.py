"""Runs the next round of a campaign: adds new measurements to the data, trains on all of them, proposes another batch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from chem_vae.atomic_files import write_text
from chem_vae.errors import DataError, UserError
from chem_vae.progress import Progress, silent
from pipeline.config import CampaignConfig, load_config
from pipeline.datasets.dataset import Dataset, DatasetProperty
from pipeline.datasets.exports import list_rejected
from pipeline.datasets.ingest import ingest
from pipeline.datasets.labels.label_checks import find_label_problems
from pipeline.library import open_library
from pipeline.models.trained_model import TrainedModel
from pipeline.report.building.data_account import NewestData
from pipeline.report.model import read_report
from pipeline.training.config import TrainConfig
from pipeline.training.finetuning.go_on import is_alone, settle_further_training
from pipeline.training.train import train
from pipeline.workflows.checks.night_check import check_source
from pipeline.workflows.generate_run import generate_run
from pipeline.workflows.new_measurements import (
    OTHER_FILE,
    has_labels,
    merge_measurements,
    read_labels,
    read_measurements,
    refuse_mixed,
    select_new,
)
from pipeline.workflows.records.known_molecules import list_proposed
from pipeline.workflows.records.prediction_check import PredictionCheck, check_predictions, list_rounds
from pipeline.workflows.records.run_folder import MOST_REJECTED, REJECTED
from pipeline.workflows.screen_run import screen_run
from pipeline.workspace.lookup import LIBRARY, find_model
from pipeline.workspace.places import make_file_absolute
from pipeline.workspace.presentation.csv_tables import format_csv, read_csv
from pipeline.workspace.runs import Run, read_settings
from pipeline.workspace.storage.folders import hash_content


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
        UserError: The run has no measured property, or the file none of its columns, or words where the run learned numbers,
            or numbers where it learned words.
        NoNewMeasurementsError: The file holds no other measurements than those in the data.
        DataError: The dataset of the run is no longer in the workspace, or the library that a screening chooses from is gone.
    """
    begun = datetime.now(UTC)
    config = config or load_config(run.folder / "config.json", OTHER_FILE)
    model, dataset, measured = _open(run, workspace)
    _check_places(run, config)
    if source == LIBRARY:
        source, smiles_column = str(write_labels(workspace, config.library)), "smiles"
    fresh, names = read_measurements(config.ingest, measured, source, smiles_column, workspace, progress)
    refuse_mixed(dataset, fresh, names)
    new = select_new(dataset, read_labels(fresh, names, "smiles"))
    counted = int(has_labels(new, names).any(axis=1).sum())
    if not counted:
        raise NoNewMeasurementsError(
            f"{source} has no measurement that is not in the data of the run {run.id} already: nothing to learn from"
        )
    merged = ingest(merge_measurements(config.ingest, dataset, new, workspace, fresh), workspace, progress)
    following = train(merged, _settle_training(config.train, model, merged, workspace), workspace, progress)
    checks = [check_predictions(run, name, new, dataset) for name in names]
    rounds = list_rounds(run, checks, dataset, model, following)
    newest = gather_newest(run, dataset, fresh)
    told: dict[str, Any] = {"newest": newest, "rounds": rounds}
    told |= {"library": config.library, "overall": config.list_overall(), "begun": begun}
    if config.screen is not None:  # the next batch comes from the same library
        made = screen_run(following, merged, config.generate, config.screen, workspace, config.name, progress, **told)
    else:
        made = generate_run(
            following, merged, config.generate, workspace, config.name, progress, earlier=list_proposed(run), **told
        )
    return UpdateResult(made, counted, checks)


def gather_newest(run: Run, before: Dataset, fresh: Dataset) -> NewestData:
    """Gather the account of all rows of the rounds before, as the report of the last run has it, and the newest data.

    Args:
        run: The run of the round before.
        before: Its dataset; what is warned of its labels is said of all labels anew, and not repeated.
        fresh: The data of the new file alone.
    """
    report = read_report(run.folder)
    known = {problem.text for problem in find_label_problems(before)}
    facts, path = report.dataset.model_copy(deep=True), run.folder / REJECTED
    facts.warnings = [text for text in facts.warnings if text not in known]
    tables = [_name_file(list_rejected(fresh, MOST_REJECTED), fresh.name)]
    if path.is_file():
        tables.append(read_csv(path, dtype=str))
    if not report.rounds:  # the first round's own sentences and rows do not say yet which file they are about
        name = before.name
        facts.warnings = [f"{name}: {text}" for text in facts.warnings]
        facts.notes = [f"{name}: {text}" for text in facts.notes]
        for rejection in facts.rejections:
            rejection.row = f"{name} {rejection.row}"
        for change in facts.changes:
            change.row = change.row and f"{name} {change.row}"
        tables[1:] = [_name_file(table, name) for table in tables[1:]]
    return NewestData(fresh, facts, pd.concat(tables, ignore_index=True))


def _name_file(rejected: pd.DataFrame, name: str) -> pd.DataFrame:
    """Add the column `file` to rejected rows; one of the user's own of that name stays as `file.source`."""
    return rejected.rename(columns={"file": "file.source"}).assign(file=name)


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


def _check_places(run: Run, config: CampaignConfig) -> None:
    """Check before the training that the places are there that the next batch needs.

    Raises:
        DataError: The library that a screening chooses from is not there, or is empty.
        UserError: The candidate library of an older run was named as seen from another folder: a new one would be made here.
    """
    own = config.library
    is_own = own == read_settings(run.folder).get("library")
    if own and is_own and make_file_absolute(own) != own and not Path(own).expanduser().exists():
        raise UserError(
            f"the run {run.id} has the candidate library {own}, which is not here; give its path with --library"
        )
    if config.screen is not None:
        try:
            check_source(config.screen.library)
        except DataError as error:
            where = "say where it is with --set screen.library=FILE"
            raise DataError(f"the library to choose from: {error}; {where}") from None


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
