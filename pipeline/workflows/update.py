"""Runs the next round of a campaign: adds new measurements to the data, trains on all of them, proposes another batch."""

from __future__ import annotations

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
from pipeline.datasets.config import IngestConfig, MeasuredProperty
from pipeline.datasets.dataset import Dataset
from pipeline.datasets.ingest import ingest
from pipeline.datasets.left_out import LeaveOut
from pipeline.datasets.readers import Hints
from pipeline.datasets.source import Source
from pipeline.models.trained_model import TrainedModel
from pipeline.training.config import TrainConfig
from pipeline.workflows.generate_run import PROPOSED, generate_run
from pipeline.workspace.csv_tables import format_csv, read_csv
from pipeline.workspace.folders import hash_content
from pipeline.workspace.lookup import find_model
from pipeline.workspace.registry import resolve
from pipeline.workspace.runs import Run


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

    def __str__(self) -> str:
        if not self.measured.count:
            return f"{self.name}: none of the {self.measured.of} candidates of the round before was measured"
        return (
            f"{self.name}: {self.measured} of the candidates of the round before were measured, {self.found:.3g} on average "
            f"(predicted {self.predicted:.3g}, mean absolute error {self.mae:.2g}; all molecules before: {self.before:.3g})"
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
        source: A file with a column of SMILES and at least one of the run's measured properties.
        workspace: The folder of the run.
        smiles_column: The column of SMILES; found by its name when None.
        config: Settings instead of the run's own (`config.json`).
        progress: Told each stage of the work.

    Raises:
        UserError: The run has no measured property, or the file none of its columns.
        NoNewMeasurementsError: The file holds no other measurements than those in the data.
        DataError: The dataset of the run is no longer in the workspace.
    """
    # Here: to load Lightning takes seconds, and a request that cannot be met needs none of it.
    from pipeline.training.train import train

    config = config or load_config(run.folder / "config.json")
    model, dataset, measured = _open(run, workspace)
    new = _select_new(dataset, _read_measurements(config.ingest, measured, source, smiles_column, workspace, progress))
    counted = int(new[[p for p in measured if p in new]].notna().any(axis=1).sum())
    if not counted:
        raise NoNewMeasurementsError(
            f"{source} has no measurement that is not in the data of the run {run.id} already: nothing to learn from"
        )
    merged = ingest(_merge(config.ingest, dataset, new, measured, workspace), workspace, progress)
    following = train(merged, _choose_start(config.train, model, workspace), workspace, progress)
    checks = [_check_predictions(run, p, new, dataset) for p in measured if p in new]
    made = generate_run(
        following, merged, config.generate, workspace, config.name, progress, earlier=list_proposed(run)
    )
    return UpdateResult(made, counted, checks)


def list_proposed(run: Run) -> pd.DataFrame:
    """List what a run and those before it proposed: smiles, inchikey and run."""
    columns = ["smiles", "inchikey", "run"]
    own = read_csv(run.folder / "candidates.csv", dtype=str)
    parts = [own.reindex(columns=columns).assign(run=run.id)]
    if (run.folder / PROPOSED).is_file():
        parts.insert(0, read_csv(run.folder / PROPOSED, dtype=str)[columns])
    return pd.concat(parts, ignore_index=True).drop_duplicates("inchikey").reset_index(drop=True)


def _open(run: Run, workspace: Path) -> tuple[TrainedModel, Dataset, list[str]]:
    """Open the model and the dataset of a run; return them and the names of the measured properties."""
    model = TrainedModel.open(run.folder, workspace=workspace)
    dataset = model.dataset(workspace)
    if dataset is None or not model.is_trained_on(dataset):
        raise DataError(
            f"the dataset of the run {run.id} ({model.card['dataset']['folder']}) is not in {workspace}: give its workspace, or "
            "run again with all measurements in one file"
        )
    measured = [p.name for p in dataset.properties if p.kind == "measured"]
    if not measured:
        raise UserError(
            f"the run {run.id} has no measured property, so there is nothing to update; start with: chem-vae run --data FILE "
            "--property NAME --maximize NAME"
        )
    return model, dataset, measured


def _read_measurements(
    old: IngestConfig,
    measured: list[str],
    source: str,
    smiles_column: str | None,
    workspace: Path,
    progress: Progress,
) -> pd.DataFrame:
    """Read a file of measurements: smiles, inchikey and its measured columns, of the molecules that are accepted."""
    hints = Hints(smiles_column=smiles_column, columns=tuple(measured))
    there = set(Source.open(resolve(source, None, progress).path, hints).read_columns())
    found = [name for name in measured if name in there]
    if not found:
        raise UserError(
            f"{source} has none of the measured columns {', '.join(measured)}; it has {', '.join(sorted(there)) or 'none'}"
        )
    units = {p.name: p for p in old.properties}
    config = IngestConfig(
        source=source,
        smiles_column=smiles_column,
        properties=tuple(units.get(name, MeasuredProperty(name=name)) for name in found),
        compute=(),
        leave_out=tuple(rule for rule in old.leave_out if LeaveOut.parse(rule).name in found),
        standardize=old.standardize,
        merges=0,
        validation_fraction=0.0,
        test_fraction=0.0,
        workers=1,
    )
    return ingest(config, workspace, progress).table(["smiles", "inchikey", *found])


def _select_new(dataset: Dataset, found: pd.DataFrame) -> pd.DataFrame:
    """Select the molecules that the data has not, or not with that value; values that it has become NaN."""
    names = [str(name) for name in found.columns if name not in ("smiles", "inchikey")]
    data = dataset.table(["inchikey", *names]).set_index("inchikey")
    same = np.isclose(found[names], data.reindex(found["inchikey"])[names], rtol=1e-6, atol=0.0)
    new = found.assign(**{name: found[name].mask(same[:, i]) for i, name in enumerate(names)})
    return new[new[names].notna().any(axis=1) | ~new["inchikey"].isin(data.index)].reset_index(drop=True)


def _merge(
    old: IngestConfig, dataset: Dataset, new: pd.DataFrame, measured: list[str], workspace: Path
) -> IngestConfig:
    """Write old molecules, in their splits, and new ones to a file of the workspace; return the settings to ingest it."""
    columns = ["smiles", *measured, "split"]
    before = dataset.table(["inchikey", *columns])
    latest = new.set_index("inchikey").reindex(before["inchikey"])
    for name in measured:
        if name in latest:  # the new value replaces the old one: a median of both would change with each repetition
            before[name] = before[name].mask(latest[name].notna().to_numpy())
    text = format_csv(pd.concat([before[columns], new.reindex(columns=columns)]))
    folder = workspace / "updates" / hash_content(text)[:8]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{dataset.name}.csv"
    if not path.is_file():
        write_text(path, text)
    units = {p.name: p.unit for p in dataset.properties}
    properties: Any = tuple({"name": name, "unit": units[name]} for name in measured)
    changed = {
        "source": str(path),
        "smiles_column": "smiles",
        "properties": properties,
        "split_column": "split",
        "header": True,
    }
    return IngestConfig.model_validate({**old.model_dump(), **changed, "limit": None, "sha256": None})


def _choose_start(config: TrainConfig, model: TrainedModel, workspace: Path) -> TrainConfig:
    """Choose where the next model starts: where the last one did, or the last one itself, where that start is nothing or gone."""
    if config.base is not None:
        try:
            find_model(config.base, workspace)
            return config
        except UserError:
            pass
    return TrainConfig(start=str(model.folder), replay=config.replay, keep_molecules=config.keep_molecules)


def _check_predictions(run: Run, name: str, new: pd.DataFrame, before: Dataset) -> PredictionCheck:
    """Compare the predictions of a run's candidates with the new measurements."""
    candidates = read_csv(run.folder / "candidates.csv")
    column = f"{name}_predicted"
    old = float(before.table([name])[name].mean())
    nan = float("nan")
    if column not in candidates:
        return PredictionCheck(name, Share(0, len(candidates)), nan, nan, nan, old)
    both = candidates.merge(new[["inchikey", name]].dropna(), on="inchikey")
    error = (both[column] - both[name]).abs().mean()
    return PredictionCheck(
        name,
        Share(len(both), len(candidates)),
        float(both[column].mean()),
        float(both[name].mean()),
        float(error),
        old,
    )
