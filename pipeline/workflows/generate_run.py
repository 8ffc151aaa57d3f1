"""Generates candidates with a model and writes the run folder."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from chem_vae.progress import Progress, silent
from pipeline.datasets.dataset import Dataset
from pipeline.generation.config import GenerateConfig
from pipeline.generation.generate import generate
from pipeline.models.trained_model import TrainedModel
from pipeline.report.data_account import add_newest
from pipeline.report.generation_report import ISOMERS, build_generation_report
from pipeline.workflows.night_account import NightAccount, tell_night
from pipeline.workflows.run_folder import estimate_run, open_run_writer
from pipeline.workspace.disk_space import check_writable
from pipeline.workspace.runs import Run

PROPOSED = "proposed.csv"
"""The file of a run folder that lists what earlier rounds proposed (smiles, inchikey, run)."""


def generate_run(
    model: TrainedModel,
    dataset: Dataset | None,
    config: GenerateConfig,
    workspace: Path,
    name: str,
    progress: Progress = silent,
    *,
    earlier: pd.DataFrame | None = None,
    newest: Dataset | None = None,
    source: str | None = None,
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
        newest: The data of the last round alone, whose account is told beside that of the dataset.
        source: The source of a campaign, as the user gave it: what is new in it since the last night is told.

    Returns:
        The finished run, its folder with settings, model, report, candidates and manifest.
    """
    check_writable(workspace, estimate_run(model, workspace, config.n), "the run")
    dataset = dataset or model.dataset(workspace)
    exclude = () if earlier is None else set(earlier["inchikey"])
    made = generate(model, config=config, dataset=dataset, exclude=exclude, progress=progress)
    asked = {"generate": made.config.model_dump(mode="json")}
    with open_run_writer(workspace, name, model, dataset, asked, progress) as writer:
        if earlier is not None:
            writer.write_table(PROPOSED, earlier)
        seconds = writer.list_seconds(generate=made.seconds)
        report = build_generation_report(made, model, dataset, title=name, run_id=writer.run.id, seconds=seconds)
        if newest is not None:
            add_newest(report.dataset, newest)
        night = NightAccount() if source is None or dataset is None else tell_night(source, model, dataset, workspace)
        night.add_to(report)
        if made.isomers is not None:
            writer.write_table(ISOMERS, made.isomers)
        made.report = report.to_dict()
        return writer.finish(report, made.candidates, seed=made.config.seed, counts=made.counts, **night.facts)
