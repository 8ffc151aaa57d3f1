"""Writes run folders: the settings first, then tables, report and model, the manifest last."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from chem_vae.atomic_files import to_plain, write_json, write_text
from chem_vae.errors import DataError, UserError
from chem_vae.progress import Progress, silent
from pipeline.datasets.dataset import Dataset
from pipeline.datasets.exports import list_rejected
from pipeline.models.trained_model import TrainedModel
from pipeline.report import STEPS
from pipeline.report import write as write_report
from pipeline.report.building.data_account import NewestData
from pipeline.report.model import Report
from pipeline.workspace.lookup import MODEL, count_round, read_round
from pipeline.workspace.night import find_night
from pipeline.workspace.places import make_places_absolute
from pipeline.workspace.presentation.csv_tables import format_csv
from pipeline.workspace.remote.redaction import redact_data
from pipeline.workspace.run_log import write_log
from pipeline.workspace.runs import KIND, Run, describe_machine, list_versions
from pipeline.workspace.storage.disk_space import measure_folder
from pipeline.workspace.storage.folders import write_manifest
from pipeline.workspace.storage.integrity import check_contents
from pipeline.workspace.storage.linked_folders import link_or_copy

REPORT_STEPS = STEPS + 3
"""What is told of the stage "report": the report is made, the model is put into the folder, it is written, the log is written."""
REJECTED = "rejected.csv"
"""The file of a run folder that lists the rejected rows of the data."""
MOST_REJECTED = 100_000
"""The rejected rows that a run folder lists; `chem-vae inspect DATASET --rejected FILE` lists all."""


@dataclass
class RunWriter:
    """Fills a new run folder with what a run made of a model and, where it was at hand, the model's dataset."""

    run: Run
    name: str
    model: TrainedModel
    dataset: Dataset | None
    started: float
    """When the writing began, by `time.monotonic`."""
    progress: Progress = silent
    """Told the stage "report"."""
    newest: NewestData | None = None
    """The data of the last round alone, where the dataset is of several."""
    begun: datetime | None = None
    """When the ingest began that the run is the end of; None of a run that began with a model."""

    @property
    def folder(self) -> Path:
        """The run folder."""
        return self.run.folder

    def write_table(self, file: str, table: pd.DataFrame) -> None:
        """Write a table as CSV into the run folder."""
        write_text(self.folder / file, format_csv(table))

    def list_seconds(self, **own: float) -> dict[str, float]:
        """List the seconds of the run's own steps, after those of the ingest and the training that it began with and did not reuse."""
        parts = (("ingest", self.dataset), ("train", self.model))
        made = {step: part for step, part in parts if part is not None and _was_there(part, self.begun) is False}
        return {**{step: float(part.manifest["seconds"]) for step, part in made.items()}, **own}

    def finish(self, report: Report, candidates: pd.DataFrame, **facts: Any) -> Run:
        """Put the model into the folder, write the report and the candidates, and finish the run.

        The model's files are hard links to those in `models/`, not a reference by its key: the folder stays whole when it is
        moved or copied, or when the model is deleted, and is opened as the run folders of earlier versions are.

        Args:
            report: The report of the run, with its `seconds`.
            candidates: One row for each candidate, best first; the column `z` is left out.
            **facts: Further entries of the manifest.

        Returns:
            The finished run.
        """
        self._tell(1)  # the report is made, and is now written
        link_or_copy(self.model.folder, self.folder / MODEL, self._find_models)
        if (rejected := self._list_rejected()) is not None:
            self.write_table(REJECTED, rejected)
            report.dataset.rejected_file = REJECTED
        self._tell(2)
        write_report(self.folder, report, candidates.drop(columns="z"), lambda done: self._tell(2 + done))
        write_log(self.folder, self.run.id)
        finish_run(
            self.run,
            {
                "name": self.name,
                **describe_sources(self.model, self.dataset, self.begun),
                **facts,
                "candidates": len(candidates),
                "seconds": {**report.seconds, "report": time.monotonic() - self.started},
            },
        )
        return self.run

    def _list_rejected(self) -> pd.DataFrame | None:
        """List the rejected rows of the user's files, of all rounds where there are several; None where there are none."""
        if self.newest is not None:
            return self.newest.rejected.head(MOST_REJECTED) if len(self.newest.rejected) else None
        if self.dataset is None or not self.dataset.counts["rejected"]:
            return None
        return list_rejected(self.dataset, MOST_REJECTED)

    def _tell(self, done: int) -> None:
        self.progress("report", done, REPORT_STEPS)

    def _find_models(self) -> Iterator[Path]:
        """Find the same model in earlier runs, to link to where the model itself lies on another disk (a shipped one)."""
        sealed = (self.model.folder / "manifest.json").read_bytes()
        for mark in sorted(self.folder.parent.glob(f"*/{MODEL}/manifest.json"), reverse=True):
            try:
                if mark.read_bytes() == sealed:
                    check_contents(mark.parent, self.model.manifest)
                    yield mark.parent
            except (OSError, UserError):  # damaged, or deleted meanwhile
                continue


