"""The chance of a hit: what the normal distribution says, classes, several objectives, and the interval of the number of hits."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
import torch

from pipeline.chemistry.molecule import Molecule
from pipeline.generation.acquisition.hit_probability import (
    COLUMN,
    compute_hit_probability,
    expect_hits,
    expect_within,
    has_goal,
)
from pipeline.generation.generate import generate
from pipeline.models.trained_model import TrainedModel
from pipeline.objectives.config import Objective
from pipeline.objectives.desirability import PropertySummary
from pipeline.objectives.resolve import resolve

VALUES = np.linspace(4.0, 8.0, 101)


def summarize(name: str = "assay", kind: str = "measured", values: np.ndarray = VALUES) -> PropertySummary:
    return PropertySummary.from_values(name, name, "", kind, values)  # type: ignore[arg-type]


def test_the_chance_is_the_share_of_the_normal_distribution_within_the_goal() -> None:
    (high,), _ = resolve({"assay": Objective(maximize=True)}, [summarize()])
    (near,), _ = resolve({"assay": Objective(target=6.0, tolerance=0.5)}, [summarize()])
    table = pd.DataFrame({"assay_predicted": [7.0, 7.6, np.nan], "assay_predicted_std": [0.5, 0.5, 0.5]})
    assert high.low == pytest.approx(7.6)
    found = compute_hit_probability([high], table)
    assert found[:2] == pytest.approx([1 - NormalDist(7.0, 0.5).cdf(7.6), 0.5]) and np.isnan(found[2])
    within = NormalDist(7.0, 0.5)
    assert compute_hit_probability([near], table)[0] == pytest.approx(within.cdf(6.5) - within.cdf(5.5))
    assert expect_within(high, table) == pytest.approx(found[:2].sum()), "what is not predicted promises nothing"
    assert expect_within(high, table.drop(columns="assay_predicted")) is None
    size, _ = resolve({"mw": Objective(range=(300, 500))}, [summarize("mw", "computed", 100 * VALUES)])
    assert expect_within(size[0], pd.DataFrame({"mw_computed": [400.0]})) is None, "what is computed is known"


def test_computed_values_are_hits_or_not_and_classes_have_their_probability() -> None:
    known = [summarize("active", values=np.array([-1.0, 1.0] * 20)), summarize("mw", "computed", 100 * VALUES)]
    wanted, _ = resolve({"active": Objective(maximize=True), "mw": Objective(range=(300, 500))}, known)
    table = pd.DataFrame({"active_predicted": [0.5, 0.5, -1.0], "mw_computed": [400.0, 900.0, 400.0]})
    assert compute_hit_probability(wanted, table).tolist() == [0.75, 0.0, 0.0]
    assert has_goal(wanted) and not has_goal(wanted[1:])  # nothing of a computed value is uncertain


def test_a_batch_promises_as_many_hits_as_its_chances_add_up_to(model: TrainedModel) -> None:
    made = generate(model, objectives={"assay": Objective(maximize=True)}, n=10, samples=100, seed=3)
    hits, chances = made.hits, made.candidates[COLUMN]
    assert hits is not None and hits.of == len(made.candidates) and "assay at least" in hits.goal
    assert hits.expected == pytest.approx(chances.sum()) and 0 <= hits.low <= hits.expected <= hits.high <= hits.of
    alone = made.candidates.head(1)
    assert expect_hits(alone.drop(columns=COLUMN), model, made.objectives) is None


def test_similar_molecules_go_wrong_together(model: TrainedModel) -> None:
    """The number of hits among copies of one molecule spreads more than that of as many independent ones."""
    made = generate(model, objectives={"assay": Objective(maximize=True)}, n=10, samples=100, seed=3)
    row = made.candidates.iloc[[int((made.candidates[COLUMN] - 0.5).abs().argmin())]]
    copies = pd.concat([row] * 40, ignore_index=True)
    found, chance = expect_hits(copies, model, made.objectives), float(row[COLUMN].iloc[0])
    assert found is not None
    independent = np.quantile(np.random.default_rng(0).binomial(40, chance, 4000), (0.1, 0.9))
    assert found.high - found.low > independent[1] - independent[0]


def test_the_noise_of_a_measurement_is_in_the_chance(model: TrainedModel) -> None:
    predictor = model.measured["assay"]
    molecules = [Molecule("CCOC(=O)c1ccccc1"), Molecule("CCN1CCNCC1")]
    z = torch.zeros(2, model.card["latent_size"])
    assert (predictor.predict(molecules, z).std > predictor.predict_function(molecules, z).std).all()
