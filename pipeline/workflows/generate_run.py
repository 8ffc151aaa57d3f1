"""Generates candidates with a model and writes the run folder."""

from __future__ import annotations

import time
from pathlib import Path

import pandas as pd

from chem_vae.atomic_files import write_text
from chem_vae.progress import Progress, silent
from pipeline.config import GenerateConfig
from pipeline.datasets.dataset import Dataset
from pipeline.generation.generate import generate
from pipeline.models.trained_model import TrainedModel
from pipeline.report import write
from pipeline.report.content import content
from pipeline.workflows.run_folder import made_of, seconds_of, writing
from pipeline.workspace.folders import copy_whole
from pipeline.workspace.runs import Run


def generate_run(
    model: TrainedModel,
    dataset: Dataset | None,
    config: GenerateConfig,
    workspace: Path,
    name: str,
    progress: Progress = silent,
    *,
    earlier: pd.DataFrame | None = None,
) -> Run:
    """Generate with a model and write a run folder: config, the model itself, report, candidates, manifest last.

    earlier: smiles, inchikey and run of what earlier rounds proposed (`pipeline.workflows.update`): it is not proposed again.
    """
    dataset = dataset or model.dataset(workspace)
    exclude = () if earlier is None else set(earlier["inchikey"])
    made = generate(model, config=config, dataset=dataset, exclude=exclude, progress=progress)
    asked = {"generate": made.config.model_dump(mode="json")}
    with writing(workspace, name, model, dataset, asked, progress) as run:
        started = time.monotonic()
        if earlier is not None:
            write_text(run.folder / "proposed.csv", earlier.to_csv(index=False, lineterminator="\n"))
        copy_whole(model.folder, run.folder / "model")
        seconds = seconds_of(model, dataset, generate=made.seconds)
        made.report = content(made, model, dataset, title=name, run_id=run.id, seconds=seconds)
        write(run.folder, made.report, made.candidates.drop(columns="z"))
        run.finish(
            {
                "name": name,
                **made_of(model, dataset),
                "seed": made.config.seed,
                "counts": made.counts,
                "candidates": len(made.candidates),
                "seconds": {**seconds, "report": time.monotonic() - started},
            }
        )
    return run