@contextmanager
def open_run_writer(
    workspace: Path,
    name: str,
    model: TrainedModel,
    dataset: Dataset | None,
    asked: Mapping[str, Any],
    progress: Progress,
    newest: NewestData | None = None,
    begun: datetime | None = None,
) -> Iterator[RunWriter]:
    """Make a run folder to be filled and finished; an error removes the folder, so that no half-written run is left.

    The folder's config.json can be read as the settings of a campaign, from any folder: the places that it names are absolute.

    Args:
        workspace: The folder whose `runs/` gets the new folder.
        name: The name of the run, a part of its id.
        model: The model that the run used.
        dataset: The dataset that the run used, or None.
        asked: The settings of the run by the name of their TOML table; of `ingest` those that differ from the dataset's own.
        progress: Told the stage "report".
        newest: The data of the last round alone, where the dataset is of several rounds.
        begun: When the ingest began that the run is the end of; None of a run that began with a model.

    Yields:
        The writer of the folder.
    """
    settings = {"name": name, "train": model.manifest["config"], **make_places_absolute(asked)}
    if dataset is not None:
        settings["ingest"] = {**dataset.manifest["options"], **settings.get("ingest", {})}
    run = create_run(workspace, name, settings)
    progress("report", 0, REPORT_STEPS)
    try:
        yield RunWriter(run, name, model, dataset, time.monotonic(), progress, newest, begun)
    except BaseException:
        shutil.rmtree(run.folder, ignore_errors=True)
        raise
    progress("report", REPORT_STEPS, REPORT_STEPS)


def estimate_run(model: TrainedModel, workspace: Path, molecules: int) -> int:
    """Estimate the bytes on the disk that a run takes: the model where it has to be copied from another disk, the report, and
    some kilobytes a molecule."""
    there = next(place for place in (workspace.absolute(), *workspace.absolute().parents) if place.exists())
    copied = 0 if there.stat().st_dev == model.folder.stat().st_dev else measure_folder(model.folder)
    return copied + 2_000_000 + 8_000 * molecules


def create_run(workspace: Path, name: str, config: Mapping[str, Any]) -> Run:
    """Make a new folder `<workspace>/runs/<time>-<name>` with config.json in it; the second of a name ends in -r2, and so on."""
    stamp, slug = datetime.now(UTC).strftime("%Y%m%d-%H%M%S"), re.sub(r"[^A-Za-z0-9._-]+", "-", name)
    rounds = [number for folder in (workspace / "runs").glob("[!.]*/") if (number := count_round(folder.name, slug))]
    first = max(rounds, default=0) + 1
    for number in range(first, first + 1000):
        folder = workspace / "runs" / (f"{stamp}-{slug}" if number == 1 else f"{stamp}-{slug}-r{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        write_json(folder / "config.json", redact_data(to_plain(config)))
        return Run(folder)
    raise DataError(f"cannot find a free name for a run in {workspace}")


def finish_run(run: Run, manifest: Mapping[str, Any]) -> None:
    """Write the manifest of a run: from now on the run is whole."""
    files = [p for p in run.folder.rglob("*") if p.is_file() and p.suffix != ".partial"]
    found = {
        "format": KIND,
        "format_version": 1,
        "id": run.id,
        "round": read_round(run.id),
        "night": find_night().isoformat(),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": describe_machine(),
        "versions": list_versions(),
        "files": sorted(str(p.relative_to(run.folder)) for p in files),
        **manifest,
    }
    run.manifest = write_manifest(run.folder, found)


def _was_there(part: TrainedModel | Dataset, begun: datetime | None) -> bool | None:
    """Whether a model or a dataset was there when the run began; None for a run that began with a model."""
    return None if begun is None else part.reused or part.created < begun.replace(microsecond=0)  # a flow opens it anew


def describe_sources(model: TrainedModel, dataset: Dataset | None, begun: datetime | None = None) -> dict[str, Any]:
    """Say for a manifest which model and which data a run used, and where it began with an ingest (at `begun`), what it reused."""
    sources: dict[str, Any] = {
        "model": {
            "key": model.key,
            "folder": model.folder.name,
            "reused": _was_there(model, begun),
            "base": {k: base.get(k) for k in ("name", "key", "fits")} if (base := model.card.get("base")) else None,
        },
        "dataset": None,
    }
    if dataset is not None:
        sources["dataset"] = {
            "name": dataset.name,
            "key": dataset.key,
            "folder": dataset.folder.name,
            "source": dataset.manifest["source"],
            "reused": _was_there(dataset, begun),
            "counts": dataset.counts,
            "changes": dataset.changes,
            "labels": dataset.labels,
            "classes": {p.name: list(p.classes) for p in dataset.properties if p.classes is not None},
            "warnings": dataset.warnings,
            "notes": dataset.notes,
        }
    return sources
