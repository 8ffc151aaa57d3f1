"""Scores of several objectives: what is missing, what cannot be weighed, a Pareto front."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import pipeline as mg
from chem_vae.errors import UserError
from pipeline.models.trained_model import TrainedModel
from pipeline.optimization.loop import optimize
from pipeline.oracles.function import FunctionOracle
from pipeline.report.building import search_results
from tests.pipeline.optimization.searches import config


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


def test_several_computed_objectives_and_a_pareto_front(model: TrainedModel, tmp_path: Path) -> None:
    objectives = {"logp": {"target": 2.0, "tolerance": 0.5}, "tpsa": {"transform": "sigmoid", "low": 20, "high": 90}}
    found = optimize(model, config(40, objectives=objectives), tmp_path / "mean")
    wanted = [w.compute_desirability(found.calls[f"{w.summary.name}_computed"].tolist()) for w in found.objectives]
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
