"""The optimization loop and its run folder: budget, resuming, failures, constraints, seeds, ends, report."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem

import pipeline as mg
from chem_vae.errors import BusyError, UserError
from pipeline.chemistry.metrics import scaffold
from pipeline.config import load_config
from pipeline.datasets.dataset import Dataset
from pipeline.models.trained_model import TrainedModel
from pipeline.optimization.config import OptimizeConfig
from pipeline.optimization.loop import optimize
from pipeline.optimization.provenance import Provenance
from pipeline.optimization.result import Optimization, average_best
from pipeline.oracles.base import OracleError
from pipeline.oracles.function import FunctionOracle
from pipeline.report import optimization_report, origins, search_results
from pipeline.report.model import Report
from pipeline.report.search_sections import make_search
from pipeline.workflows import optimize_run as run_module
from pipeline.workflows.optimize_run import find_state_folder, optimize_run
from pipeline.workflows.run_folder import create_run, finish_run
from pipeline.workspace.folders import lock_folder
from pipeline.workspace.runs import Run
from tests.pipeline.oracles.example_oracles import read_log

SEED = "O=C(Nc1ccccc1)c1ccccc1"  # benzanilide


class Nitrogens:
    """Scores the share of nitrogen; counts what it is asked, and may be killed or fail."""

    def __init__(self, killed_at: int | None = None, fails: Callable[[str], bool] = lambda s: False) -> None:
        self.asked: list[str] = []
        self.killed_at, self.fails = killed_at, fails

    def __call__(self, smiles: list[str]) -> list[float | None]:
        if self.killed_at is not None and len(self.asked) >= self.killed_at:
            raise Killed
        self.asked += smiles
        return [None if self.fails(s) else s.upper().count("N") / len(s) for s in smiles]


class Killed(BaseException):
    """As good as SIGKILL for the loop: nothing catches it."""


def config(calls: int = 40, **settings: Any) -> OptimizeConfig:
    usual = {"strategy": "genetic", "batch_size": 10, "n": 10, "objectives": {"score": {"maximize": True}}}
    return OptimizeConfig.model_validate({**usual, "oracle_calls": calls, **settings})


def test_the_budget_is_spent_to_the_last_call_and_every_call_accounted_for(model: TrainedModel, tmp_path: Path) -> None:
    oracle = Nitrogens()
    told: list[tuple[str, int, int]] = []
    found = optimize(
        model, config(47), tmp_path, oracle=oracle, progress=lambda s, d, n, f=None: told.append((s, d, n))
    )
    assert len(oracle.asked) == len(set(oracle.asked)) == 47 == len(found.calls)
    assert found.calls["smiles"].tolist() == oracle.asked
    assert found.ended == "the budget of 47 oracle calls is spent"
    counts = found.counts
    assert counts["proposed"] >= counts["valid"] >= counts["passed"] >= counts["asked"] == counts["scored"] == 47
    assert counts["drafts"] >= 47, "what the strategy looked at"
    assert told[0] == ("optimize", 0, 47) and told[-1] == ("optimize", 47, 47)
    assert (found.calls["origin"] != "unknown").all()
    parents = found.calls["parent"].dropna()
    assert len(parents) and set(parents) <= set(found.calls["smiles"])
    best = found.candidates
    assert best["score"].is_monotonic_decreasing and len(best) == 10 and best["rank"].tolist() == list(range(1, 11))
    assert best["score"].iloc[0] == found.calls["score"].max() == found.curve(1)[-1]
    again = optimize(model, config(47), tmp_path / "again", oracle=Nitrogens())
    assert again.calls["smiles"].tolist() == oracle.asked, "the same seed asks about the same molecules"


def test_a_killed_run_pays_for_nothing_twice(model: TrainedModel, tmp_path: Path) -> None:
    first, second = Nitrogens(killed_at=20), Nitrogens()
    with pytest.raises(Killed):
        optimize(model, config(50), tmp_path, oracle=first)
    with (tmp_path / "proposals.jsonl").open("a") as file:
        file.write('{"smiles": "CC')  # and the line that was being written
    found = optimize(model, config(50), tmp_path, oracle=second)
    assert len(first.asked) + len(second.asked) == 50 and not set(first.asked) & set(second.asked)
    assert found.calls["smiles"].tolist() == first.asked + second.asked
    assert found.counts["proposed"] >= found.counts["asked"] == 50
    assert (found.calls["origin"] != "unknown").all()
    nothing = Nitrogens()
    more = optimize(model, config(50), tmp_path, oracle=nothing)
    assert nothing.asked == [] and more.calls["score"].tolist() == found.calls["score"].tolist()


def test_a_molecule_that_fails_is_a_row_with_its_reason(model: TrainedModel, tmp_path: Path) -> None:
    found = optimize(model, config(40), tmp_path, oracle=Nitrogens(fails=lambda s: "O" in s))
    failed = found.calls["smiles"].str.contains("O")
    assert failed.any() and not failed.all()
    assert found.calls["score"].isna().equals(failed) and (found.calls.loc[failed, "failed"] == "no value").all()
    assert found.counts["scored"] + found.counts["failed"] == found.counts["asked"] == 40
    assert found.counts["failed"] == failed.sum()
    assert not found.candidates["smiles"].str.contains("O").any()
    assert any(f"no number for {found.counts['failed']} of 40 calls" in w for w in found.warnings)


def test_a_call_without_one_of_its_numbers_is_not_scored(model: TrainedModel, tmp_path: Path) -> None:
    aims = {"a": {"transform": "as_is"}, "b": {"transform": "linear", "low": 0, "high": 9}}
    oracle = FunctionOracle(
        lambda smiles: [{"a": len(s) / 30, "b": None if "O" in s else 5.0} for s in smiles], ("a", "b"), "halves"
    )
    found = optimize(model, config(40, objectives=aims), tmp_path, oracle=oracle)
    half = int(found.calls["smiles"].str.contains("O").sum())
    assert 0 < half == found.counts["failed"] == 40 - found.counts["scored"]
    beyond = int((found.calls["a_computed"] > 1).sum())
    assert beyond and any(
        f"a is taken as it is, and was outside 0 to 1 for {beyond} molecules" in w for w in found.warnings
    )


def test_what_cannot_be_weighed_is_refused_before_it_is_paid(model: TrainedModel, tmp_path: Path) -> None:
    asked: list[str] = []
    oracle = FunctionOracle(
        lambda smiles: asked.extend(smiles) or [[1.2, 3.0]] * len(smiles), ("affinity", "b"), "dock"
    )  # type: ignore[func-returns-value]
    falling, qed = {"affinity": {"minimize": True}}, {"qed": {"maximize": True}}
    for aims in ({**falling, **qed}, {**falling, "b": {"maximize": True}}):
        toml = r"affinity = \{ transform = \"reverse_sigmoid\", low = \.\.\., high = \.\.\. \}"
        with pytest.raises(
            UserError, match=rf"nothing is known of how high or low affinity.*\[optimize.objectives\].*{toml}"
        ):
            optimize(model, config(objectives=aims), tmp_path / "no", oracle=oracle)
    with pytest.raises(UserError, match="how high or low affinity, b may be"):
        mg.optimize(model, lambda smiles: [(1.2, 3.0)] * len(smiles), 10, endpoints=("affinity", "b"))
    assert asked == []
    sigmoid = {"affinity": {"transform": "reverse_sigmoid", "low": -11.0, "high": -7.0}}
    assert len(optimize(model, config(20, objectives={**sigmoid, **qed}), tmp_path / "a", oracle=oracle).calls) == 20
    front = config(20, objectives={**falling, **qed}, aggregate="pareto")
    assert len(optimize(model, front, tmp_path / "b", oracle=oracle).calls) == 20


def test_gradient_climbs_what_predictors_know_and_conditional_says_that_it_cannot(
    model: TrainedModel, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="needs a predictor.*strategy adaptive"):
        optimize(model, config(120, strategy="gradient"), tmp_path / "a", oracle=Nitrogens())
    predicted = config(30, strategy="gradient", objectives={"mw": {"minimize": True}})
    found = optimize(model, predicted, tmp_path / "b")
    by_chance = optimize(model, config(30, strategy="random", objectives={"mw": {"minimize": True}}), tmp_path / "c")
    assert len(found.calls) == 30 and found.calls["score"].mean() > by_chance.calls["score"].mean()
    with pytest.raises(UserError, match="nothing that is wanted is among them"):
        optimize(model, config(strategy="conditional"), tmp_path / "d", oracle=(oracle := Nitrogens()))
    assert oracle.asked == []


def test_an_oracle_that_never_answers_charges_nothing(model: TrainedModel, tmp_path: Path) -> None:
    def broken(smiles: list[str]) -> list[float]:
        raise ValueError("no license")

    with pytest.raises(OracleError, match="no call was charged.*no license"):
        optimize(model, config(40), tmp_path, oracle=broken)


def test_an_outage_takes_nothing_from_the_budget(model: TrainedModel, tmp_path: Path) -> None:
    oracle, up = Nitrogens(), 25

    def licensed(smiles: list[str]) -> list[float | None]:
        if len(oracle.asked) >= up:
            raise ConnectionError("licence server down")
        return oracle(smiles)

    for _ in range(2):
        with pytest.raises(OracleError, match="licence server down"):
            optimize(model, config(60), tmp_path, oracle=licensed)
    assert 25 <= len(oracle.asked) < 60
    up = 1000
    found = optimize(model, config(60), tmp_path, oracle=licensed)
    assert found.counts["asked"] == found.counts["scored"] == 60 and len(oracle.asked) == len(set(oracle.asked)) == 60
    assert (found.calls["failed"] == "").all()


def test_the_time_holds_between_batches_and_over_a_kill(model: TrainedModel, tmp_path: Path) -> None:
    def slow(smiles: list[str]) -> list[float]:
        if killed and len(asked) > 10:
            raise Killed
        asked.extend(smiles)
        time.sleep(0.05 * len(smiles))
        return [float(len(s)) for s in smiles]

    wanted = config(400, batch_size=200, strategy="random", minutes=4 / 60)
    asked, killed = list[str](), False
    found = optimize(model, wanted, tmp_path / "whole", oracle=slow)
    assert "minutes are over" in found.ended and 0 < len(found.calls) == len(asked) < 90, "200 take ten seconds"
    clock = tmp_path / "again" / "clock.json"
    clock.parent.mkdir()
    clock.write_text('{"seconds": 3.9}')
    again = optimize(model, wanted, clock.parent, oracle=slow)
    assert "minutes are over" in again.ended and len(again.calls) <= 3, "what passed before the kill counts"
    killed, kept = True, tmp_path / "killed"
    asked.clear()
    with pytest.raises(Killed):
        optimize(
            model, wanted.model_copy(update={"minutes": None}), kept, oracle=lambda s: (time.sleep(0.6), slow(s))[1]
        )
    assert 1.0 < json.loads((kept / "clock.json").read_text())["seconds"] < 60


def test_the_minutes_of_a_finished_run_do_not_count_for_one_that_goes_on(model: TrainedModel, tmp_path: Path) -> None:
    (tmp_path / "clock.json").write_text('{"seconds": 300}')  # before it was killed
    first = optimize(model, config(10, minutes=10), tmp_path, oracle=Nitrogens())
    assert "budget" in first.ended and not (tmp_path / "clock.json").exists()
    (tmp_path / "clock.json").write_text('{"seconds": 300}')
    with pytest.raises(Killed):
        optimize(model, config(30, minutes=10), tmp_path, oracle=Nitrogens(killed_at=10))
    assert (tmp_path / "clock.json").exists(), "killed"


def test_constraints_hold_for_every_call_and_are_counted(model: TrainedModel, tmp_path: Path) -> None:
    rules = [{"must_not_contain": "[#8]", "name": "no oxygen"}, {"property": "heavy_atoms", "at_most": 30}]
    oracle = Nitrogens()
    found = optimize(model, config(30, constraints=rules), tmp_path, oracle=oracle)
    assert oracle.asked and not any("O" in s.upper() for s in oracle.asked)
    assert found.broken["no oxygen"] > 0 and sum(found.broken.values()) <= found.counts["drafts"]
    report_rows = [stage.model_dump() for stage in optimization_report.count_stages(found)]
    assert [row["stage"] for row in report_rows] == ["proposed", "valid", "passed the constraints", "asked", "scored"]
    assert Provenance(tmp_path / "proposals.jsonl").broken == found.broken, "kept for a run that goes on"


def test_constraints_that_few_molecules_meet_are_no_error(model: TrainedModel, tmp_path: Path) -> None:
    """One in some hundred samples of this model: the first rounds may well have none."""
    few = {"property": "heavy_atoms", "at_most": 9}
    shares = []
    for seed in range(3):
        found = optimize(model, config(20, seed=seed, constraints=[few]), tmp_path / str(seed), oracle=Nitrogens())
        assert len(found.calls) == 20
        assert all(Chem.MolFromSmiles(s).GetNumHeavyAtoms() <= 9 for s in found.calls["smiles"])
        shares.append(found.counts["passed"] / found.counts["drafts"])
    assert min(shares) < 0.2  # or it would show nothing


def test_constraints_that_nothing_passes(model: TrainedModel, tmp_path: Path) -> None:
    oracle = Nitrogens()
    with pytest.raises(UserError, match=r"none of \d+ molecules passes the constraints: .*failed 'contains \[U\]'"):
        optimize(model, config(constraints=[{"must_contain": "[U]"}]), tmp_path, oracle=oracle)
    assert oracle.asked == []
    clash = [{"property": "logp", "at_least": 3}, {"property": "logp", "at_most": 2}]
    with pytest.raises(UserError, match="no molecule can meet both"):
        optimize(model, config(constraints=clash), tmp_path / "clash", oracle=oracle)


def test_seeds_are_asked_about_first_and_their_analogues_next(model: TrainedModel, tmp_path: Path) -> None:
    near = {"similarity_to": SEED, "at_least": 0.5}
    found = optimize(model, config(30, seeds=[SEED], constraints=[near]), tmp_path, oracle=Nitrogens())
    assert found.calls["smiles"].iloc[0] == SEED and found.calls["origin"].iloc[0] == "seed"
    assert (found.calls["origin"].iloc[1:6] == "near a seed").all()
    assert len(found.calls) == 30, "the search goes on from there, though the prior has nothing so near"
    again = optimize(model, config(31, seeds=[SEED], constraints=[near]), tmp_path, oracle=Nitrogens())
    assert len(again.calls) == 31 and (again.calls["origin"] == "seed").sum() == 1


@pytest.mark.parametrize(
    ("seed", "constraint", "words"),
    [
        ("C1CC", None, "no molecule that RDKit can read"),
        ("", None, "no molecule that RDKit can read"),
        ("*CC", None, "cannot be written as SELFIES"),
        ("CCO", {"must_not_contain": "[OH]"}, r"breaks a constraint: does not contain \[OH\]"),
    ],
)
def test_seeds_that_cannot_be(
    model: TrainedModel, tmp_path: Path, seed: str, constraint: dict[str, str] | None, words: str
) -> None:
    asked = config(seeds=[seed], constraints=[constraint] if constraint else [])
    with pytest.raises(UserError, match=words):
        optimize(model, asked, tmp_path, oracle=Nitrogens())


def test_a_request_that_cannot_be_carried_out(model: TrainedModel, tmp_path: Path) -> None:
    computed = {"logp": {"target": 2.0, "tolerance": 0.3}}
    cases: list[tuple[dict[str, Any], str]] = [
        ({"oracle_calls": 0, "objectives": computed}, "the budget is 0 oracle calls"),
        ({"objectives": {"logq": {"maximize": True}}}, "unknown property 'logq'.*logp"),
        ({"objectives": computed, "strategy": "adaptiv"}, "unknown strategy 'adaptiv'; did you mean 'adaptive'"),
        (
            {"objectives": {**computed, "mw": {"range": [200, 300]}}, "aggregate": "pareto", "strategy": "gradient"},
            "one number; with a Pareto front use .*adaptive.*random",
        ),
        ({"objectives": {"tpsa": {"maximize": True}}, "enough": 3}, "none of them says what is good enough"),
        ({"objectives": computed, "start": "data"}, 'start = "data" needs the model\'s dataset'),
        ({"objectives": computed, "start": "best"}, 'start = "best" needs the model\'s dataset'),
    ]
    for settings, words in cases:
        asked = OptimizeConfig.model_validate({"oracle_calls": 20, "strategy": "genetic", **settings})
        with pytest.raises(UserError, match=words):
            optimize(model, asked, tmp_path / words[:5])


def test_the_best_of_the_data_are_asked_about_first(model: TrainedModel, dataset: Dataset, tmp_path: Path) -> None:
    oracle = FunctionOracle(Nitrogens(), ("assay",))
    aims = {"assay": {"minimize": True}, "logp": {"target": 2.0, "tolerance": 1.0}}
    narrow = [{"property": "heavy_atoms", "at_most": 22}]
    asked = config(60, objectives=aims, start="best", per_scaffold=2, constraints=narrow)
    found = optimize(model, asked, tmp_path / "a", oracle=oracle, dataset=dataset)
    first = found.calls.head(15)  # a quarter of the budget
    assert (found.calls["origin"] == "best of the data").tolist() == [True] * 15 + [False] * 45
    table = dataset.table(["smiles", "assay", "logp"]).set_index("smiles").dropna()
    table = table[[Chem.MolFromSmiles(s).GetNumHeavyAtoms() <= 22 for s in table.index]]
    d = [w.desirability(table[w.about.name].tolist()) for w in found.objectives]
    ranks = pd.Series(np.sqrt(d[0] * d[1]), table.index).rank(ascending=False)
    assert ranks[first["smiles"]].is_monotonic_increasing and ranks[first["smiles"].iloc[0]] == 1
    own = [scaffold(s) for s in first["smiles"]]
    assert max(own.count(s) for s in own) <= 2
    left_out = set(ranks[ranks < ranks[first["smiles"].iloc[-1]]].index) - set(first["smiles"])
    assert all(own.count(scaffold(s)) == 2 for s in left_out)  # better, but of a series that is there
    again = optimize(model, asked, tmp_path / "a", oracle=oracle, dataset=dataset)
    assert again.counts["proposed"] == found.counts["proposed"]  # finished: nothing is proposed twice
    with pytest.raises(UserError, match="no objective is called like one of them: score"):
        optimize(model, config(20, start="best"), tmp_path / "b", oracle=Nitrogens(), dataset=dataset)
    none = config(60, objectives=aims, start="best", constraints=[{"property": "heavy_atoms", "at_least": 90}])
    with pytest.warns(UserWarning, match="known to do well passes"), pytest.raises(UserError):
        optimize(model, none, tmp_path / "c", oracle=oracle, dataset=dataset)


def test_several_computed_objectives_and_a_pareto_front(model: TrainedModel, tmp_path: Path) -> None:
    objectives = {"logp": {"target": 2.0, "tolerance": 0.5}, "tpsa": {"transform": "sigmoid", "low": 20, "high": 90}}
    found = optimize(model, config(40, objectives=objectives), tmp_path / "mean")
    wanted = [w.desirability(found.calls[f"{w.about.name}_computed"].tolist()) for w in found.objectives]
    assert found.calls["score"].to_numpy() == pytest.approx(np.sqrt(wanted[0] * wanted[1]), abs=1e-9)
    assert found.counts["hits"] == found.calls["hit"].sum() == ((wanted[0] >= 0.5) & (wanted[1] >= 0.5)).sum()
    found = optimize(model, config(40, objectives=objectives, aggregate="pareto"), tmp_path / "front")
    first = found.calls[found.calls["score"] == 1.0][["logp_ranked_by", "tpsa_ranked_by"]].to_numpy()
    every = found.calls[["logp_ranked_by", "tpsa_ranked_by"]].to_numpy()
    assert len(first) and not any((every > row).all(axis=1).any() for row in first)
    told = search_results.find_front(found)
    assert told is not None and told.size == len(first) and told.of == 40
    volumes = [v for _, v in told.hypervolume if v is not None]
    assert volumes == sorted(volumes) and volumes[-1] > 0
    for blind in ("random", "conditional"):  # what does not look at scores has fronts to be compared with
        asked = config(20, objectives=objectives, aggregate="pareto", strategy=blind)
        assert optimize(model, asked, tmp_path / blind).counts["scored"] == 20


def test_it_stops_when_told_to(model: TrainedModel, tmp_path: Path) -> None:
    flat = optimize(model, config(200, patience=20), tmp_path / "flat", oracle=lambda s: [1.0] * len(s))
    assert "the last 20 calls did not better the best ten" in flat.ended and len(flat.calls) < 60
    widens = itertools.count()

    def front(smiles: list[str]) -> list[tuple[float, float]]:  # each mean is worse than the last, and the front grows
        return [(float(i), -1000.0 * i) if (i := next(widens)) < 60 else (0.0, -1e6) for _ in smiles]

    oracle = FunctionOracle(front, ("a", "b"), "front")
    both = {"a": {"maximize": True}, "b": {"maximize": True}}
    asked = config(200, objectives=both, aggregate="pareto", patience=20)
    wide = optimize(model, asked, tmp_path / "wide", oracle=oracle)
    assert "the last 20 calls did not better the front" in wide.ended and 80 <= len(wide.calls) < 100
    easy = {"score": {"maximize": True, "low": 0.05}}
    hits = optimize(model, config(200, objectives=easy, enough=5), tmp_path / "hits", oracle=Nitrogens())
    assert "molecules meet every objective" in hits.ended and 5 <= hits.counts["hits"] < 40
    late = optimize(model, config(200, minutes=1e-6), tmp_path / "late", oracle=Nitrogens())
    assert "minutes are over" in late.ended and len(late.calls) <= 10
    narrow = {"must_contain": "C", "name": "c"}, {"property": "heavy_atoms", "at_most": 3}, {"elements": ["C"]}
    few = optimize(model, config(200, seeds=["CC"], constraints=narrow), tmp_path / "few", oracle=Nitrogens())
    assert "brought no molecule that was not asked about before" in few.ended and len(few.calls) < 30


# -- the run folder --------------------------------------------------------------------------------------------------


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
    assert [s["stage"] for s in stages] == ["proposed", "valid", "asked", "scored", "within every objective"]
    assert all(b["of"] == a["count"] for a, b in itertools.pairwise(stages))
    assert told["predictions"][0]["property"] == "logp" and told["predictions"][0]["of"] <= 60
    assert told["map"]["path"] and told["map"]["placed"]["of"] == 60
    page = (finished.folder / "report.html").read_text()
    for text in (
        "What the calls bought",
        "Which move found what",
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
    assert run.whole and run.report["optimization"]["calls"] == 25


def test_a_stopped_run_goes_on_under_other_objectives(
    model: TrainedModel, dataset: Dataset, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = {"function": "json:loads", "endpoints": ["score"]}
    first, second = Nitrogens(killed_at=20), Nitrogens()
    with pytest.raises(Killed):
        optimize_run(model, config(50, oracle=ours), workspace, "changed", oracle=first)
    aims = {"score": {"transform": "linear", "low": 0, "high": 0.3}, "logp": {"target": 2.0, "tolerance": 1.0}}
    rule = [{"must_not_contain": "[#8]"}]
    other = config(50, oracle=ours, objectives=aims, constraints=rule, strategy="random", seed=4)
    run = optimize_run(model, other, workspace, "changed", oracle=second)
    calls = pd.read_csv(run.folder / "calls.csv", keep_default_na=False)
    assert calls["smiles"].tolist() == first.asked + second.asked and len(second.asked) == 50 - len(first.asked) == 30
    assert (calls["failed"] == "breaks a constraint").equals(calls["smiles"].str.contains("O|o"))
    warned = [w for w in run.report["warnings"] if "went on from the calls of a run that was stopped" in w]
    assert len(warned) == 1 and warned[0].endswith("told otherwise: objectives, constraints, strategy, seed")
    anew = optimize_run(model, config(10, oracle=ours), workspace, "changed", oracle=(third := Nitrogens()))
    assert len(third.asked) == 10 == anew.report["optimization"]["calls"], "finished, it begins anew"


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


def test_nothing_scored_is_a_report_too(model: TrainedModel, workspace: Path, dataset: Dataset) -> None:
    asked = config(5, objectives={"a": {"transform": "as_is"}, "b": {"transform": "as_is"}})
    from pipeline.oracles.function import FunctionOracle

    halves = FunctionOracle(lambda smiles: [{"a": 0.5, "b": None}] * len(smiles), ("a", "b"), "halves")
    run = optimize_run(model, asked, workspace, "nothing", oracle=halves)
    assert run.manifest["candidates"] == 0
    assert "No molecule was scored" in (run.folder / "report.html").read_text()


def test_the_notebook(model: TrainedModel, dataset: Dataset, tmp_path: Path) -> None:
    oracle = Nitrogens()
    found = mg.optimize(model, oracle, 30, strategy="genetic", n=5, folder=tmp_path)
    assert isinstance(found, Optimization) and len(oracle.asked) == 30 and len(found.curve()) == 30
    assert {"smiles", "score", "novel", "parent", "alerts"} <= set(found.to_frame()) and len(found.to_frame()) == 5
    mg.optimize(model, again := Nitrogens(), 32, strategy="genetic", n=5, folder=tmp_path)
    assert len(again.asked) == 2
    both = mg.optimize(
        model,
        lambda s: [{"a": 1.0 / len(t), "b": t.count("C") / 99} for t in s],
        20,
        endpoints=("a", "b"),
        strategy="genetic",
        aggregate="pareto",
    )
    assert {"a_computed", "b_computed"} <= set(both.calls) and [w.about.name for w in both.objectives] == ["a", "b"]
    computed = mg.optimize(model, calls=10, maximize="logp", target={"mw": 250}, strategy="random")
    assert {w.kind for w in computed.objectives} == {"maximize", "target"}
    start = "O=C(Nc1ccccc1)c1ccccc1"
    assert mg.improve(model, start, "logp", calls=5, strategy="random").start == start


def test_the_notebook_says_how_the_function_is_asked(model: TrainedModel, tmp_path: Path) -> None:
    sizes: list[int] = []
    tries: dict[str, int] = {}

    def hangs(smiles: list[str]) -> list[float]:
        sizes.append(len(smiles))
        key = smiles[0]
        tries[key] = tries.get(key, 0) + 1
        if len(smiles) == 2 and len(sizes) == 3:
            time.sleep(5)
        return [0.5] * len(smiles)

    began = time.monotonic()
    found = mg.optimize(
        model, hangs, 11, strategy="random", batch_size=11, timeout=0.3, retries=2, oracle_batch=2, folder=tmp_path
    )
    assert time.monotonic() - began < 60 and found.counts["scored"] == 11
    assert sizes[0] == 3 and max(sizes[1:]) == 2, "three are tried first"
    assert max(tries.values()) == 2, "the batch that hung was asked once more"
    assert found.oracle.endswith("hangs")
    for wrong in ({"timeout": 3}, {"retries": 3}):
        with pytest.raises(UserError, match="go with an oracle given here"):
            mg.optimize(model, calls=5, maximize="logp", **wrong)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="an Oracle has its own"):
        mg.optimize(model, FunctionOracle(Nitrogens()), 5, timeout=3)


# -- figures and configuration ---------------------------------------------------------------------------------------


def test_figures_against_calls() -> None:
    nan = float("nan")
    assert average_best(np.array([nan, 1.0, 0.5, 3.0]), 2).tolist()[1:] == [1.0, 0.75, 2.0]
    rows = optimization_report.draw_curve(np.array([1.0, 3.0, 2.0]))
    assert [row[:3] for row in rows] == [[1, 1, 1], [2, 3, 2], [3, 3, 2]]
    calls = pd.DataFrame(
        {
            "order": [0, 1, 2, 3],
            "smiles": ["C", "CC", "CCC", "CCO"],
            "score": [0.1, 0.2, 0.4, nan],
            "origin": ["prior", "move", "move", "move, center 2"],
            "parent": [None, "C", "CC", "CC"],
        }
    )
    chosen = calls.iloc[[2, 1]]
    by_origin = {row.origin: row.model_dump() for row in origins.count_origins(calls, chosen)}
    assert (
        by_origin["move"] | {"best": 0.4, "mean": pytest.approx(0.3), "asked": 2, "scored": 2, "candidates": 2}
        == by_origin["move"]
    )
    assert (by_origin["move, center 2"]["asked"], by_origin["move, center 2"]["scored"]) == (1, 0)
    (chain,) = origins.trace_lineages(calls, chosen)
    assert [(step.smiles, step.call) for step in chain] == [("C", 1), ("CC", 2), ("CCC", 3)]
    found = origins.measure_shares(calls, parts=2)  # of the moves, around whichever center
    assert found.model_dump() == {"origins": ["move", "prior"], "edges": [0, 2, 4], "shares": [[0.5, 0.5], [1.0, 0.0]]}


def test_a_page_of_an_optimization_with_parts_missing() -> None:
    from pipeline.report.page import render

    for told in ({}, {"calls": 3, "curve": "x", "origins": 3, "lineages": [[None]], "front": {"size": None}}):
        report = Report.from_dict({"title": "odd", "optimization": {"ended": "<b>", **told}})
        page = render(report, pd.DataFrame({"smiles": ["CCO"]}))
        assert "What the calls bought" in page and "<b>." not in page
    assert make_search(Report(), {}) is None


def test_provenance_survives_a_cut_line(tmp_path: Path) -> None:
    path = tmp_path / "proposals.jsonl"
    provenance = Provenance(path)
    provenance.record({"CC": ("prior", None)}, {"proposed": 3, "valid": 2}, {"no oxygen": 1})
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        again = Provenance(path)
        again.record({"CC": ("move", "C"), "CCC": ("move", "CC")}, {"proposed": 1})
        read = Provenance(path)
        assert read.find_origin("CCC") == ("move", "CC") and read.tally["proposed"] in (1, 4)
        assert read.find_origin("CC") in (("prior", None), ("move", "C")) and read.find_origin("N") == ("unknown", None)


def test_the_table_optimize_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "search.toml"
    text = """
