"""Transforms at points computed by hand, and what holds for all of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.objectives.transforms import FLOOR, TRANSFORMS, Transform

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


def test_an_open_range_gets_worse_with_the_distance() -> None:
    least, most = TRANSFORMS["range"](6.0, None, 0.5), TRANSFORMS["range"](None, 6.0, 0.5)
    assert d(least, 5.0, 5.5, 6.0, 1e9) == pytest.approx([1 / 16, 0.5, 1, 1])
    assert d(most, -1e9, 6.0, 6.5, 7.0) == pytest.approx([1, 1, 0.5, 1 / 16])
    assert (least.hit_interval, most.hit_interval) == ((6.0, None), (None, 6.0))


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
