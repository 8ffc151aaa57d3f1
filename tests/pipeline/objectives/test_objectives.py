"""Objectives: transforms and desirabilities at hand-computed points, hits, warnings, oracle endpoints, the means."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from chem_vae.errors import UserError
from pipeline.objectives.config import Objective
from pipeline.objectives.desirability import PropertySummary, score, stack_rankings
from pipeline.objectives.resolve import resolve
from pipeline.objectives.transforms import FLOOR, TRANSFORMS, Transform

LOGP = PropertySummary.from_values("logp", "logP", "", "computed", np.linspace(0, 10, 1001))
ASSAY = PropertySummary.from_values("assay", "assay", "nM", "measured", np.array([1.0, 2.0, 3.0, np.nan]))


def wanted(**aim: object):
    return resolve({"logp": Objective(**aim)}, [LOGP])[0][0]  # type: ignore[arg-type]


def test_a_target_is_worth_one_half_at_its_tolerance() -> None:
    w = wanted(target=2.5, tolerance=0.5)
    assert w.compute_desirability([2.5, 3.0, 2.0, 3.5]).tolist() == pytest.approx([1.0, 0.5, 0.5, 2**-4])
    assert w.find_hits([2.5, 3.0, 3.001, math.nan]).tolist() == [True, True, False, False]


def test_a_tolerance_that_nobody_named_is_a_tenth_of_the_spread() -> None:
    assert wanted(target=5.0).tolerance == pytest.approx(0.1 * 9.0, rel=1e-3)


def test_a_range_is_flat_inside() -> None:
    w = wanted(range=(2.0, 4.0))
    assert w.compute_desirability([2.0, 3.0, 4.0]).tolist() == [1.0, 1.0, 1.0]
    assert 0 < w.compute_desirability([5.0])[0] < 1
    assert w.find_hits([1.9, 2.0, 4.1]).tolist() == [False, True, False]


def test_maximize_and_minimize_mirror_each_other() -> None:
    up, down = wanted(maximize=True), wanted(minimize=True)
    x = np.linspace(0, 10, 7)
    assert up.compute_desirability(x.tolist()) == pytest.approx(down.compute_desirability((10 - x).tolist()), rel=1e-3)
    assert up.compute_desirability([5.0, 9.5]).tolist() == pytest.approx([0.119, 0.881], abs=2e-3)
    assert up.find_hits([8.9, 9.1]).tolist() == [False, True]
    assert down.find_hits([0.9, 1.1]).tolist() == [True, False]


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
        w.compute_log_desirability(value).backward()
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
        {"target": 1, "transform": "step", "low": 0},
        {"target": 1, "low": 0},
        {"maximize": True, "high": 1},
        {"transform": "sigmoid", "low": 0},
        {"transform": "sigmoid", "low": 2, "high": 1},
        {"transform": "step"},
        {"transform": "step", "low": 0, "steepness": 1},
        {"transform": "as_is", "low": 0},
        {"transform": "sigmoidal", "low": 0, "high": 1},
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


# -- transforms ------------------------------------------------------------------------------------------------------

ENDS = st.tuples(st.floats(-1e3, 1e3), st.floats(0.1, 1e3)).map(lambda pair: (pair[0], pair[0] + pair[1]))
VALUES = st.lists(st.floats(-1e4, 1e4), min_size=2, max_size=20)
RISING, FALLING = ("sigmoid", "linear"), ("reverse_sigmoid", "reverse_linear")


def d(transform: Transform, *x: float) -> list[float]:
    return transform.compute_desirability(torch.tensor(x, dtype=torch.float64)).tolist()


def test_sigmoids_have_the_values_of_their_formulas() -> None:
    up, down = (TRANSFORMS[name](low=1.0, high=3.0, steepness=0.5) for name in ("sigmoid", "reverse_sigmoid"))
    formula = [1 / (1 + 10 ** (-10 * 0.5 * (x - 2) / 2)) for x in (1.0, 2.0, 2.5, 3.0)]
    assert d(up, 1.0, 2.0, 2.5, 3.0) == pytest.approx(formula)
    assert d(down, 3.0, 2.0, 1.5, 1.0) == pytest.approx(formula)
    double = TRANSFORMS["double_sigmoid"](low=1.0, high=3.0, steepness=0.3)
    s = lambda u: 1 / (1 + 10 ** (-10 * 0.3 * u / 2))  # noqa: E731
    assert d(double, 0.0, 1.0, 2.0, 3.5) == pytest.approx([s(x - 1) - s(x - 3) for x in (0.0, 1.0, 2.0, 3.5)])
    assert d(TRANSFORMS["double_sigmoid"](low=1.0, high=3.0), 1.0, 2.0, 3.0) == pytest.approx([0.5, 1, 0.5], abs=1e-4)


def test_lines_and_steps() -> None:
    assert d(TRANSFORMS["linear"](low=1.0, high=3.0), 0.0, 1.0, 1.5, 3.0, 9.0) == [0, 0, 0.25, 1, 1]
    assert d(TRANSFORMS["reverse_linear"](low=1.0, high=3.0), 0.0, 1.0, 1.5, 3.0, 9.0) == [1, 1, 0.75, 0, 0]
    assert d(TRANSFORMS["step"](low=1.0, high=3.0), 0.99, 1.0, 3.0, 3.01) == [0, 1, 1, 0]
    assert d(TRANSFORMS["step"](low=None, high=3.0), -1e9, 3.0, 3.01) == [1, 1, 0]
    assert d(TRANSFORMS["step"](low=1.0, high=None), 0.99, 1.0, 1e9) == [0, 1, 1]


def every(low: float, high: float) -> list[Transform]:
    ends = [TRANSFORMS[n](low=low, high=high) for n in (*RISING, *FALLING, "double_sigmoid", "step")]
    return [*ends, TRANSFORMS["target"](value=low, tolerance=high - low), TRANSFORMS["range"](low, high, 0.3)]


@settings(max_examples=60, deadline=None)
@given(ends=ENDS, values=VALUES)
def test_a_desirability_lies_in_0_to_1_and_rises_as_its_name_says(ends: tuple[float, float], values: list) -> None:
    values = sorted(values)
    for transform in every(*ends):
        found = d(transform, *values)
        assert all(0 <= v <= 1 for v in found), transform
        steps = np.diff(found)
        if transform.name in RISING:
            assert (steps >= -1e-12).all(), transform
        if transform.name in FALLING:
            assert (steps <= 1e-12).all(), transform


@settings(max_examples=60, deadline=None)
@given(ends=ENDS, values=VALUES)
def test_logarithms_agree_with_desirabilities_and_keep_a_slope_below(ends: tuple[float, float], values: list) -> None:
    for transform in every(*ends):
        x = torch.tensor(values, dtype=torch.float64, requires_grad=True)
        log, plain = transform.compute_log_desirability(x), transform.compute_desirability(x)
        seen = plain.detach() >= FLOOR
        assert log.detach()[seen].exp().numpy() == pytest.approx(plain.detach()[seen].numpy(), rel=1e-6)
        assert (log.detach()[~seen] <= math.log(FLOOR) + 1e-9).all(), transform
        log.sum().backward()
        assert x.grad is not None
        assert torch.isfinite(x.grad).all(), transform
        low, high = transform.hit_interval
        towards = torch.zeros_like(x) if low is None else (x < low).double()
        towards = towards if high is None else towards - (x > high).double()
        assert (x.grad * towards >= 0)[~seen].all(), transform
        assert (x.grad[~seen] != 0).all(), transform


@settings(max_examples=60, deadline=None)
@given(ends=ENDS)
def test_a_hit_is_worth_one_half(ends: tuple[float, float]) -> None:
    for transform in every(*ends):
        if transform.name not in ("range", "step"):  # they have a flat top instead
            bounds = [v for v in transform.hit_interval if v is not None]
            assert d(transform, *bounds) == pytest.approx([0.5] * len(bounds), abs=1e-4), transform
        low, high = transform.target_interval
        assert low is not None and high is not None
        assert min(d(transform, 0.5 * (low + high))) > 0.9


@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_missing_value_stays_missing(name: str) -> None:
    given = {"target": (1.0, 0.5), "range": (1.0, 2.0, 0.5), "as_is": ()}.get(name, (1.0, 2.0))
    transform = TRANSFORMS[name](*given)
    assert all(map(math.isnan, d(transform, math.nan)))
    assert transform.compute_log_desirability(torch.tensor([math.nan])).isnan().all()


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


# -- an oracle's endpoints -------------------------------------------------------------------------------------------

DOCKING = {"affinity": ("Docking score", "kcal/mol")}


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


def test_the_arithmetic_mean_has_weights_too() -> None:
    both, _ = resolve(
        {"logp": Objective(target=2.0, tolerance=1.0, weight=3.0), "assay": Objective(target=2.0, tolerance=1.0)},
        [LOGP, ASSAY],
    )
    values = {"logp": [3.0, math.nan], "assay": [2.0, 2.0]}
    assert score(both, values, 2, aggregate="arithmetic") == pytest.approx(
        [0.25 * (3 * 0.5 + 1), math.nan], nan_ok=True
    )


def test_the_report_draws_a_transform_also_where_there_are_no_values() -> None:
    import pandas as pd

    from pipeline.report import page, plots
    from pipeline.report.model import Distribution, Report
    from pipeline.report.model import Objective as ReportedObjective

    objective = resolve({"affinity": Objective(transform="reverse_sigmoid", low=-10, high=-6)}, [], DOCKING)[0][
        0
    ].to_dict()
    alone = plots.draw_distribution("x", Distribution(), ReportedObjective(**objective))
    assert alone is not None and "desirable" in alone
    assert plots.draw_distribution("x", Distribution(), ReportedObjective(**{**objective, "transform": []})) is None
    html = page.render(Report.from_dict({"request": {"objectives": [objective]}}), pd.DataFrame({"smiles": ["CCO"]}))
    assert html.count("desirability of the property") == 1
    seen = {"property": "affinity", "basis": "computed", "samples": [-7.0] * 20}
    html = page.render(
        Report.from_dict({"request": {"objectives": [objective]}, "distributions": [seen]}),
        pd.DataFrame({"smiles": ["CCO"]}),
    )
    assert html.count("desirable</text>") == 1 and "desirability of the property" not in html
