"""The optimization loop: budget, resuming, failures, constraints, ends."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from rdkit import Chem

from chem_vae.checkpoint import Checkpoint
from chem_vae.errors import UserError
from pipeline.models.trained_model import TrainedModel
from pipeline.optimization.config import OptimizeConfig
from pipeline.optimization.loop import optimize
from pipeline.optimization.provenance import Provenance
from pipeline.oracles.base import OracleError
from pipeline.oracles.function import FunctionOracle
from pipeline.report.building import optimization_report
from pipeline.workspace.progress.found_molecules import FoundMolecule, hear_molecules
from tests.pipeline.optimization.searches import Killed, Nitrogens, config


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
    found = optimize(model, config(40), tmp_path, oracle=Nitrogens(fails=lambda s: len(s) % 2 == 0))
    failed = found.calls["smiles"].str.len() % 2 == 0
    assert failed.any() and not failed.all()
    assert found.calls["score"].isna().equals(failed) and (found.calls.loc[failed, "failed"] == "no value").all()
    assert found.counts["scored"] + found.counts["failed"] == found.counts["asked"] == 40
    assert found.counts["failed"] == failed.sum()
    assert len(found.candidates) and not (found.candidates["smiles"].str.len() % 2 == 0).any()
    assert any(f"no number for {found.counts['failed']} of 40 calls" in w for w in found.warnings)


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


def test_it_stops_when_told_to(model: TrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    assert "new molecules passes the constraints" in few.ended and len(few.calls) < 30
    monkeypatch.setattr(Checkpoint, "decode", lambda self, z, *a, **k: ["[C][C]"] * len(z))
    alike = optimize(model, config(200, strategy="random", usual_size=False), tmp_path / "alike", oracle=Nitrogens())
    assert "brought no molecule that was not asked about before" in alike.ended and len(alike.calls) == 1


def test_the_best_molecules_are_told_while_it_goes_on(model: TrainedModel, tmp_path: Path) -> None:
    heard: list[Sequence[FoundMolecule]] = []
    with hear_molecules(heard.append):
        found = optimize(model, config(30), tmp_path, oracle=Nitrogens())
        assert len(heard) > 1
        told = [m.smiles for m in heard[-1]]
        scores = found.calls.set_index("smiles")["score"]
        assert scores[told].is_monotonic_decreasing and scores[told].iloc[0] == scores.max()
        heard.clear()
        optimize(model, config(10), tmp_path / "quiet", oracle=Nitrogens(), shows_best=False)
    assert heard == []
