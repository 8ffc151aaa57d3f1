"""Pareto fronts of many candidates, and the choice of those that are expected to enlarge the dominated hypervolume."""

from __future__ import annotations

import math

import torch
from torch import Tensor

MOST_FRONT = 100
"""Molecules that stand for a larger front, those farthest from the others."""
MOST_VOLUMES = 2_000_000
"""Cells' volumes held in memory at once."""


def number_fronts(values: Tensor) -> Tensor:
    """Number the Pareto front that each row belongs to, 0 for the rows that no other dominates.

    Deb et al. 2002, NSGA-II, doi:10.1109/4235.996017.

    Args:
        values: (n, M), all maximized.

    Returns:
        (n,) 0 for the Pareto front, 1 for the front behind it, and so on.

    >>> number_fronts(torch.tensor([[1.0, 1.0], [2.0, 0.0], [0.0, 0.0]])).tolist()
    [0.0, 0.0, 1.0]
    """
    behind = (values[None] >= values[:, None]).all(-1) & (values[None] > values[:, None]).any(-1)
    front = torch.full((len(values),), -1.0)
    number = 0
    while (left := front < 0).any():
        front[left & ~(behind & left).any(dim=1)] = number
        number += 1
    return front


def measure_crowding(values: Tensor) -> Tensor:
    """Measure how far each row is from its nearest other one, as half the share of the widest such distance.

    Args:
        values: (n, M).

    Returns:
        (n,) from 0 (another row is equal) to 0.5.
    """
    if len(values) < 2:
        return torch.zeros(len(values))
    spread = (values.max(dim=0).values - values.min(dim=0).values).clamp_min(1e-12)
    distance = torch.cdist(values / spread, values / spread)
    nearest = distance.fill_diagonal_(torch.inf).min(dim=1).values
    return 0.5 * nearest / nearest.max().clamp_min(1e-12)


def select_by_hypervolume(drawn: Tensor, known: Tensor, k: int) -> Tensor:
    """Select the candidates with the highest log expected hypervolume improvement.

    They are selected in ten blocks, of which each takes the mean values of the earlier ones for known.

    Args:
        drawn: (S, m, M) draws of the values of m candidates in M objectives, all maximized.
        known: (n, M) values of known molecules.
        k: Number of candidates to select, m at most.

    Returns:
        (k,) different rows of the candidates.
    """
    from botorch.utils.multi_objective.hypervolume import infer_reference_point  # here: loads botorch

    front = known[number_fronts(known) == 0]
    corner = infer_reference_point(front, scale=0.1)
    if len(front) > MOST_FRONT:  # cells grow with the front, with three objectives faster than it
        front = front[measure_crowding(front).argsort(descending=True)[:MOST_FRONT]]
    mean = drawn.mean(dim=0)
    left = torch.ones(len(mean), dtype=torch.bool)
    chosen: list[int] = []
    while len(chosen) < k:
        values = compute_log_improvement(drawn, torch.cat([front, mean[chosen]]), corner)
        some = values.masked_fill(~left, -torch.inf).topk(min(max(1, k // 10), k - len(chosen))).indices
        left[some] = False
        chosen += some.tolist()
    return torch.tensor(chosen)


def compute_log_improvement(drawn: Tensor, known: Tensor, corner: Tensor, softness: float = 1e-3) -> Tensor:
    """Compute the log of the hypervolume that each candidate is expected to add.

    This is BoTorch's qLogEHVI of one candidate (Ament et al. 2023, arXiv:2310.20708), whose softened steps give a rank also
    to candidates that hardly ever improve, but for all candidates at once.

    Args:
        drawn: (S, m, M) draws of the values of m candidates.
        known: (n, M) values whose dominated volume is to be enlarged.
        corner: (M,) the reference point.
        softness: Width of the softened steps, in the unit of the values.

    Returns:
        (m,) logarithms.
    """
    from botorch.utils.multi_objective.box_decompositions import FastNondominatedPartitioning  # here: loads botorch

    lower, upper = FastNondominatedPartitioning(corner, known).get_hypercell_bounds()
    some = max(1, MOST_VOLUMES // (len(drawn) * len(lower)))
    parts = []
    for part in drawn.split(some, dim=1):
        volumes = torch.zeros(*part.shape[:2], len(lower), dtype=drawn.dtype)
        for k in range(drawn.shape[2]):
            reach = torch.minimum(part[:, :, k, None], upper[:, k]) - lower[:, k]
            # Log of a softplus of width `softness`, exact far below zero, where the plain one is a rounded zero.
            scaled = reach / softness
            log_soft = torch.where(scaled < -20, scaled, torch.nn.functional.softplus(scaled.clamp_min(-20)).log())
            volumes += log_soft + math.log(softness)
        parts.append(volumes.movedim(0, 1).flatten(1).logsumexp(dim=1))
    return torch.cat(parts) - math.log(len(drawn))
