"""From objectives to resolved ones: numbers from the data, warnings, endpoints of an oracle."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from chem_vae.errors import UserError
from pipeline.objectives.config import Objective
from pipeline.objectives.desirability import PropertySummary, score, stack_rankings
from pipeline.objectives.resolve import resolve
from tests.pipeline.objectives.example_objectives import ASSAY, DOCKING, LOGP, wanted


def test_a_tolerance_that_nobody_named_is_a_tenth_of_the_spread() -> None:
    assert wanted(target=5.0).tolerance == pytest.approx(0.1 * 9.0, rel=1e-3)
    assert wanted(target=5.0).aim == (
        "5 ± 0.9 (no tolerance was given: a tenth of the range of the data's middle 90 % is taken)"
    )
    assert wanted(target=5.0, tolerance=0.2).aim == "5 ± 0.2"


@pytest.mark.parametrize("aim", [{"target": 20.0}, {"range": (10.5, 11.0)}])
def test_an_aim_outside_the_data_warns_and_goes_on(aim: dict) -> None:
    found, warnings = resolve({"logp": Objective(**aim)}, [LOGP])
    assert len(found) == 1
    assert "outside the training data" in warnings[0]
    for inside in (Objective(target=5.0), Objective(range=(5.0, 11.0)), Objective(maximize=True)):
        assert resolve({"logp": inside}, [LOGP])[1] == []


@pytest.mark.parametrize(
    ("aim", "told"),
    [
        ({"maximize": True, "low": LOGP.low}, "all known molecules are hits already"),
        ({"range": (None, LOGP.high)}, "all known molecules are hits already"),
        ({"transform": "step", "low": LOGP.low - 1}, "all known molecules are hits already"),
        ({"maximize": True, "low": LOGP.high + 1}, "outside the training data"),
        ({"maximize": True, "low": LOGP.quantiles["0.5"]}, ""),
        ({"minimize": True}, ""),
    ],
)
def test_a_goal_that_all_or_none_of_the_data_reach_is_a_warning(aim: dict[str, Any], told: str) -> None:
    """The check before a training says the same, but only a warning of the generation stands in its report."""
    _, warnings = resolve({"logp": Objective(**aim)}, [LOGP])
    assert told in warnings[0] if told else not warnings


def test_basis_says_what_can_be_computed() -> None:
    both, _ = resolve({"logp": Objective(maximize=True), "assay": Objective(minimize=True)}, [LOGP, ASSAY])
    assert [w.basis for w in both] == ["computed", "predicted"]


def test_an_unknown_property_names_the_near_one() -> None:
    with pytest.raises(UserError, match="did you mean 'logp'"):
        resolve({"lgp": Objective(target=1.0)}, [LOGP])
    assert resolve({"LogP": Objective(target=1.0)}, [LOGP])[0][0].summary.name == "logp"


def test_transforms_resolve_with_their_hits_conditions_and_points() -> None:
    generator = torch.Generator().manual_seed(0)
    w = wanted(transform="reverse_sigmoid", low=2.0, high=4.0, steepness=0.5)
    assert (w.kind, w.low, w.high, w.aim) == (
        "reverse_sigmoid",
        None,
        3.0,
        "reverse sigmoid from 2 to 4 (a hit: at most 3)",
    )
    assert w.find_hits([1.0, 3.0, 3.1, math.nan]).tolist() == [True, True, False, False]
    drawn = w.draw(100, generator)
    assert 1.5 <= drawn.min() < drawn.max() <= 2.5
    open_end = wanted(transform="step", low=9.5).draw(100, generator)
    assert 9.5 <= open_end.min() < open_end.max() <= 9.91  # the data's 99th percentile
    assert wanted(transform="step", low=50.0).draw(2, generator).tolist() == [50.0, 50.0]
    points = wanted(transform="linear", low=-5.0, high=20.0).to_dict()["transform"]
    assert points[0] == [-5.0, 0.0]
    assert points[-1][0] >= 20.0 and points[-1][1] == 1.0
    assert "outside the training data" in resolve({"logp": Objective(transform="step", low=50)}, [LOGP])[1][0]


def test_maximize_may_say_what_a_hit_is() -> None:
    w = wanted(maximize=True, low=7.0)
    assert w.find_hits([6.9, 7.0]).tolist() == [False, True]
    assert "at least 7" in w.aim and "tenth" not in w.aim
    assert w.compute_desirability([5.0]) == pytest.approx(wanted(maximize=True).compute_desirability([5.0]))


def test_an_endpoint_alone_orders_by_its_own_value_whatever_its_range() -> None:
    values = {"affinity": [-9.5, -3.0, math.nan, 2.0]}
    down, _ = resolve({"affinity": Objective(minimize=True)}, [LOGP], DOCKING)
    assert score(down, values, 4) == pytest.approx([9.5, 3.0, math.nan, -2.0], nan_ok=True)
    assert stack_rankings(down, values, 4)[:, 0] == pytest.approx([9.5, 3.0, math.nan, -2.0], nan_ok=True)
    assert down[0].basis == "computed" and down[0].summary.unit == "kcal/mol"
    nothing_said, _ = resolve({}, [LOGP], DOCKING)
    assert score(nothing_said, values, 4) == pytest.approx([-9.5, -3.0, math.nan, 2.0], nan_ok=True)
    assert nothing_said[0].find_hits([-5.0, math.nan]).tolist() == [True, False]
    assert nothing_said[0].draw(2, torch.Generator()).isnan().all()
    assert nothing_said[0].to_dict(seen=[-9.5, 2.0])["transform"][0][0] == -9.5


def test_endpoints_beside_others_are_taken_as_they_are_and_clipped_to_0_to_1() -> None:
    both, _ = resolve({}, [], {"a": ("A", ""), "b": ("B", "")})
    assert score(both, {"a": [0.4, 1.0], "b": [0.9, 0.0]}, 2) == pytest.approx([0.6, 0.0])
    assert score(both, {"a": [0.4, 1.0], "b": [0.9, 0.0]}, 2, "arithmetic") == pytest.approx([0.65, 0.5])
    assert score(both, {"a": [0.64, 0.5], "b": [7.2, -1.0]}, 2) == pytest.approx([0.8, 0.0])
    falling, _ = resolve(
        {"a": Objective(minimize=True), "b": Objective(maximize=True)}, [], {"a": ("", ""), "b": ("", "")}
    )
    assert score(falling, {"a": [0.0, 0.75], "b": [1.0, 1.0]}, 2) == pytest.approx([1.0, 0.5])
    assert stack_rankings(falling, {"a": [3.0], "b": [7.2]}, 1).tolist() == [[-3.0, 7.2]]


def test_an_endpoint_that_the_model_knows_has_its_data_but_is_computed() -> None:
    two, _ = resolve(
        {"assay": Objective(maximize=True), "logp": Objective(target=2)}, [LOGP, ASSAY], {"assay": ("", "")}
    )
    assert two[0].kind == "maximize" and two[0].basis == "computed"
    alone, _ = resolve({"assay": Objective(maximize=True)}, [LOGP, ASSAY], {"assay": ("", "")})
    assert alone[0].kind == "as_is" and alone[0].low == pytest.approx(2.8)


def test_a_target_without_data_needs_a_tolerance_and_a_range_does_not() -> None:
    with pytest.raises(UserError, match="tolerance"):
        resolve({"affinity": Objective(target=-9)}, [], DOCKING)
    named, _ = resolve({"affinity": Objective(target=-9, tolerance=1)}, [], DOCKING)
    assert named[0].compute_desirability([-8.0]) == pytest.approx([0.5])
    inside, warnings = resolve({"affinity": Objective(range=(-12, -8))}, [], DOCKING)
    assert inside[0].compute_desirability([-7.0]) == pytest.approx([0.5])
    assert not warnings
    with pytest.raises(UserError, match=r"oracle 'afinity'; did you mean 'affinity'"):
        resolve({"afinity": Objective(maximize=True)}, [], DOCKING)


def _classes(low: float, high: float, name: str = "active") -> PropertySummary:
    values = np.array([low] * 54 + [high] * 6)
    return PropertySummary.from_values(name, name, "", "measured", values)


def test_a_hit_of_two_classes_is_predicted_active() -> None:
    (found,), _ = resolve({"active": Objective(maximize=True)}, [_classes(0.0, 1.0)])
    assert found.aim == "high (a hit: probability at least 0.5)"
    assert found.find_hits([0.0, 0.4, 0.5, 0.9]).tolist() == [False, False, True, True]
    assert found.compute_desirability([0.25, 0.75]).tolist() == [0.25, 0.75]
    assert found.draw(3, torch.Generator()).tolist() == [1.0, 1.0, 1.0], (
        "the decoder is asked for actives, which are rare"
    )
    (found,), _ = resolve({"active": Objective(maximize=True, low=0.8)}, [_classes(0.0, 1.0)])
    assert found.find_hits([0.7, 0.8]).tolist() == [False, True] and "at least 0.8" in found.aim


def test_the_inactive_class_can_be_wanted_and_be_a_target() -> None:
    (found,), _ = resolve({"active": Objective(minimize=True)}, [_classes(0.0, 1.0)])
    assert found.find_hits([0.4, 0.6]).tolist() == [True, False] and found.draw(1, torch.Generator()).tolist() == [0.0]
    for target, hits in ((1.0, [False, True]), (0.0, [True, False])):
        (found,), warnings = resolve({"active": Objective(target=target)}, [_classes(0.0, 1.0)])
        assert found.find_hits([0.3, 0.7]).tolist() == hits and not warnings


def test_other_labels_of_two_classes_have_their_middle() -> None:
    (found,), _ = resolve({"toxic": Objective(maximize=True)}, [_classes(1.0, 2.0, "toxic")])
    assert found.aim == "high (a hit: probability at least 0.5)"
    assert found.find_hits([1.4, 1.6]).tolist() == [False, True]
    assert found.summary.class_label == "toxic: expected label, from 1 to 2", "such a prediction is no probability"
    assert _classes(0.0, 1.0).class_label == "probability of active"
    computed = PropertySummary.from_values("rings", "rings", "", "computed", np.array([1.0, 2.0]))
    assert computed.classes is None, "what is computed is a number"
