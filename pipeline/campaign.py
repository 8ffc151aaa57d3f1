"""The whole job: ingest, train, generate, report; and the run folder that keeps it."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pandas as pd

from chem_vae.files import write_text
from chem_vae.progress import Progress, silent
from pipeline.config import CampaignConfig, GenerateConfig
from pipeline.dataset import Dataset
from pipeline.folders import copy_whole
from pipeline.generate import GenerationReport, generate
from pipeline.model import TrainedModel
from pipeline.report import write
from pipeline.report.content import content
from pipeline.request import check_request, check_start
from pipeline.runs import Run


def campaign(config: CampaignConfig, workspace: Path, progress: Progress = silent) -> Run:
    """Ingest, train and generate, each reusing what the same inputs gave before, and write the report."""
    # Here: to generate alone takes neither, nor the seconds that Lightning takes to load.
    from pipeline.ingest import ingest
    from pipeline.train import train

    check_request(config)
    check_start(config, workspace)
    dataset = ingest(config.ingest, workspace, progress)
    model = train(dataset, config.train, workspace, progress)
    return generate_run(model, dataset, config.generate, workspace, config.name, progress)


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

    config.json says how the data and the model were really made, whatever asked for them: a campaign can read it.
    earlier: smiles, inchikey and run of what earlier rounds proposed (`pipeline.measured.update`): it is not proposed again.
    """
    dataset = dataset or model.dataset(workspace)
    exclude = () if earlier is None else set(earlier["inchikey"])
    made = generate(model, config=config, dataset=dataset, exclude=exclude, progress=progress)
    settings = {"name": name, "train": model.manifest["config"], "generate": made.config.model_dump(mode="json")}
    if dataset is not None:
        settings["ingest"] = dataset.manifest["options"]
    run = Run.create(workspace, name, settings)
    progress("report", 0, 1)
    try:
        if earlier is not None:
            write_text(run.folder / "proposed.csv", earlier.to_csv(index=False, lineterminator="\n"))
        _fill(run, made, model, dataset, name)
    except BaseException:  # nothing half-written is left to be mistaken for a run
        shutil.rmtree(run.folder, ignore_errors=True)
        raise
    progress("report", 1, 1)
    return run


def _fill(run: Run, made: GenerationReport, model: TrainedModel, dataset: Dataset | None, name: str) -> None:
    started = time.monotonic()
    copy_whole(model.folder, run.folder / "model")
    seconds = {"train": float(model.manifest["seconds"]), "generate": made.seconds}
    if dataset is not None:
        seconds = {"ingest": float(dataset.manifest["seconds"]), **seconds}
    made.report = content(made, model, dataset, title=name, run_id=run.id, seconds=seconds)
    write(run.folder, made.report, made.candidates.drop(columns="z"))
    run.finish(
        {
            "name": name,
            "model": {"key": model.key, "folder": model.folder.name, "reused": model.reused},
            "dataset": None
            if dataset is None
            else {
                "name": dataset.name,
                "key": dataset.key,
                "folder": dataset.folder.name,
                "source": dataset.manifest["source"],
                "reused": dataset.reused,
            },
            "seed": made.config.seed,
            "counts": made.counts,
            "candidates": len(made.candidates),
            "seconds": {**seconds, "report": time.monotonic() - started},
        }
    )
