"""Several objectives side by side: Pareto fronts and the hypervolume that they dominate.

All functions take scores (n, M), higher is better in each column. A row with a NaN is in no front. BoTorch's
`is_non_dominated` and `Hypervolume` give the same figures (the tests compare them) and take 2 to 50 times as long.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from chem_vae.errors import UserError

Scores = NDArray[np.float64]
MOST_OBJECTIVES = 4
"""Objectives of a hypervolume at most: its cost grows exponentially with them, and nearly everything is in the front."""


def find_non_dominated(scores: Scores) -> NDArray[np.bool_]:
    """Find the rows that no other row equals in every objective and exceeds in one; equal rows all stay.

    Returns:
        (n,) whether the row is in the Pareto front.

    >>> find_non_dominated(np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5], [0.4, 0.4]])).tolist()
    [True, True, True, False]
    """
    return number_fronts(scores, most=1) == 0


def number_fronts(scores: Scores, most: int | None = None) -> NDArray[np.int64]:
    """Number the front of each row by efficient non-dominated sorting with a binary search.

    Zhang et al. 2015, doi:10.1109/TEVC.2014.2308305.

    Args:
        scores: (n, M).
        most: Fronts to number; the rows beyond them get -1.

    Returns:
        (n,) 0 where no row dominates it, 1 where only rows of front 0 do, and so on; -1 where a score is NaN.
    """
    found = np.full(len(scores), -1, dtype=np.int64)
    rows = np.flatnonzero(~np.isnan(scores).any(axis=1))
    unique, which = np.unique(scores[rows], axis=0, return_inverse=True)
    level = np.full(len(unique), -1, dtype=np.int64)
    members: list[Scores] = []  # by front: room for rows, doubled when full
    counts: list[int] = []
    for i in range(len(unique) - 1, -1, -1):  # sorted by the columns in turn: what dominates a row comes before it
        row = unique[i]
        low, high = 0, len(counts)
        while low < high:  # a row that front k dominates is dominated by every front before k
            middle = (low + high) // 2
            if (members[middle][: counts[middle]] >= row).all(axis=1).any():
                low = middle + 1
            else:
                high = middle
        if most is not None and low >= most:
            continue
        if low == len(counts):
            members.append(np.empty((8, scores.shape[1])))
            counts.append(0)
        if counts[low] == len(members[low]):
            members[low] = np.concatenate([members[low], np.empty_like(members[low])])
        members[low][counts[low]] = row
        counts[low] += 1
        level[i] = low
    found[rows] = level[which.reshape(-1)]
    return found


def choose_reference_point(scores: Scores) -> Scores:
    """Choose the point from which a hypervolume is measured: a tenth of the front's range below its worst values.

    Ishibuchi et al. 2011, doi:10.1145/2001576.2001678; BoTorch's `infer_reference_point` does the same. The range of a
    front of one point is the data's, or the point's size. Volumes compare only from the same reference point.

    Returns:
        (M,).

    Raises:
        UserError: If no row has a score for every objective.
    """
    front = scores[find_non_dominated(scores)]
    if not len(front):
        raise UserError("there is no molecule with a value for every objective, so there is no Pareto front")
    there = scores[~np.isnan(scores).any(axis=1)]
    span = np.ptp(front, axis=0)
    span = np.where(span > 0, span, np.ptp(there, axis=0))
    span = np.where(span > 0, span, np.maximum(np.abs(front[0]), 1e-9))
    return np.asarray(front.min(axis=0) - 0.1 * span)


def compute_hypervolume(scores: Scores, reference: Scores) -> float:
    """Compute the volume between the front and the reference point, exactly, by slicing objectives.

    While et al. 2006, doi:10.1109/TEVC.2005.851275. It takes milliseconds for two objectives, and below a second for a
    front of thousands with three.

    Returns:
        The volume; 0 where no row is above the point in every objective.

    Raises:
        UserError: For fewer than two or more than `MOST_OBJECTIVES` objectives.
    """
    if not 2 <= scores.shape[1] <= MOST_OBJECTIVES:
        raise UserError(
            f"a Pareto front takes two to {MOST_OBJECTIVES} objectives, not {scores.shape[1]}; combine some into a mean"
        )
    above = scores[(scores > reference).all(axis=1)] - reference  # a NaN is above nothing
    return _slice_volume(above[find_non_dominated(above)])


def _slice_volume(front: Scores) -> float:
    """Compute the volume between points above zero and zero. The front is cut where its last objective changes."""
    if not len(front):
        return 0.0
    front = front[np.argsort(-front[:, -1], kind="stable")]
    depth = -np.diff(front[:, -1], append=0.0)
    if front.shape[1] == 2:
        return float(np.maximum.accumulate(front[:, 0]) @ depth)
    total, staircase = 0.0, np.empty((0, front.shape[1] - 1))
    for row, height in zip(front[:, :-1], depth, strict=True):
        if not (staircase >= row).all(axis=1).any():
            staircase = np.concatenate([staircase[~(staircase <= row).all(axis=1)], row[None]])
        total += _slice_volume(staircase) * height if height > 0 else 0.0
    return total
