"""The jobs that are killed: each prepares a workspace, and does in it what a command of a user does, on few molecules."""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd
from sqlalchemy import text

from chem_vae.config import ModelConfig, TrainingConfig
from pipeline.config import CampaignConfig
from pipeline.datasets.config import IngestConfig, MeasuredProperty
from pipeline.datasets.dataset import Dataset
from pipeline.datasets.ingest import ingest
from pipeline.generation.config import GenerateConfig
from pipeline.generation.sampling.kept_batches import KEPT_FROM
from pipeline.library import open_library
from pipeline.library.database import connect, find_library, write
from pipeline.library.search import structure_index
from pipeline.library.search.queries import LibraryQuery
from pipeline.library.versions import migrate
from pipeline.models.trained_model import TrainedModel
from pipeline.objectives.config import Objective
from pipeline.optimization.config import OptimizeConfig
from pipeline.training.config import TrainConfig
from pipeline.training.train import train
from pipeline.workflows.campaign import campaign
from pipeline.workflows.generate_run import generate_run
from pipeline.workflows.optimize_run import optimize_run
from pipeline.workflows.update import update
from pipeline.workflows.upkeep.collect_garbage import Retention, collect_garbage, delete_garbage
from pipeline.workspace.lookup import LATEST, find_dataset
from pipeline.workspace.registry import find_data_folder
from pipeline.workspace.runs import Run
from tests.pipeline.library.conftest import write_run_folder
from tests.pipeline.workflows.upkeep.test_collect_garbage import make_dataset, make_model, make_run

SOURCE, MEASURED, ASKED = "source.csv", "measured.csv", "asked.txt"
"""Files of the workspace: the molecules, measurements of some, and what the oracle was asked."""
MODEL = ModelConfig(embedding_size=16, encoder_size=16, decoder_size=32, latent_size=8)
TRAINING = TrainingConfig(batch_size=32, max_steps=8, validations=2, checkpoint_seconds=1e-3)
TRAIN = TrainConfig(start="nothing", model=MODEL, training=TRAINING, keep_molecules=False)
GENERATE = GenerateConfig(n=3, samples=20, seed=1)


@dataclass(frozen=True)
class Job:
    """A job, the job whose finished workspace it begins with, and what is done before it is watched."""

    run: Callable[[Path], object]
    after: str | None = None
    prepare: Callable[[Path], object] = lambda workspace: None


@cache
def read_molecules() -> list[str]:
    """Read 400 SMILES of the embedded sample."""
    with gzip.open(find_data_folder() / "moses-sample.csv.gz", "rt") as file:
        rows = csv.DictReader(file)
        return [row["SMILES"] for _, row in zip(range(4000), rows, strict=False)][::10]


def write_source(workspace: Path, first: int, last: int) -> None:
    """Write a source of molecules, of which two of three are measured."""
    lines = [
        f"{s},{'' if i % 3 == 0 else round(s.count('N') + 0.1 * len(s), 2)}" for i, s in enumerate(read_molecules())
    ]
    lines[first:first] = ["not a molecule,1.0"]
    (workspace / SOURCE).write_text("\n".join(["SMILES,assay", *lines[first:last], ""]))


def read_settings(workspace: Path) -> IngestConfig:
    return IngestConfig(
        source=str(workspace / SOURCE), compute=("mw",), merges=10, shard_rows=50, workers=1, validation_fraction=0.1
    )  # fmt: skip


def ingest_source(workspace: Path) -> None:
    ingest(read_settings(workspace), workspace)


def train_model(workspace: Path) -> None:
    train(Dataset.open(find_dataset(LATEST, workspace)), TRAIN, workspace)


def open_model(workspace: Path) -> TrainedModel:
    (mark,) = (workspace / "models").glob("*/manifest.json")
    return TrainedModel.open(mark.parent, workspace=workspace)


def generate_molecules(workspace: Path) -> None:
    generate_run(open_model(workspace), None, GENERATE, workspace, "generated")


def generate_many(workspace: Path) -> None:
    """Draw so many molecules that the batches are kept until the run is written."""
    config = GENERATE.model_copy(update={"samples": KEPT_FROM + 160, "batch_size": 40, "redraws": 0})
    generate_run(open_model(workspace), None, config, workspace, "many")


def run_campaign(workspace: Path) -> None:
    config = CampaignConfig(name="nightly", ingest=read_settings(workspace), train=TRAIN, generate=GENERATE)
    campaign(config, workspace)