[optimize]
oracle_calls = 10
[optimize.objectives]
qed = { maximize = true }
[[optimize.constraints]]
must_contain = "C"
[[optimize.constraints]]
must_not_contian = "N"
"""
    path.write_text(text)
    with pytest.raises(
        UserError, match=r"line 9: unknown key 'optimize\.constraints\.1\.must_not_contian'; did you mean"
    ):
        load_config(path)
    path.write_text(text.replace("contian", "contain"))
    more = {
        "optimize.constraints+": [{"alerts": ["PAINS"]}],
        "optimize.objectives.logD7.4": {"target": 2.0, "tolerance": 1},
    }
    asked = load_config(path, more).optimize
    assert asked is not None and [c.describe() for c in asked.constraints][2] == "no alert of PAINS"
    assert set(asked.objectives) == {"qed", "logD7.4"}
    for wrong, near in (("optimize.orcle_calls", "oracle_calls"), ("optimize.objectives.qed.maximise", "maximize")):
        with pytest.raises(UserError, match=f"did you mean '{near}'"):
            load_config(path, {wrong: 1})
    path.write_text("[optimize]\n[optimize.oracle]\nfuncton = 'a:b'\n")
    with pytest.raises(UserError, match=r"line 3: unknown key 'optimize\.oracle\.functon'; did you mean 'function'"):
        load_config(path)
