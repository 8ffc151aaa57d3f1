"""Constraints of a generation: every strategy holds them, every refused molecule is counted, and what cannot be met is said."""

from __future__ import annotations

import math

import pytest
import torch
from rdkit import Chem
from rdkit.Chem import Descriptors

from chem_vae.errors import ChemVAEWarning, UserError
from pipeline.chemistry.molecule import Molecule
from pipeline.generation.config import GenerateConfig
from pipeline.generation.generate import generate
from pipeline.generation.sampling.budget import MOST, Budget
from pipeline.generation.sampling.constraint_filter import MEETS
from pipeline.models.trained_model import TrainedModel
from pipeline.objectives.config import Constraint, Objective
from pipeline.objectives.constraints import Constraints
from pipeline.objectives.latent_objective import draw_conditions
from pipeline.objectives.resolve import resolve

HEAVY = Constraint(property="mw", at_least=300)
CHLORINE_FREE = Constraint(must_not_contain="Cl")


def measure(smiles: str) -> float:
    return float(Descriptors.MolWt(Chem.MolFromSmiles(smiles)))  # type: ignore[attr-defined]


@pytest.mark.parametrize("strategy", ["conditional", "gradient", "random"])
def test_every_strategy_holds_the_constraints(model: TrainedModel, strategy: str) -> None:
    aims = {"logp": Objective(target=2.0, tolerance=1.0)}
    found = generate(
        model, n=10, samples=100, strategy=strategy, objectives=aims, constraints=(HEAVY, CHLORINE_FREE), seed=1
    )
    assert len(found.molecules)
    for smiles in found.molecules["smiles"]:
        assert measure(smiles) >= 300 and "Cl" not in smiles
    refused = found.refusals.refused
    assert found.counts[MEETS] == len(found.molecules) == found.counts["unique"] - refused.total()
    assert refused["mw at least 300"] > 0 and found.refusals.examined == found.counts["unique"]
    assert found.counts["requested"] == 100, "the user's number of samples is kept"


def test_the_condition_is_drawn_within_the_limits(model: TrainedModel) -> None:
    known = model.list_known_values()
    scale = next(s for s in model.checkpoint.scales if s.name == "mw")
    column = model.checkpoint.conditions.index("mw")
    generator = torch.Generator().manual_seed(0)

    def draw(**ends: float) -> torch.Tensor:
        limits = (Constraint(property="mw", **ends), CHLORINE_FREE)
        drawn = draw_conditions([], model.checkpoint, limits, known)(200, generator)
        assert drawn[:, 1 - column].isnan().all(), "nothing is said about logp"
        return drawn[:, column] * scale.std + scale.mean

    inside = draw(at_least=300.0, at_most=320.0)
    assert inside.min() >= 299.9 and inside.max() <= 320.1
    assert set(inside.round(decimals=2).tolist()) <= set(known["mw"].round(decimals=2).tolist())
    beyond = draw(at_least=700.0)
    assert beyond.min() >= 699.9 and beyond.max() < 700 + scale.std, "as near to the data as the limit allows"


def test_conditional_sampling_is_steered_into_the_limits(model: TrainedModel) -> None:
    draws = 1500
    steered, blind = (
        generate(model, n=5, samples=draws, strategy=strategy, constraints=(HEAVY,), seed=2).counts[MEETS]
        for strategy in ("conditional", "random")
    )
    chance = math.sqrt(2 * blind * (1 - blind / draws))  # the standard deviation of the difference of two such counts
    assert steered > blind + 2 * chance, (steered, blind)


def test_more_is_drawn_until_enough_meet_them(model: TrainedModel) -> None:
    tight = Constraint(property="mw", at_least=330, at_most=336)
    found = generate(model, n=6, strategy="random", constraints=(tight,), batch_size=60, seed=1)
    assert found.counts["requested"] > 60 and len(found.candidates) == 6
    assert found.samples == found.counts["requested"] <= MOST * 60
    once = generate(model, n=6, strategy="random", samples=60, constraints=(tight,), batch_size=60, seed=1)
    assert once.counts["requested"] == 60 and len(once.candidates) < 6
    said = next(w for w in once.warnings if "were asked for" in w)
    assert "failed 'mw at least 330 and at most 336'" in said and "of 60 distinct" not in said.split("Of the first")[1]
    assert "--samples 1000" in said


def test_what_is_never_met_is_given_up_and_explained(model: TrainedModel) -> None:
    with pytest.warns(ChemVAEWarning, match=r"contains \[Fe\]: 0 of .* are like that; expect a longer search"):
        found = generate(model, n=3, constraints=(Constraint(must_contain="[Fe]"),), batch_size=30, seed=1)
    assert found.candidates.empty and found.counts["requested"] == 4 * 30
    assert any("failed 'contains [Fe]'" in w for w in found.warnings)