def ask_oracle(workspace: Path) -> Callable[[list[str]], list[float]]:
    """Return an oracle that writes down every molecule that it is asked about before it answers."""

    def count_nitrogen(smiles: list[str]) -> list[float]:
        file = os.open(workspace / ASKED, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(file, "".join(f"{s}\n" for s in smiles).encode())
        os.close(file)
        return [s.upper().count("N") / len(s) for s in smiles]

    return count_nitrogen


def optimize_molecules(workspace: Path) -> None:
    config = OptimizeConfig.model_validate(
        {"oracle_calls": 30, "strategy": "genetic", "batch_size": 10, "n": 3, "objectives": {"score": {"maximize": True}}}
    )  # fmt: skip
    optimize_run(open_model(workspace), config, workspace, "search", oracle=ask_oracle(workspace))


def write_nights(workspace: Path) -> None:
    """Write four finished runs that the library does not know."""
    for night in range(4):
        smiles = read_molecules()[20 * night : 20 * night + 40]
        write_run_folder(workspace, f"2026010{night + 1}-020000-nightly", smiles)


def record_runs(workspace: Path) -> None:
    with open_library(workspace) as library:
        library.add_missing_runs()


def write_measurements(workspace: Path) -> None:
    """Write measurements: exact ones, bounds, one of an unknown molecule, and one that contradicts another."""
    rows = [f"{s},{'<' if i % 5 == 0 else ''}{5 + i / 10},A" for i, s in enumerate(read_molecules()[:30])]
    rows += [f"{read_molecules()[1]},2.0,A", "CCCCCCCCCCCCCCCC,5,A", "no molecule,5,A"]
    (workspace / MEASURED).write_text("\n".join(["SMILES,pIC50,assay", *rows, ""]))


def import_measurements(workspace: Path) -> None:
    with open_library(workspace) as library:
        library.import_measurements(workspace / MEASURED, who="Ada")
        library.set_status(["CV-000002", "CV-000040"], "ordered", why="in stock", who="Ada")


def write_old_library(workspace: Path) -> None:
    """Write a library of the first schema, with some molecules."""
    engine = connect(find_library(workspace))
    with write(engine) as connection:
        migrate(connection, "0001")
        connection.execute(text("INSERT INTO library_facts (name, value) VALUES ('id', 'old'), ('made', 'then')"))
        for number, smiles in enumerate(read_molecules()[:50]):
            connection.execute(
                text(
                    "INSERT INTO molecules (inchikey, stereo_blind_key, smiles, scaffold, added, status)"
                    " VALUES (:key, :key, :smiles, '', '2026-01-01 00:00:00', 'proposed')"
                ),
                {"key": f"KEY-{number:05}", "smiles": smiles},
            )
    engine.dispose()


def write_other_library(workspace: Path) -> None:
    """Fill the library of the workspace and another one, which have molecules in common."""
    write_nights(workspace)
    write_measurements(workspace)
    for name, nights in (("library", (1, 2)), ("other", (2, 3, 4))):
        with open_library(workspace, str(workspace / f"{name}.sqlite")) as library:
            for night in nights:
                library.add_run(workspace / "runs" / f"2026010{night}-020000-nightly")
            library.set_status(["CV-000003"], "made", who=name)
    with open_library(workspace, str(workspace / "other.sqlite")) as library:
        library.import_measurements(workspace / MEASURED, who="Ada")


def merge_libraries(workspace: Path) -> None:
    with open_library(workspace) as library, open_library(workspace, str(workspace / "other.sqlite")) as other:
        library.merge(other)


def write_old_nights(workspace: Path) -> None:
    """Write three nights, each with its own dataset and model."""
    for day in (1, 2, 3):
        date = f"2026-01-0{day}T01:00:00+00:00"
        make_dataset(workspace, "a", f"d{day}", date)
        weights = make_model(workspace, f"m{day}", f"d{day}", date)
        make_run(workspace, "nightly", day, weights, model={"key": f"m{day}"}, dataset={"key": f"d{day}"})


def delete_old_nights(workspace: Path) -> None:
    found = collect_garbage(workspace, Retention(keep_runs=1))
    _, left = delete_garbage(found, workspace)
    assert not left, left


def find_structures(workspace: Path) -> None:
    """Search for a structure so that the files of structures are made, as they are for a large library."""
    structure_index.MOST_ADDED = 10
    with open_library(workspace) as library:
        library.query(LibraryQuery(smarts="c1ccccc1", limit=50))


def run_measured(workspace: Path) -> None:
    """Run a campaign on measured molecules, and write measurements of what it proposed."""
    write_source(workspace, 0, 120)
    measured = read_settings(workspace).model_copy(update={"properties": (MeasuredProperty(name="assay", unit="nM"),)})
    aims = GENERATE.model_copy(update={"objectives": {"assay": Objective(maximize=True)}})
    run = campaign(CampaignConfig(name="round", ingest=measured, train=TRAIN, generate=aims), workspace)
    proposed = pd.read_csv(run.folder / "candidates.csv")["smiles"]
    rows = [f"{s},{s.count('N') + 0.1 * len(s):.2f}" for s in proposed]
    (workspace / MEASURED).write_text("\n".join(["SMILES,assay", *rows, ""]))


def update_run(workspace: Path) -> None:
    first = sorted((workspace / "runs").glob("*/manifest.json"))[0].parent
    update(Run.open(first), str(workspace / MEASURED), workspace)


def delete_unfinished(workspace: Path) -> None:
    delete_garbage(collect_garbage(workspace, Retention(unfinished_days=0.0)), workspace)


JOBS = {
    "ingest": Job(ingest_source, prepare=lambda w: write_source(w, 0, 180)),
    "ingest of a grown source": Job(ingest_source, "ingest", lambda w: write_source(w, 0, 320)),
    "training": Job(train_model, "ingest"),
    "report": Job(generate_molecules, "training"),
    "long generation": Job(generate_many, "training"),
    "run": Job(run_campaign, prepare=lambda w: write_source(w, 0, 100)),
    "optimize": Job(optimize_molecules, "training"),
    "record": Job(record_runs, prepare=write_nights),
    "import of measurements": Job(import_measurements, "record", write_measurements),
    "search for a structure": Job(find_structures, "record"),
    "migration": Job(record_runs, prepare=write_old_library),
    "merge": Job(merge_libraries, prepare=write_other_library),
    "gc": Job(delete_old_nights, prepare=write_old_nights),
    "gc of unfinished work": Job(delete_unfinished, "training"),
    "update": Job(update_run, prepare=run_measured),
}
