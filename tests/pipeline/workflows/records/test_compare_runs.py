"""Runs are told apart by name, round, state and figures, compared side by side, and each has its own log."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path

import pandas as pd
import pytest

from chem_vae.errors import ChemVAEWarning, UserError
from pipeline.datasets.dataset import Dataset
from pipeline.generation.config import GenerateConfig
from pipeline.models.trained_model import TrainedModel
from pipeline.objectives.config import Objective
from pipeline.workflows.generate_run import generate_run
from pipeline.workflows.records.compare_runs import compare_runs, write_drift, write_page
from pipeline.workflows.records.run_folder import create_run
from pipeline.workflows.records.summarize_runs import summarize_run, summarize_runs
from pipeline.workspace.run_log import add_to_log, log_progress
from pipeline.workspace.runs import Run
from pipeline.workspace.work.own_warnings import hear_warnings


@pytest.fixture(scope="module")
def two(model: TrainedModel, dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Run]]:
    """Two runs of one name, with other seeds and numbers."""
    workspace = tmp_path_factory.mktemp("nights")
    made = []
    for seed in (1, 2):
        config = GenerateConfig(
            n=3 + seed, samples=60, seed=seed, objectives={"logp": Objective(target=2.0, tolerance=1.0)}
        )
        add_to_log(f"seed {seed}, https://me:secret@host/a.csv")
        with hear_warnings(lambda text: add_to_log(text, "warning")):
            warnings.warn("a warning", ChemVAEWarning, stacklevel=1)
            progress = log_progress(lambda *_: None)
            made.append(generate_run(model, dataset, config, workspace, "nightly", progress))
    return workspace, made


def test_names_tell_the_rounds_apart(two: tuple[Path, list[Run]]) -> None:
    workspace, (first, second) = two
    assert first.id.endswith("-nightly") and second.id.endswith("-nightly-r2")
    assert (first.manifest["round"], second.manifest["round"]) == (1, 2)
    assert Run.open("nightly", workspace).id == second.id
    assert Run.open("nightly-r2", workspace).id == second.id
    assert sorted([second.id, first.id]) == [first.id, second.id]


def test_each_run_has_its_log(two: tuple[Path, list[Run]]) -> None:
    _, (first, second) = two
    text = (first.folder / "run.log").read_text()
    assert f"run {first.id}" in text.splitlines()[0] and f"run {first.id}" in text.splitlines()[-1]
    assert " info seed 1, https://***@host/a.csv" in text and " warning a warning" in text and "secret" not in text
    assert " info report: 0 of 6" in text
    assert "seed 1" not in (second.folder / "run.log").read_text(), "a log is of one run alone"
    assert "run.log" in first.manifest["contents"]


def test_all_states_are_listed(two: tuple[Path, list[Run]], tmp_path: Path) -> None:
    _, made = two
    for run in made:
        shutil.copytree(run.folder, tmp_path / "runs" / run.id)
    stopped = create_run(tmp_path, "nightly", {})
    assert stopped.id.endswith("-nightly-r3")
    search = tmp_path / "optimizations" / "search-1a2b3c4d"
    search.mkdir(parents=True)
    (search / "calls.csv").write_text("smiles\n")
    (tmp_path / "runs" / made[0].id / "candidates.csv").write_text("")
    states = {run.id: run for run in summarize_runs(tmp_path)}
    assert {i: run.state for i, run in states.items()} == {
        made[0].id: "damaged",
        made[1].id: "finished",
        stopped.id: "unfinished",
        search.name: "unfinished",
    }
    assert "candidates.csv is missing or of another size" in states[made[0].id].why
    last = summarize_run(made[1].folder)
    assert (last.candidates, last.round, last.data) == (5, 2, "assay")
    assert last.hits is not None and last.hits <= (last.hits_of or 0)
    weights = (made[1].folder / "model" / "model.safetensors").stat().st_size
    rest = sum(f.stat().st_size for f in made[1].folder.iterdir() if f.is_file())
    assert last.shared_bytes >= weights > 0 and 0 < last.bytes < rest + weights, "the model is shared"
    assert last.seconds is not None and last.seconds > 0
    json.dumps(last.to_dict(), allow_nan=False)


def test_two_runs_side_by_side(two: tuple[Path, list[Run]], tmp_path: Path) -> None:
    _, made = two
    found = compare_runs(made)
    assert found.settings["generate.seed"] == [1, 2] and found.settings["generate.n"] == [4, 5]
    assert not any(name.startswith("train.") for name in found.settings), "only what differs"
    assert found.figures["candidates"] == [4, 5]
    assert found.shared[0][0] == 4 and found.shared[0][1] == found.shared[1][0]
    assert found.new == [4, 5 - found.shared[0][1]]
    for rows in found.drift["logp_computed"]:
        assert rows["low"] <= rows["median"] <= rows["high"]  # type: ignore[operator]
    json.dumps(found.to_dict(), allow_nan=False)
    assert write_drift(found, tmp_path / "drift.png").read_bytes()[:4] == b"\x89PNG"
    page = write_page(found, tmp_path / "compared.html").read_text()
    assert (
        "<svg" in page
        and made[0].id in page
        and "generate.seed" in page
        and "http://" not in page.replace("http://www.w3.org", "")
    )
    with pytest.raises(UserError, match=r"must end in \.png"):
        write_drift(found, tmp_path / "drift.pdf")
    with pytest.raises(UserError, match="two runs or more"):
        compare_runs(made[:1])
    with pytest.raises(UserError, match="given twice"):
        compare_runs([made[0], made[0]])


def test_the_drift_is_told_of_the_candidates_own_values(two: tuple[Path, list[Run]], tmp_path: Path) -> None:
    runs = []
    for run in two[1]:
        shutil.copytree(run.folder, tmp_path / run.id)
        table = pd.read_csv(run.folder / "candidates.csv").assign(nearest_measured_dock_predicted=-7.5, pKa_predicted=4)
        table.to_csv(tmp_path / run.id / "candidates.csv", index=False)
        content = json.loads((run.folder / "report.json").read_text())
        content["library"] = {"columns": ["pKa_predicted"]}
        (tmp_path / run.id / "report.json").write_text(json.dumps(content))
        runs.append(Run(tmp_path / run.id, run.manifest))
    drift = compare_runs(runs).drift
    assert {"score", "logp_computed"} <= set(drift) and not {"nearest_measured_dock_predicted", "pKa_predicted"} & set(
        drift
    )
