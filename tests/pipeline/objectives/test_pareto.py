"""Fronts, hypervolumes and scalarizations, beside plain definitions and BoTorch's figures."""

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
    found = pareto.ranks(scores)
    while left:
        front = [i for i in left if not dominated(scores, i, left)]
        assert (found[front] == depth).all()
        left, depth = [i for i in left if i not in front], depth + 1
    assert (pareto.non_dominated(scores) == (found == 0)).all()


def test_a_missing_score_is_in_no_front() -> None:
    assert pareto.ranks(CORNER).tolist() == [0, 0, 0, 1, 0, -1]
    assert pareto.ranks(np.full((2, 2), math.nan)).tolist() == [-1, -1]
    assert pareto.ranks(np.empty((0, 2))).tolist() == []


def test_hundreds_of_rows_fill_their_fronts() -> None:
    scores = np.random.default_rng(0).random((400, 3))
    found = pareto.ranks(scores)
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
    theirs = Hypervolume(torch.tensor(reference)).compute(front[is_non_dominated(front)])
    assert pareto.hypervolume(scores, reference) == pytest.approx(theirs)


def test_the_hypervolume_by_hand() -> None:
    assert pareto.hypervolume(CORNER, np.zeros(2)) == pytest.approx(0.36)  # the ends lie on the reference point's axes
    assert pareto.hypervolume(CORNER, np.full(2, -1.0)) == pytest.approx(2 + 2 + 1.6**2 - 2 * 1.6)
    assert pareto.hypervolume(CORNER, np.full(2, 3.0)) == 0.0
    with pytest.raises(UserError, match="two to 4 objectives, not 1"):
        pareto.hypervolume(np.ones((3, 1)), np.zeros(1))


def test_the_front_lists_each_point_once_best_in_the_first_objective_first() -> None:
    front = pareto.front(CORNER, np.zeros(2))
    assert front.rows.tolist() == [0, 2, 1]
    assert front.hypervolume == pytest.approx(0.36)


def test_a_reference_point_lies_below_the_front() -> None:
    assert pareto.reference_point(CORNER).tolist() == pytest.approx([-0.1, -0.1])
    assert pareto.reference_point(CORNER, bounded=True).tolist() == [0.0, 0.0]
    one = np.array([[2.0, -3.0]])
    assert (pareto.reference_point(one) < one).all()
    assert pareto.front(one).hypervolume > 0
    with pytest.raises(UserError, match="no Pareto front"):
        pareto.reference_point(np.full((2, 2), math.nan))


def test_crowding_prefers_the_ends_and_then_the_lonely() -> None:
    front = np.array([[0.0, 1.0], [0.1, 0.9], [0.2, 0.8], [1.0, 0.0], [math.nan, 0.0]])
    room = pareto.crowding(front)
    assert np.isinf(room[[0, 3]]).all()
    assert room[1:3] == pytest.approx([0.4, 1.8])
    assert math.isnan(room[4])


@settings(max_examples=100, deadline=None)
@given(scores=GRID, seed=st.integers(0, 99))
def test_what_a_scalarization_likes_best_is_in_the_front(scores: np.ndarray, seed: int) -> None:
    weights = pareto.draw_weights(scores.shape[1], np.random.default_rng(seed))
    assert weights.sum() == pytest.approx(1)
    found = pareto.scalarize(scores, weights)
    best = int(found.argmax())
    everyone = list(range(len(scores)))
    ties = [i for i in everyone if found[i] >= found[best] - 1e-12]
    assert any(not dominated(scores, i, everyone) for i in ties)


def test_every_point_of_a_concave_front_is_best_for_some_weights() -> None:
    scores = np.array([[1.0, 0.0], [0.4, 0.4], [0.0, 1.0], [0.3, 0.3]])  # a weighted sum never picks the second
    random = np.random.default_rng(0)
    picked = {int(pareto.scalarize(scores, pareto.draw_weights(2, random)).argmax()) for _ in range(200)}
    assert picked == {0, 1, 2}


def test_a_scalarization_keeps_missing_scores_missing_and_the_scale_of_what_was_seen() -> None:
    found = pareto.scalarize(CORNER, np.array([0.5, 0.5]))
    assert math.isnan(found[5]) and np.isfinite(found[:5]).all()
    assert np.isnan(pareto.scalarize(np.full((2, 2), math.nan), np.array([0.5, 0.5]))).all()
    scaled = pareto.scalarize(CORNER * [1000, 1], np.array([0.5, 0.5]))
    assert scaled[:5] == pytest.approx(found[:5])
    later = pareto.scalarize(np.array([[2.0, 2.0]]), np.array([0.5, 0.5]), seen=CORNER)
    assert later[0] > found[:5].max()
