"""Optimizing from Python with a function."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

import pipeline as mg
from chem_vae.errors import UserError
from pipeline.datasets.dataset import Dataset
from pipeline.models.trained_model import TrainedModel
from pipeline.optimization.result import Optimization
from pipeline.oracles.function import FunctionOracle
from tests.pipeline.optimization.searches import Nitrogens


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
    assert {"a_computed", "b_computed"} <= set(both.calls) and [w.summary.name for w in both.objectives] == ["a", "b"]
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
        model, hangs, 11, strategy="random", batch_size=11, timeout=0.3, retries=2, oracle_batch=2, folder=tmp_path,
        usual_size=False, allow_unusual=("all",),  # so that the first round is full
    )  # fmt: skip
    assert time.monotonic() - began < 60 and found.counts["scored"] == 11
    assert sizes[0] == 3 and max(sizes[1:]) == 2, "three are tried first"
    assert max(tries.values()) == 2, "the batch that hung was asked once more"
    assert found.oracle.endswith("hangs")
    for wrong in ({"timeout": 3}, {"retries": 3}):
        with pytest.raises(UserError, match="go with an oracle given here"):
            mg.optimize(model, calls=5, maximize="logp", **wrong)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="an Oracle has its own"):
        mg.optimize(model, FunctionOracle(Nitrogens()), 5, timeout=3)


def test_the_batches_of_a_function_are_far_shorter_than_its_timeout(model: TrainedModel) -> None:
    sizes: list[int] = []

    def dock(smiles: list[str]) -> list[float]:
        sizes.append(len(smiles))
        time.sleep(0.05 * len(smiles))
        return [0.5] * len(smiles)

    found = mg.optimize(
        model, dock, 40, strategy="random", batch_size=40, timeout=1.0,
        usual_size=False, allow_unusual=("all",),  # so that the first round is full
    )  # fmt: skip
    assert found.counts["scored"] == 40 and max(sizes) <= 10
    assert sum(sizes) < 60, "a batch that is late is computed once more, beside itself"
