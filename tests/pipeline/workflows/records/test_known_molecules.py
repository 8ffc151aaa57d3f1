"""Runs leave out what earlier runs proposed, also where the candidate library cannot be reached, and are recorded later."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
import pytest

from chem_vae.errors import ChemVAEWarning
from pipeline.generation.config import GenerateConfig, ScreenConfig
from pipeline.library import open_library
from pipeline.models.trained_model import TrainedModel
from pipeline.objectives.config import Objective
from pipeline.report.model import read_report
from pipeline.workflows.generate_run import generate_run
from pipeline.workflows.optimize_run import optimize_run
from pipeline.workflows.screen_run import screen_run
from pipeline.workspace.runs import Run
from tests.pipeline.optimization.searches import config as search_config

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


def propose(model: TrainedModel, workspace: Path, library: str | None = None, **settings: object) -> Run:
    config = GenerateConfig(n=4, samples=80, seed=3, objectives={"logp": Objective(target=2.0)})
    return generate_run(model, None, config.model_copy(update=settings), workspace, "night", library=library)


def read_keys(run: Run) -> set[str]:
    return set(pd.read_csv(run.folder / "candidates.csv")["inchikey"])


def test_a_second_night_proposes_what_is_new(model: TrainedModel, tmp_path: Path) -> None:
    first, second = propose(model, tmp_path), propose(model, tmp_path)
    assert read_keys(first) and read_keys(second) and not read_keys(first) & read_keys(second)
    news = read_report(second.folder).news
    assert news is not None and news.excluded and news.passed_over == len(read_keys(first))
    third = propose(model, tmp_path, exclude_known=False)
    assert read_keys(third) == read_keys(first), "told to, it proposes the same again"
    novelty = read_report(third.folder).novelty
    share = novelty and novelty.never_proposed
    assert share and share.count is not None and share.of and share.count < share.of


def test_searches_and_screenings_leave_out_what_is_known(
    model: TrainedModel, sample_smiles: list[str], tmp_path: Path
) -> None:
    catalogue = tmp_path / "catalogue.csv"
    with catalogue.open("w", newline="") as file:
        csv.writer(file).writerows([["SMILES"], *([s] for s in sample_smiles[:60])])
    aim = GenerateConfig(objectives={"assay": Objective(maximize=True)}, n=4)
    chosen = [
        screen_run(model, None, aim, ScreenConfig(library=str(catalogue), workers=1), tmp_path / "w", "choice")
        for _ in range(2)
    ]
    assert len(read_keys(chosen[0]) | read_keys(chosen[1])) == 8
    asked = search_config(40, objectives={"logp": {"target": 2.0, "tolerance": 0.5}}, strategy="adaptive")
    found = [optimize_run(model, asked, tmp_path / "w", "search") for _ in range(2)]
    assert read_keys(found[1]) and not read_keys(found[0]) & read_keys(found[1])


def test_a_library_that_cannot_be_reached_stops_no_night(model: TrainedModel, tmp_path: Path) -> None:
    first = propose(model, tmp_path)
    with pytest.warns(ChemVAEWarning) as told:
        second = propose(model, tmp_path, library=NOWHERE)
    texts = [str(w.message) for w in told]
    assert any("The run goes on without it" in text for text in texts), texts
    assert any("is not in the candidate library" in text and second.id in text for text in texts), texts
    assert not any("nobody@" in text and "password" in text for text in texts)
    assert read_keys(second) and not read_keys(first) & read_keys(second), "the runs of the workspace say what is known"
    with open_library(tmp_path) as library:
        assert {run.run for run in library.add_missing_runs()} == {second.id}
        assert read_keys(second) <= library.read_known_keys()
