"""A run is made again from its folder alone, with the same molecules."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd

from pipeline.datasets.dataset import Dataset
from pipeline.generation.config import GenerateConfig, ScreenConfig
from pipeline.models.trained_model import TrainedModel
from pipeline.objectives.config import Objective
from pipeline.workflows.generate_run import generate_run
from pipeline.workflows.optimize_run import optimize_run
from pipeline.workflows.repeat import compare_candidates, repeat
from pipeline.workflows.screen_run import screen_run
from pipeline.workspace.runs import Run
from tests.pipeline.optimization.searches import config as search_config


def test_the_same_molecules_from_the_folder_alone(
    model: TrainedModel, dataset: Dataset, workspace: Path, tmp_path: Path
) -> None:
    """The folder is copied to an empty workspace; the dataset is made again from its source."""
    config = GenerateConfig(n=4, samples=60, seed=3, objectives={"logp": Objective(target=2.0)})
    before = generate_run(model, dataset, config, tmp_path / "first", "night")
    shown = pd.read_csv(before.folder / "candidates.csv")
    earlier = shown.head(2)[["smiles", "inchikey"]].assign(run=before.id)
    config = config.model_copy(update={"seed": "date"})  # the seed of that night is in the folder
    run = generate_run(model, dataset, config, tmp_path / "second", "night", earlier=earlier)
    copied = shutil.copytree(run.folder, tmp_path / "third" / "runs" / run.id)
    made = repeat(Run.open(copied), tmp_path / "third")
    assert made.same and "and all their values" in made.text
    assert made.run.id.endswith("-repeat-night")
    assert made.run.manifest["dataset"]["key"] == run.manifest["dataset"]["key"]
    assert made.run.manifest["seed"] == run.manifest["seed"]
    left_out = set(earlier["inchikey"])
    assert not left_out & set(pd.read_csv(made.run.folder / "candidates.csv")["inchikey"])
    same, text = compare_candidates(before, made.run)
    assert not same and text.startswith(f"not the same as the run {before.id}")


def test_a_search_and_a_screening_are_repeated(model: TrainedModel, sample_smiles: list[str], tmp_path: Path) -> None:
    """The second run of each has something to leave out, and so has its repetition, which is no longer new."""
    catalogue = tmp_path / "catalogue.csv"
    catalogue.write_text("\n".join(["SMILES", *sample_smiles[:60]]) + "\n")
    aim = GenerateConfig(objectives={"assay": Objective(maximize=True)}, n=4)
    asked = search_config(40, objectives={"logp": {"target": 2.0, "tolerance": 0.5}}, strategy="adaptive")
    screening = ScreenConfig(library=str(catalogue), workers=1)
    for make in (
        lambda: screen_run(model, None, aim, screening, tmp_path, "choice"),
        lambda: optimize_run(model, asked, tmp_path, "search"),
    ):
        make()
        second = make()
        made = repeat(second, tmp_path)
        assert made.same and "and all their values" in made.text, made.text
