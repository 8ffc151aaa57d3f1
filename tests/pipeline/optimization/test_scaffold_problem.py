"""Optimization around a scaffold: no strategy proposes anything that lacks it."""

from __future__ import annotations

from pathlib import Path

import pytest
from rdkit import Chem

from chem_vae.errors import UserError
from pipeline.chemistry.variation.scaffolds import Scaffold
from pipeline.models.trained_model import TrainedModel
from pipeline.objectives.config import Constraint, Objective
from pipeline.optimization.config import OptimizeConfig
from pipeline.optimization.loop import optimize

AMIDE = "O=C(N[*:1])c1ccc([*:2])cc1"


def search(model: TrainedModel, folder: Path, **settings):
    told = {"oracle_calls": 60, "batch_size": 15, "objectives": {"qed": Objective(maximize=True)}, "scaffold": AMIDE}
    return optimize(model, OptimizeConfig.model_validate({**told, **settings}), folder)


@pytest.mark.parametrize("strategy", ["adaptive", "genetic", "random"])
def test_every_call_is_about_a_molecule_that_keeps_the_scaffold(model, tmp_path, strategy):
    found = search(model, tmp_path, strategy=strategy)
    assert len(found.calls) == 60
    assert all(Scaffold(AMIDE).is_in(Chem.MolFromSmiles(smiles)) for smiles in found.calls["smiles"])


def test_most_of_what_is_proposed_keeps_the_scaffold_before_any_is_refused(model, tmp_path):
    found = search(model, tmp_path, strategy="adaptive")
    assert found.counts["passed"] >= 0.5 * found.counts["proposed"]


def test_a_seed_has_to_keep_the_scaffold(model, tmp_path):
    with pytest.raises(UserError, match="keeps the scaffold"):
        search(model, tmp_path, seeds=("CCO",))


def test_constraints_that_the_scaffold_breaks_are_said_before_a_call(model, tmp_path):
    with pytest.raises(UserError, match="failed"):
        search(model, tmp_path, constraints=(Constraint(must_not_contain="C(=O)N"),))