def test_requests_that_no_molecule_can_meet_are_refused(model: TrainedModel) -> None:
    with pytest.raises(UserError, match="cannot be read as SMARTS"):
        generate(model, n=3, constraints=(Constraint(must_contain="c1ccc"),))
    with pytest.raises(UserError, match="no molecule can meet both constraints"):
        generate(model, n=3, constraints=(HEAVY, Constraint(property="mw", at_most=200)))
    with pytest.raises(UserError, match="no molecule can have mw 250 and meet the constraint 'mw at least 300'"):
        generate(model, {"mw": 250.0}, n=3, constraints=(HEAVY,))
    with pytest.raises(UserError, match="unknown set of alerts 'PAIN'"):
        generate(model, n=3, constraints=(Constraint(alerts=("PAIN",)),))


def test_a_search_by_acquisition_holds_them_from_the_start(model: TrainedModel) -> None:
    config = GenerateConfig(n=5, samples=60, objectives={"assay": Objective(maximize=True)}, seed=3)
    found = generate(model, config=config, constraints=(CHLORINE_FREE, HEAVY))
    assert len(found.molecules)
    for smiles in [*found.molecules["smiles"], *found.molecules["parent"].dropna()]:
        assert measure(smiles) >= 300 and "Cl" not in smiles
    assert found.refusals.refused["mw at least 300"] > 0 and found.refusals.examined > len(found.molecules)


def test_a_rare_target_is_said_before_and_drawn_for(model: TrainedModel) -> None:
    high = float(model.list_known_values()["mw"].max())
    with pytest.warns(ChemVAEWarning, match=r"training molecules .* are like that .* draws of a trial"):
        found = generate(model, {"mw": high, "logp": 0.5}, n=2, batch_size=20, seed=1)
    assert any("are like that" in w for w in found.warnings)
    assert any("of the draws were expected to be as asked for" in w for w in found.warnings)
    assert found.counts["requested"] > 20


def test_the_budget_ends_when_enough_are_found() -> None:
    objectives, _ = resolve({}, [])
    budget = Budget(GenerateConfig(n=10), objectives, Constraints((CHLORINE_FREE,)), lambda smiles, key: key != "known")
    fine, odd = Molecule("CCO"), Molecule("C1CCCCCCCCCCC1")
    budget.count(
        [{"inchikey": "known", "smiles": "CCO", "molecule": fine}] * 50
        + [{"inchikey": "new", "smiles": odd.smiles, "molecule": odd}] * 50,
        [None] * 50 + ["ring of more than 8 atoms"] * 50,
    )
    assert budget.found == 0, "what is known, and what is unusual, is not what was asked for"
    budget.count([{"inchikey": "new", "smiles": "CCO", "molecule": fine}] * 5, [None] * 5)
    assert budget.found == 5
    budget.extend(100)
    assert 100 < budget.granted <= 200 and budget.is_extended
    budget.count([{"inchikey": "new", "smiles": "CCO", "molecule": fine}] * 5, [None] * 5)
    granted = budget.granted
    budget.extend(granted)
    assert budget.granted == granted
    plain = Budget(GenerateConfig(n=10), objectives, Constraints(()))
    plain.extend(100)
    assert plain.granted == plain.most == 100, "nothing can be missed"


def test_no_more_is_drawn_than_it_takes(model: TrainedModel) -> None:
    fine = Molecule("CCO")
    near, _ = resolve({"logp": Objective(target=0.0, tolerance=1.0)}, model.properties)
    best, _ = resolve({"logp": Objective(maximize=True)}, model.properties)

    def draw_all(budget: Budget, every: int) -> int:
        """Draw what is granted, of which every so many-th is as asked for; return how many were drawn."""
        drawn = 0
        while drawn < budget.granted:
            rows = [
                {"inchikey": str(i), "smiles": "CCO", "molecule": fine, "logp_computed": 0.0}
                for i in range(drawn, budget.granted)
                if i % every == 0
            ]
            budget.count(rows, [None] * len(rows))
            drawn = budget.granted
            budget.extend(drawn)
        return drawn

    like_the_data = Budget(GenerateConfig(n=10), [], Constraints(()))
    assert draw_all(like_the_data, 1) == 12 and like_the_data.found >= 10
    hard = Budget(GenerateConfig(n=10), [], Constraints(()))
    assert 40 <= draw_all(hard, 4) <= 60 and hard.found >= 10
    hopeless = Budget(GenerateConfig(n=10), [], Constraints(()))
    assert draw_all(hopeless, 1000) == 100, "never more than ten for each where nothing can be missed"
    targeted = Budget(GenerateConfig(n=10), near, Constraints(()))
    assert 20 <= draw_all(targeted, 1) <= 30 and targeted.found >= 20, "twice as many, to choose the nearest from"
    assert draw_all(Budget(GenerateConfig(n=10), best, Constraints(())), 1) == 100, "the best of ten for each"
    assert draw_all(Budget(GenerateConfig(n=10, samples=70), near, Constraints(())), 1) == 70
