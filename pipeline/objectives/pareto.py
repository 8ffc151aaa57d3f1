"""Several objectives side by side: who is dominated by none, how much a front holds, and one number where one is needed.

All take scores (n, M), higher is better in each column (`pipeline.objectives.columns`). A row with a NaN is in no front.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chem_vae.errors import UserError

Scores = NDArray[np.float64]
MOST_OBJECTIVES = 4
"""Of a hypervolume: its cost grows exponentially, and with more of them nearly everything is in the front."""
RHO = 0.05  # Knowles' share of the sum in an augmented Chebyshev scalarization


def non_dominated(scores: Scores) -> NDArray[np.bool_]:
    """(n,) whether no other row is as good in every objective and better in one. Equal rows all stay.

    >>> non_dominated(np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5], [0.4, 0.4]])).tolist()
    [True, True, True, False]
    """
    return ranks(scores, most=1) == 0


def ranks(scores: Scores, most: int | None = None) -> NDArray[np.int64]:
    """(n,) the front of each row: 0 is dominated by none, 1 only by rows of front 0, and so on; -1 where a score is NaN.

    Efficient non-dominated sorting (Zhang et al. 2015, doi:10.1109/TEVC.2014.2308305) with its binary search. most: stop
    after so many fronts; the rows beyond are -1 as well.
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


def crowding(scores: Scores) -> NDArray[np.float64]:
    """(n,) how much room each row of one front has: NSGA-II's distance (Deb et al. 2002, doi:10.1109/4235.996017).

    Infinite at the ends of an objective, 0 where rows are equal; NaN where a score is NaN.
    """
    room = np.zeros(len(scores))
    room[np.isnan(scores).any(axis=1)] = np.nan
    there = np.flatnonzero(~np.isnan(room))
    for column in scores[there].T:
        order = np.argsort(column, kind="stable")
        values = column[order]
        span = values[-1] - values[0] if len(values) else 0.0
        if span > 0:
            gaps = np.full(len(values), np.inf)
            gaps[1:-1] = (values[2:] - values[:-2]) / span
            room[there[order]] += gaps
    return room


def reference_point(scores: Scores, bounded: bool = False) -> Scores:
    """(M,) the point from which a hypervolume is measured: what a front must beat.

    bounded: the scores are desirabilities, and it is 0. Else a tenth of the front's range below its worst value in each
    objective, as is usual (Ishibuchi et al. 2011, doi:10.1145/2001576.2001678, see also BoTorch); of a single point, a tenth
    of the data's range or of its size. Keep the first one for a whole run: volumes compare only from the same point.
    """
    if bounded:
        return np.zeros(scores.shape[1])
    front = scores[non_dominated(scores)]
    if not len(front):
        raise UserError("there is no molecule with a value for every objective, so there is no Pareto front")
    there = scores[~np.isnan(scores).any(axis=1)]
    span = np.ptp(front, axis=0)
    span = np.where(span > 0, span, np.ptp(there, axis=0))
    span = np.where(span > 0, span, np.maximum(np.abs(front[0]), 1e-9))
    return np.asarray(front.min(axis=0) - 0.1 * span)


def hypervolume(scores: Scores, reference: Scores) -> float:
    """The volume between the front and the reference point; 0 where no row is above the point in every objective.

    Exact, by slicing objectives (While et al. 2006, doi:10.1109/TEVC.2005.851275): milliseconds for two objectives, below a
    second for a front of thousands with three. Raises UserError for fewer than two or more than MOST_OBJECTIVES objectives.
    """
    if not 2 <= scores.shape[1] <= MOST_OBJECTIVES:
        raise UserError(
            f"a Pareto front takes two to {MOST_OBJECTIVES} objectives, not {scores.shape[1]}; combine some into a mean"
        )
    above = scores[(scores > reference).all(axis=1)] - reference  # a NaN is above nothing
    return _volume(above[non_dominated(above)])


def _volume(front: Scores) -> float:
    """Between points above zero and zero. The front is cut where its last objective changes."""
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
        total += _volume(staircase) * height if height > 0 else 0.0
    return total


@dataclass(frozen=True)
class Front:
    """The best of several objectives at once."""

    rows: NDArray[np.int64]
    """Of the scores, those that none dominates, best in the first objective first; of equal rows the first."""
    reference: Scores
    """(M,)"""
    hypervolume: float


def front(scores: Scores, reference: Scores | None = None) -> Front:
    """The Pareto front of scores (n, M). reference: as in `reference_point`, which stands in where none is given."""
    reference = reference_point(scores) if reference is None else reference
    best = np.flatnonzero(non_dominated(scores))
    _, first = np.unique(scores[best], axis=0, return_index=True)
    return Front(best[first[::-1]], reference, hypervolume(scores, reference))


# -- one number ------------------------------------------------------------------------------------------------------


def draw_weights(objectives: int, random: np.random.Generator) -> Scores:
    """(M,) weights that sum to one, evenly spread over all such: another direction of the front with each draw."""
    return random.dirichlet(np.ones(objectives))


def scalarize(scores: Scores, weights: Scores, seen: Scores | None = None) -> Scores:
    """(n,) the augmented Chebyshev scalarization, higher is better: min_m w_m y_m + 0.05 sum_m w_m y_m (Knowles 2006, ParEGO,
    doi:10.1109/TEVC.2005.851274).

    y is each objective scaled to 0..1 over `seen` (m, M) - over the scores themselves where it is not given - so that each
    weighs as its weight says, and shifted to at most 0, so that every point of the front is best for some weights. NaN stays
    NaN. For strategies that take one number, with weights drawn anew for each batch.
    """
    seen = scores if seen is None else seen
    seen = seen[~np.isnan(seen).any(axis=1)]
    if not len(seen):
        return np.full(len(scores), np.nan)
    top, span = seen.max(axis=0), np.ptp(seen, axis=0)
    weighted = weights * (scores - top) / np.where(span > 0, span, 1.0)
    return np.asarray(weighted.min(axis=1) + RHO * weighted.sum(axis=1))
