"""Fronts and hypervolumes, beside plain definitions and BoTorch's figures."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from chem_vae.errors import UserError
from pipeline.objectives import pareto

CORNER = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.6], [0.5, 0.5], [0.6, 0.6], [math.nan, 2.0]])
GRID = st.integers(1, 12).flatmap(  # few distinct values, so that equal ones are common
    lambda n: st.sampled_from([2, 3, 4]).flatmap(
        lambda m: arrays(np.float64, (n, m), elements=st.sampled_from([0.0, 0.25, 0.5, 1.0]))
    )
)


def dominated(scores: np.ndarray, i: int, among: list[int]) -> bool:
    return any((scores[j] >= scores[i]).all() and (scores[j] > scores[i]).any() for j in among)


@settings(max_examples=150, deadline=None)
@given(scores=GRID)
def test_fronts_are_peeled_one_by_one(scores: np.ndarray) -> None:
    left, depth = list(range(len(scores))), 0
    found = pareto.number_fronts(scores)
    while left:
        front = [i for i in left if not dominated(scores, i, left)]
        assert (found[front] == depth).all()
        left, depth = [i for i in left if i not in front], depth + 1
    assert (pareto.find_non_dominated(scores) == (found == 0)).all()


def test_a_missing_score_is_in_no_front() -> None:
    assert pareto.number_fronts(CORNER).tolist() == [0, 0, 0, 1, 0, -1]
    assert pareto.number_fronts(np.full((2, 2), math.nan)).tolist() == [-1, -1]
    assert pareto.number_fronts(np.empty((0, 2))).tolist() == []


def test_hundreds_of_rows_fill_their_fronts() -> None:
    scores = np.random.default_rng(0).random((400, 3))
    found = pareto.number_fronts(scores)
    best = np.flatnonzero(found == 0).tolist()
    everyone = list(range(400))
    assert [i for i in everyone if not dominated(scores, i, everyone)] == best


@settings(max_examples=60, deadline=None)
@given(scores=GRID)
def test_the_hypervolume_is_botorchs(scores: np.ndarray) -> None:
    from botorch.utils.multi_objective.hypervolume import Hypervolume
    from botorch.utils.multi_objective.pareto import is_non_dominated

    reference = np.full(scores.shape[1], -0.5)
    front = torch.tensor(scores)
    assert is_non_dominated(front, deduplicate=False).tolist() == pareto.find_non_dominated(scores).tolist()
    theirs = Hypervolume(torch.tensor(reference)).compute(front[is_non_dominated(front)])
    assert pareto.compute_hypervolume(scores, reference) == pytest.approx(theirs)


def test_the_hypervolume_by_hand() -> None:
    assert pareto.compute_hypervolume(CORNER, np.zeros(2)) == pytest.approx(
        0.36
    )  # the ends lie on the reference point's axes
    assert pareto.compute_hypervolume(CORNER, np.full(2, -1.0)) == pytest.approx(2 + 2 + 1.6**2 - 2 * 1.6)
    assert pareto.compute_hypervolume(CORNER, np.full(2, 3.0)) == 0.0
    with pytest.raises(UserError, match="two to 4 objectives, not 1"):
        pareto.compute_hypervolume(np.ones((3, 1)), np.zeros(1))


def test_a_reference_point_lies_below_the_front() -> None:
    assert pareto.choose_reference_point(CORNER).tolist() == pytest.approx([-0.1, -0.1])
    one = np.array([[2.0, -3.0]])
    assert (pareto.choose_reference_point(one) < one).all()
    assert pareto.compute_hypervolume(one, pareto.choose_reference_point(one)) > 0
    with pytest.raises(UserError, match="no Pareto front"):
        pareto.choose_reference_point(np.full((2, 2), math.nan))
