"""Chooses molecules from a library with a model and writes the run folder."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from chem_vae.progress import Progress, silent
from pipeline.datasets.dataset import Dataset
from pipeline.generation.config import GenerateConfig, ScreenConfig
from pipeline.generation.screening.screen_library import screen
from pipeline.models.trained_model import TrainedModel
from pipeline.report.building.data_account import NewestData, add_newest
from pipeline.report.building.generation_report import ISOMERS, build_generation_report
from pipeline.report.facts.library_facts import describe_library
from pipeline.report.facts.rounds import Round
from pipeline.workflows.records.known_molecules import PROPOSED, KnownMolecules, name_library, record_run
from pipeline.workflows.records.run_folder import estimate_run, open_run_writer
from pipeline.workspace.runs import Run
from pipeline.workspace.storage.disk_space import check_writable

REJECTS = "library-rejected.csv"
"""The file of a run folder that lists the rows of the library that are no molecules."""


def screen_run(
    model: TrainedModel,
    dataset: Dataset | None,
    config: GenerateConfig,
    screening: ScreenConfig,
    workspace: Path,
    name: str,
    progress: Progress = silent,
    *,
    newest: NewestData | None = None,
    library: str | None = None,
    overall: Mapping[str, Any] | None = None,
    known: KnownMolecules | None = None,
    rounds: Sequence[Round] = (),
    begun: datetime | None = None,
) -> Run:
    """Choose molecules from a library with a model and write a run folder, as `generate_run` does of generated ones.

    Nothing stands in the workspace before the library was read, so that a killed run leaves no folder.

    Args:
        model: The trained model.
        dataset: The dataset with the measured molecules; found in the workspace by the model's card when None.
        config: The settings of what is wanted.
        screening: The settings of the library.
        workspace: The folder whose `runs/` gets the run folder.
        name: The name of the run.
        progress: Told each stage of the work.
        newest: The data of the last round alone, and the account of those before.
        library: The address of the candidate library; that of the workspace when None.
        overall: Further settings that hold for the whole run (`CampaignConfig.list_overall`), to be kept with its own.
        known: What the library knows, where that was asked already.
        rounds: The rounds before this one, with what was measured of their proposals.
        begun: When the ingest began that the run is the end of; None of a run that began with a model.

    Returns:
        The finished run, its folder with settings, model, report, candidates, rejected rows and manifest.
    """
    check_writable(workspace, estimate_run(model, workspace, config.n), "the run")
    dataset = dataset or model.dataset(workspace)
    known = known or KnownMolecules(workspace, library)
    with tempfile.TemporaryDirectory() as folder:
        rejects = Path(folder) / REJECTS
        made = screen(
            model,
            config=config,
            screening=screening,
            dataset=dataset,
            rejects=rejects,
            proposed=known,
            progress=progress,
        )
        account = made.library
        assert account is not None
        asked: dict[str, Any] = {
            "generate": made.config.model_dump(mode="json"),
            "screen": screening.model_dump(mode="json"),
        }
        asked |= {**name_library(library), **(overall or {})}
        with open_run_writer(workspace, name, model, dataset, asked, progress, newest, begun) as writer:
            if account.unreadable:
                shutil.copyfile(rejects, writer.folder / REJECTS)
            writer.write_table(PROPOSED, known.list_met())
            seconds = writer.list_seconds(screen=made.seconds)
            report = build_generation_report(made, model, dataset, title=name, run_id=writer.run.id, seconds=seconds)
            report.rounds = list(rounds)
            if newest is not None and dataset is not None:
                add_newest(report.dataset, newest, dataset.labels)
            report.library = describe_library(account, len(made.candidates), REJECTS)
            if made.isomers is not None:
                writer.write_table(ISOMERS, made.isomers)
            report.news = known.describe(made.candidates, made.config.exclude_known)
            made.report = report.to_dict()
            run = writer.finish(
                report,
                made.candidates,
                seed=made.config.seed,
                counts=made.counts,
                library={"name": account.name, "location": account.location, "rows": account.rows},
            )
    record_run(run, workspace, library)
    return run
