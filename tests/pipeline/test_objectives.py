"""Objectives: desirabilities at hand-computed points, hits, warnings, the geometric mean."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from chem_vae.errors import UserError
from pipeline.config import Objective
from pipeline.objectives import PropertySummary, resolve, score

LOGP = PropertySummary.of("logp", "logP", "", "computed", np.linspace(0, 10, 1001))
ASSAY = PropertySummary.of("assay", "assay", "nM", "measured", np.array([1.0, 2.0, 3.0, np.nan]))


def wanted(**aim: object):
    return resolve({"logp": Objective(**aim)}, [LOGP])[0][0]  # type: ignore[arg-type]


def test_a_target_is_worth_one_half_at_its_tolerance() -> None:
    w = wanted(target=2.5, tolerance=0.5)
    assert w.desirability([2.5, 3.0, 2.0, 3.5]).tolist() == pytest.approx([1.0, 0.5, 0.5, 2**-4])
    assert w.hits([2.5, 3.0, 3.001, math.nan]).tolist() == [True, True, False, False]


def test_a_tolerance_that_nobody_named_is_a_tenth_of_the_spread() -> None:
    assert wanted(target=5.0).tolerance == pytest.approx(0.1 * 9.0, rel=1e-3)


def test_a_range_is_flat_inside() -> None:
    w = wanted(range=(2.0, 4.0))
    assert w.desirability([2.0, 3.0, 4.0]).tolist() == [1.0, 1.0, 1.0]
    assert 0 < w.desirability([5.0])[0] < 1
    assert w.hits([1.9, 2.0, 4.1]).tolist() == [False, True, False]


def test_maximize_and_minimize_mirror_each_other() -> None:
    up, down = wanted(maximize=True), wanted(minimize=True)
    x = np.linspace(0, 10, 7)
    assert up.desirability(x.tolist()) == pytest.approx(down.desirability((10 - x).tolist()), rel=1e-3)
    assert up.desirability([5.0, 9.5]).tolist() == pytest.approx([0.119, 0.881], abs=2e-3)
    assert up.hits([8.9, 9.1]).tolist() == [False, True]
    assert down.hits([0.9, 1.1]).tolist() == [True, False]


@pytest.mark.parametrize("aim", [{"target": 20.0}, {"range": (10.5, 11.0)}])
def test_an_aim_outside_the_data_warns_and_goes_on(aim: dict) -> None:
    found, warnings = resolve({"logp": Objective(**aim)}, [LOGP])
    assert len(found) == 1
    assert "outside the training data" in warnings[0]
    for inside in (Objective(target=5.0), Objective(range=(5.0, 11.0)), Objective(maximize=True)):
        assert resolve({"logp": inside}, [LOGP])[1] == []


def test_the_score_is_a_weighted_geometric_mean_and_keeps_missing_values_missing() -> None:
    both, _ = resolve(
        {"logp": Objective(target=2.0, tolerance=1.0, weight=3.0), "assay": Objective(target=2.0, tolerance=1.0)},
        [LOGP, ASSAY],
    )
    scores = score(both, {"logp": [2.0, 3.0, 2.0], "assay": [2.0, 3.0, math.nan]}, 3)
    assert scores[:2].tolist() == pytest.approx([1.0, 0.5])
    assert math.isnan(scores[2])
    assert score(both, {"logp": [3.0], "assay": [2.0]}, 1)[0] == pytest.approx(0.5 ** (3 / 4))
    assert np.isnan(score([], {}, 2)).all()


def test_basis_says_what_can_be_computed() -> None:
    both, _ = resolve({"logp": Objective(maximize=True), "assay": Objective(minimize=True)}, [LOGP, ASSAY])
    assert [w.basis for w in both] == ["computed", "predicted"]


def test_an_unknown_property_names_the_near_one() -> None:
    with pytest.raises(UserError, match="did you mean 'logp'"):
        resolve({"logP": Objective(target=1.0)}, [LOGP])


def test_gradients_pull_towards_the_aim_from_far_away() -> None:
    for w, x, sign in ((wanted(target=2.0), 9.0, -1), (wanted(maximize=True), 0.0, 1), (wanted(range=(2, 3)), 9.0, -1)):
        value = torch.tensor(x, requires_grad=True)
        w.log_desirability(value).backward()
        assert value.grad is not None
        assert math.copysign(1, value.grad.item()) == sign
        assert abs(value.grad.item()) > 1e-2


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"target": 1, "maximize": True},
        {"maximize": True, "tolerance": 1},
        {"range": (3, 1)},
        {"target": 1, "weight": 0},
    ],
)
def test_an_objective_says_exactly_one_thing(bad: dict) -> None:
    with pytest.raises(ValidationError):
        Objective(**bad)


def test_drawn_conditions_lie_where_they_should() -> None:
    generator = torch.Generator().manual_seed(0)
    assert set(wanted(target=3.0).draw(5, generator).tolist()) == {3.0}
    assert (
        9.0
        <= wanted(maximize=True).draw(100, generator).min()
        <= wanted(maximize=True).draw(100, generator).max()
        <= 10
    )
    inside = wanted(range=(1.0, 2.0)).draw(100, generator)
    assert 1.0 <= inside.min() < 1.2 < 1.8 < inside.max() <= 2.0
