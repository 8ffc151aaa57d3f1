"""Generates candidates with a model and writes the run folder."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from chem_vae.errors import ChemVAEWarning
from chem_vae.progress import Progress, silent
from pipeline.datasets.dataset import Dataset
from pipeline.generation.config import GenerateConfig
from pipeline.generation.generate import generate, settle_seed
from pipeline.generation.sampling.kept_batches import KeptBatches
from pipeline.models.trained_model import TrainedModel
from pipeline.report.building.data_account import NewestData, add_newest
from pipeline.report.building.generation_report import ISOMERS, build_generation_report
from pipeline.report.facts.rounds import Round
from pipeline.workflows.records.known_molecules import PROPOSED, KnownMolecules, join_proposed, name_library, record_run
from pipeline.workflows.records.night_account import NightAccount, tell_night
from pipeline.workflows.records.run_folder import estimate_run, open_run_writer
from pipeline.workspace.presentation.formatting import count_things
from pipeline.workspace.runs import Run
from pipeline.workspace.storage.disk_space import check_writable
from pipeline.workspace.storage.folders import delete_folder


def generate_run(
    model: TrainedModel,
    dataset: Dataset | None,
    config: GenerateConfig,
    workspace: Path,
    name: str,
    progress: Progress = silent,
    *,
    earlier: pd.DataFrame | None = None,
    newest: NewestData | None = None,
    source: str | None = None,
    library: str | None = None,
    overall: Mapping[str, Any] | None = None,
    known: KnownMolecules | None = None,
    rounds: Sequence[Round] = (),
    begun: datetime | None = None,
) -> Run:
    """Generate candidates with a model and write a run folder.

    Args:
        model: The trained model.
        dataset: The dataset to compare the molecules with; found in the workspace by the model's card when None.
        config: The settings of the generation.
        workspace: The folder whose `runs/` gets the run folder.
        name: The name of the run.
        progress: Told each stage of the work.
        earlier: smiles, inchikey and run of what earlier rounds proposed; none of these molecules is proposed again.
        newest: The data of the last round alone, and the account of those before.
        source: The source of a campaign, as the user gave it: what is new in it since the last night is told.
        library: The address of the candidate library; that of the workspace when None.
        overall: Further settings that hold for the whole run (`CampaignConfig.list_overall`), to be kept with its own.
        known: What the library knows, where that was asked already (`KnownMolecules.of_run` makes a run's molecules again).
        rounds: The rounds before this one, with what was measured of their proposals.
        begun: When the ingest began that the run is the end of; None of a run that began with a model.

    Returns:
        The finished run, its folder with settings, model, report, candidates and manifest.
    """
    check_writable(workspace, estimate_run(model, workspace, config.n), "the run")
    dataset = dataset or model.dataset(workspace)
    known = known or KnownMolecules(workspace, library)
    exclude = () if earlier is None else set(earlier["inchikey"])
    config = settle_seed(config)
    kept = KeptBatches.of(model, config, workspace, name)
    if there := kept.count_draws():
        text = f"goes on from {count_things(there, 'draw')} of the same generation, which was stopped"
        warnings.warn(text, ChemVAEWarning, stacklevel=2)
    made = generate(
        model, config=config, dataset=dataset, exclude=exclude, proposed=known, kept=kept, progress=progress
    )
    asked: dict[str, Any] = {
        "generate": made.config.model_dump(mode="json"),
        **name_library(library),
        **(overall or {}),
    }
    if source is not None:  # the dataset may have been made of the same file in another place
        asked["ingest"] = {"source": source}
    with open_run_writer(workspace, name, model, dataset, asked, progress, newest, begun) as writer:
        writer.write_table(PROPOSED, join_proposed(earlier, known.list_met()))
        seconds = writer.list_seconds(generate=made.seconds)
        report = build_generation_report(made, model, dataset, title=name, run_id=writer.run.id, seconds=seconds)
        report.rounds = list(rounds)
        if newest is not None and dataset is not None:
            add_newest(report.dataset, newest, dataset.labels)
        night = NightAccount() if source is None or dataset is None else tell_night(source, model, dataset, workspace)
        night.add_to(report)
        if made.isomers is not None:
            writer.write_table(ISOMERS, made.isomers)
        report.news = known.describe(made.candidates, made.config.exclude_known)
        made.report = report.to_dict()
        run = writer.finish(report, made.candidates, seed=made.config.seed, counts=made.counts, **night.facts)
    record_run(run, workspace, library)
    if not made.is_stopped:  # else the same command goes on from there
        delete_folder(kept.folder)
    return run
