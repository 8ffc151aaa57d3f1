"""The size of molecules under an oracle that rewards it: held by default, and let go where the user says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from rdkit import Chem
from rdkit.Chem import Descriptors

from chem_vae.errors import ChemVAEWarning
from pipeline.models.trained_model import TrainedModel
from pipeline.models.training_set.sizes import Sizes
from pipeline.objectives.config import Constraint
from pipeline.optimization.loop import optimize
from pipeline.optimization.size_limits import limit_sizes
from pipeline.oracles.computed import ComputedOracle
from pipeline.oracles.function import FunctionOracle
from tests.pipeline.optimization.searches import config

LARGE = "CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC"


def weigh(smiles: list[str]) -> list[float]:
    return [float(Descriptors.MolWt(Chem.MolFromSmiles(text))) for text in smiles]  # type: ignore[attr-defined]


def test_the_best_by_size_stay_as_large_as_the_training_molecules(model: TrainedModel, tmp_path: Path) -> None:
    sizes = Sizes.measure(model)
    assert sizes is not None and 240 <= sizes.mw[0] < sizes.mw[1] <= 350
    with pytest.warns(ChemVAEWarning, match="held to the sizes of the model's training molecules"):
        held = optimize(model, config(80), tmp_path / "held", oracle=weigh)
    assert len(held.size_limits) == 2
    assert sizes.mw[0] <= min(weigh(held.calls["smiles"].tolist()))
    assert max(weigh(held.calls["smiles"].tolist())) <= sizes.mw[1]
    free = optimize(model, config(80, usual_size=False), tmp_path / "free", oracle=weigh)
    assert not free.size_limits and max(weigh(free.calls["smiles"].tolist())) > sizes.mw[1] + 20


def test_what_makes_and_what_replaces_the_limits(model: TrainedModel) -> None:
    oracle = FunctionOracle(weigh)
    sizes = Sizes.measure(model)
    assert sizes is not None
    mw, atoms = limit_sizes(config(), model, oracle, [])
    assert (mw.at_least, mw.at_most) == sizes.mw and (atoms.at_least, atoms.at_most) == sizes.heavy_atoms
    named = limit_sizes(config(), model, oracle, [Chem.MolFromSmiles(LARGE), Chem.MolFromSmiles("CC")])
    assert [(c.at_least, c.at_most) for c in named] == [(30, 479), (2, 34)], "widened by what the user named"
    own = config(constraints=[Constraint(property="heavy_atoms", at_most=60)])
    assert limit_sizes(own, model, oracle, []) == ()
    assert limit_sizes(config(usual_size=False), model, oracle, []) == ()
    assert limit_sizes(config(), model, ComputedOracle(["qed"]), []) == ()


def test_a_model_away_from_its_data_knows_the_sizes_too(model: TrainedModel, alone: TrainedModel) -> None:
    there, away = Sizes.measure(model), Sizes.measure(alone)
    assert there is not None and away is not None
    assert abs(away.mw[1] - there.mw[1]) < 60
