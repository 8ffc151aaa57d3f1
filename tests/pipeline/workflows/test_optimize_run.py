"""The run folder of an optimization; a stopped run goes on, a finished one begins anew."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from chem_vae.errors import BusyError, ChemVAEWarning, UserError
from pipeline.datasets.dataset import Dataset
from pipeline.models.trained_model import TrainedModel
from pipeline.objectives.config import USUAL
from pipeline.optimization.config import OptimizeConfig
from pipeline.optimization.loop import optimize
from pipeline.oracles.function import FunctionOracle
from pipeline.workflows import optimize_run as run_module
from pipeline.workflows.optimize_run import optimize_run
from pipeline.workflows.records.run_folder import create_run, finish_run
from pipeline.workflows.records.search_state import BEGUN, find_state_folder, keep_without_limits
from pipeline.workspace.runs import Run
from pipeline.workspace.storage.folders import lock_folder
from tests.pipeline.optimization.searches import Killed, Nitrogens, config
from tests.pipeline.oracles.example_oracles import module, read_log


@pytest.fixture(scope="module")
def finished(model: TrainedModel, dataset: Dataset, workspace: Path) -> Run:
    asked = config(60, objectives={"logp": {"target": 2.0, "tolerance": 0.5}}, strategy="adaptive")
    return optimize_run(model, asked, workspace, "finished")


def test_the_run_folder_holds_everything(finished: Run, workspace: Path, model: TrainedModel) -> None:
    files = set(finished.manifest["files"])
    wanted = {"config.json", "calls.csv", "candidates.csv", "candidates.sdf", "oracle.sqlite", "proposals.jsonl"}
    assert wanted | {"report.html", "report.json", "model/model.json"} <= files
    assert not list((workspace / "optimizations").glob("finished-*")), "its calls lie in the run now"
    calls, best = pd.read_csv(finished.folder / "calls.csv"), pd.read_csv(finished.folder / "candidates.csv")
    assert len(calls) == 60 == len(read_log(finished.folder / "oracle.sqlite"))
    assert {"order", "smiles", "score", "logp_computed", "origin", "parent", "round", "failed"} <= set(calls)
    told = {
        "novel",
        "nearest_training_smiles",
        "alerts",
        "scaffold",
        "qed_computed",
        "logp_predicted",
        "logp_predicted_std",
    }
    assert told | {"within_target", "parent_similarity", "inchikey"} <= set(best)
    assert best["novel"].isin([True, False]).all() and best["nearest_training_similarity"].between(0, 1).all()
    assert {"assay_predicted", "assay_predicted_std"} <= set(best) and "assay_computed" not in best
    settings = json.loads((finished.folder / "config.json").read_text())
    assert OptimizeConfig.model_validate(settings["optimize"]).oracle_calls == 60
    assert TrainedModel.open(finished.folder).key == model.key


def test_the_report_tells_of_the_search(finished: Run) -> None:
    report = finished.report
    told = report["optimization"]
    assert sum(row["asked"] for row in told["origins"]) == 60 == told["calls"]
    assert all(row["of"] == 60 for row in told["origins"])
    assert told["curve"][-1][0] == 60 and told["curve"][-1][1] == told["best"]
    stages = report["funnel"]
    wanted = ["proposed", "valid", "passed the constraints", "asked", "scored", "within every objective"]
    assert [s["stage"] for s in stages] == wanted, (
        "nothing unusual was asked about, without any constraint of the user's"
    )
    refused = next(row for row in told["constraints"] if row["constraint"] == USUAL)
    assert 0 < refused["count"] < refused["of"] == told["drafts"]
    assert max(told["unusual"].values()) <= refused["count"] <= sum(told["unusual"].values())
    assert all(b["of"] == a["count"] for a, b in itertools.pairwise(stages))
    assert told["predictions"][0]["property"] == "logp" and told["predictions"][0]["of"] <= 60
    assert told["map"]["path"] and told["map"]["placed"]["of"] == 60
    page = (finished.folder / "report.html").read_text()
    for text in (
        "Score and diversity against oracle calls",
        "Origins of the molecules",
        "made from",
        "Predicted against computed",
        "calls.csv",
    ):
        assert text in page, text
    assert page.count('<svg class="plot"') >= 6


def test_a_run_that_is_finished_is_gone_on_with_on_request_alone(
    finished: Run, model: TrainedModel, workspace: Path
) -> None:
    asked = OptimizeConfig.model_validate(json.loads((finished.folder / "config.json").read_text())["optimize"])
    more = asked.model_copy(update={"oracle_calls": 70})
    run = optimize_run(model, more, workspace, "finished", resume=finished)
    before, after = (pd.read_csv(r.folder / "calls.csv") for r in (finished, run))
    assert after["smiles"].iloc[:60].tolist() == before["smiles"].tolist() and len(after) == 70
    assert after["origin"].iloc[:60].tolist() == before["origin"].tolist()
    places = [find_state_folder(model, more, workspace, "finished", r) for r in (None, finished, run)]
    assert len(set(places)) == 3, "what another attempt paid is not taken for a run's calls"
    campaign = create_run(workspace, "other", {})
    finish_run(campaign, {})
    with pytest.raises(UserError, match=r"has no oracle\.sqlite"):
        optimize_run(model, more, workspace, "other", resume=campaign)


def test_a_kill_while_the_report_is_written_costs_no_call(
    model: TrainedModel, dataset: Dataset, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = Nitrogens(), Nitrogens()

    def full(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(run_module, "write_run", full)
        with pytest.raises(OSError, match="No space"):
            optimize_run(model, config(20), workspace, "killed", oracle=first)
    assert not list((workspace / "runs").glob("*-killed"))
    run = optimize_run(model, config(25), workspace, "killed", oracle=second)
    assert len(first.asked) == 20 and len(second.asked) == 5, "a larger budget goes on from the same calls"
    assert run.manifest and run.report["optimization"]["calls"] == 25


@pytest.mark.parametrize("killed_at", [3, 20])
def test_a_stopped_run_goes_the_way_of_an_undisturbed_one(
    finished: Run, model: TrainedModel, dataset: Dataset, workspace: Path, killed_at: int
) -> None:
    whole, first, second = Nitrogens(), Nitrogens(killed_at=killed_at), Nitrogens()
    found = optimize(model, config(40), workspace / f"undisturbed-{killed_at}", oracle=whole, dataset=dataset)
    with pytest.raises(Killed):
        optimize_run(model, config(40), workspace, "stopped", oracle=first)
    run = optimize_run(model, config(40), workspace, "stopped", oracle=second)
    assert first.asked + second.asked == whole.asked
    calls = pd.read_csv(run.folder / "calls.csv")
    for column in ("smiles", "score", "origin", "round"):
        assert calls[column].tolist() == found.calls[column].tolist(), column
    assert run.manifest["counts"] == found.counts


def test_calls_that_a_repeated_search_does_not_ask_about_count_all_the_same(
    model: TrainedModel, workspace: Path, tmp_path: Path
) -> None:
    first, second = Nitrogens(), Nitrogens()
    optimize(model, config(20, seed=1), tmp_path, oracle=first)
    found = optimize(model, config(30, seed=2), tmp_path, oracle=second, repeat_from=0)
    assert len(found.calls) == 30 == found.counts["asked"] and set(first.asked) <= set(found.calls["smiles"])
    assert not set(first.asked) & set(second.asked) and len(second.asked) == 10
    less = optimize(model, config(10, seed=2), tmp_path, oracle=Nitrogens(killed_at=0), repeat_from=0)
    assert len(less.calls) == 30, "paid is paid"


def test_a_run_that_was_killed_right_after_its_end_is_returned(
    model: TrainedModel, dataset: Dataset, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill(folder: Path) -> None:
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(run_module, "delete_folder", kill)
        optimize_run(model, config(10), workspace, "ended", oracle=Nitrogens())
    (there,) = (workspace / "runs").glob("*-ended")
    with pytest.warns(ChemVAEWarning, match="was finished when its process was stopped"):
        run = optimize_run(model, config(10), workspace, "ended", oracle=Nitrogens(killed_at=0))
    assert run.folder == there and not list((workspace / "optimizations").glob("ended*"))
    anew = Nitrogens()
    optimize_run(model, config(10), workspace, "ended", oracle=anew)
    assert len(anew.asked) == 10, "the next one begins anew"


def test_a_stopped_run_goes_on_under_other_objectives(
    model: TrainedModel, dataset: Dataset, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = {"function": "json:loads", "endpoints": ["score"]}
    first, second = Nitrogens(killed_at=20), Nitrogens()
    with pytest.raises(Killed):
        optimize_run(model, config(50, oracle=ours), workspace, "changed", oracle=first)
    aims = {"score": {"transform": "linear", "low": 0, "high": 0.3}, "logp": {"target": 2.0, "tolerance": 1.0}}
    rule = [{"must_not_contain": "[#8]"}]
    other = config(50, oracle=ours, objectives=aims, constraints=rule, strategy="random", seed=4, allow_unusual="all")
    run = optimize_run(model, other, workspace, "changed", oracle=second)
    calls = pd.read_csv(run.folder / "calls.csv", keep_default_na=False)
    assert calls["smiles"].tolist() == first.asked + second.asked
    assert 20 <= len(first.asked) < 30 and len(second.asked) == 50 - len(first.asked)
    assert (calls["failed"] == "breaks a constraint").equals(calls["smiles"].str.contains("O|o"))
    warned = [w for w in run.report["warnings"] if "went on from the calls of a run that was stopped" in w]
    assert len(warned) == 1 and warned[0].endswith(
        "told otherwise: objectives, constraints, strategy, allow_unusual, seed"
    )
    anew = optimize_run(model, config(10, oracle=ours), workspace, "changed", oracle=(third := Nitrogens()))
    assert len(third.asked) == 10 == anew.report["optimization"]["calls"], "finished, it begins anew"


def test_a_function_that_was_changed_since_is_told_of_in_the_report(
    model: TrainedModel, workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = {"function": f"{module(tmp_path, monkeypatch, '# wrong', 'mended_score')}:score", "endpoints": ["score"]}
    first, second, third = Nitrogens(killed_at=20), Nitrogens(), Nitrogens()
    with pytest.raises(Killed):
        optimize_run(model, config(30, oracle=ours), workspace, "mended", oracle=first)
    (tmp_path / "mended_score.py").write_text("# right")
    told = f"mended_score.py was changed after the first {len(first.asked)} answers"
    with pytest.warns(ChemVAEWarning, match=told):
        run = optimize_run(model, config(30, oracle=ours), workspace, "mended", oracle=second)
    assert len(second.asked) == 30 - len(first.asked), "no answer is lost"
    assert [w.startswith(told) for w in run.report["warnings"]].count(True) == 1
    (tmp_path / "mended_score.py").write_text("# better")
    with pytest.warns(ChemVAEWarning, match=r"mended_score\.py was changed after the first 30 answers"):
        optimize_run(model, config(35, oracle=ours), workspace, "mended", oracle=third, resume=run)
    assert len(third.asked) == 5


def test_where_the_calls_are_kept(model: TrainedModel, tmp_path: Path) -> None:
    dock = {"function": "dock:dock"}
    usual = config(10, oracle=dock)

    def place(**settings: Any) -> Path:
        return find_state_folder(model, config(**{"calls": 10, "oracle": dock, **settings}), tmp_path, "a")

    assert place() == find_state_folder(model, usual, tmp_path, "a") != find_state_folder(model, usual, tmp_path, "b")
    assert place() == place(calls=99) == place(minutes=3) == place(oracle={**dock, "timeout": 9, "parallel": 2})
    aims = {"score": {"minimize": True}, "qed": {"maximize": True}}
    assert place() == place(seed=1) == place(strategy="random") == place(seeds=["CC"]) == place(objectives=aims)
    free = {"oracle": {"property": ["score"]}}  # costs nothing: other searches may run at once
    assert len({place(), place(oracle={"function": "dock:other"}), place(**free), place(**free, seed=1)}) == 4
    with lock_folder(place(), "it"), pytest.raises(BusyError, match="optimizing the same"):
        optimize_run(model, usual, tmp_path, "a", oracle=Nitrogens())


def test_hashes_of_the_training_molecules_tell_what_is_novel_without_the_data(
    hashed: TrainedModel, alone: TrainedModel, tmp_path: Path
) -> None:
    asked = config(10, objectives={"logp": {"target": 2.0, "tolerance": 0.5}})
    novelty = optimize_run(hashed, asked, tmp_path, "hashed").report["novelty"]
    best = pd.read_csv(next((tmp_path / "runs").glob("*-hashed")) / "candidates.csv")
    for name in ("stereo_aware", "not_in_training"):
        assert novelty[name] == {"count": int(best["novel"].sum()), "of": len(best)}, name
    assert set(optimize_run(alone, asked, tmp_path / "other", "alone").report["novelty"]) == {"never_proposed"}


def test_nothing_scored_is_a_report_too(model: TrainedModel, workspace: Path, dataset: Dataset) -> None:
    asked = config(5, objectives={"a": {"transform": "as_is"}, "b": {"transform": "as_is"}})

    halves = FunctionOracle(lambda smiles: [{"a": 0.5, "b": None}] * len(smiles), ("a", "b"), "halves")
    run = optimize_run(model, asked, workspace, "nothing", oracle=halves)
    assert run.manifest["candidates"] == 0
    assert "No molecule was scored" in (run.folder / "report.html").read_text()


def test_a_search_that_was_begun_without_limits_on_the_size_goes_on_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.workflows.records.search_state.has_calls", lambda path: True)
    keep, begun = keep_without_limits, tmp_path / BEGUN
    assert keep(config(), tmp_path).usual_size, "nothing was begun"
    begun.write_text(json.dumps({"strategy": "genetic"}), encoding="utf-8")
    assert not keep(config(), tmp_path).usual_size, "an earlier version had no such setting"
    begun.write_text(json.dumps({"strategy": "genetic", "usual_size": True}), encoding="utf-8")
    assert keep(config(), tmp_path).usual_size
