"""Seeds, their analogues and the best of the data are asked about first."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem

from chem_vae.errors import UserError
from pipeline.chemistry.metrics import find_scaffold
from pipeline.datasets.dataset import Dataset
from pipeline.models.trained_model import TrainedModel
from pipeline.optimization.loop import optimize
from pipeline.oracles.function import FunctionOracle
from tests.pipeline.optimization.searches import Nitrogens, config

SEED = "O=C(Nc1ccccc1)c1ccccc1"  # benzanilide


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
        ("C1CC", None, "the seed 'C1CC' cannot be used: not a SMILES"),
        ("", None, "the seed '' cannot be used: no SMILES"),
        ("*CC", None, "wildcard"),
        ("N[Pt](N)(Cl)Cl", None, r"it contains a metal \(Pt\)"),
        ("CCN.CCC", None, "it is a mixture of CCC and CCN"),
        ("CCO", {"must_not_contain": "[OH]"}, r"breaks a constraint: does not contain \[OH\]"),
    ],
)
def test_seeds_that_cannot_be(
    model: TrainedModel, tmp_path: Path, seed: str, constraint: dict[str, str] | None, words: str
) -> None:
    asked = config(seeds=[seed], constraints=[constraint] if constraint else [])
    with pytest.raises(UserError, match=words):
        optimize(model, asked, tmp_path, oracle=Nitrogens())


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
    d = [w.compute_desirability(table[w.summary.name].tolist()) for w in found.objectives]
    ranks = pd.Series(np.sqrt(d[0] * d[1]), table.index).rank(ascending=False)
    assert ranks[first["smiles"]].is_monotonic_increasing and ranks[first["smiles"].iloc[0]] == 1
    own = [find_scaffold(s) for s in first["smiles"]]
    assert max(own.count(s) for s in own) <= 2
    left_out = set(ranks[ranks < ranks[first["smiles"].iloc[-1]]].index) - set(first["smiles"])
    assert all(own.count(find_scaffold(s)) == 2 for s in left_out)  # better, but of a series that is there
    again = optimize(model, asked, tmp_path / "a", oracle=oracle, dataset=dataset)
    assert again.counts["proposed"] == found.counts["proposed"]  # finished: nothing is proposed twice
    with pytest.raises(UserError, match="no objective is called like one of them: score"):
        optimize(model, config(20, start="best"), tmp_path / "b", oracle=Nitrogens(), dataset=dataset)
    none = config(60, objectives=aims, start="best", constraints=[{"property": "heavy_atoms", "at_least": 90}])
    with pytest.warns(UserWarning, match="known to do well passes"), pytest.raises(UserError):
        optimize(model, none, tmp_path / "c", oracle=oracle, dataset=dataset)
