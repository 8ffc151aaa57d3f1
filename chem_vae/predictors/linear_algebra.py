"""Cholesky roots of covariance matrices, and systems of equations with them."""

from __future__ import annotations

import torch
from torch import Tensor

_JITTER = 1e-6
"""The share of the variance of the process that is added to the diagonal."""


def factorize(covariance: Tensor, variance: float = 1.0) -> Tensor:
    """Return a Cholesky root (n, n) of a matrix that is positive semidefinite but for rounding.

    Args:
        covariance: (n, n)
        variance: The variance of the process before it has learned anything.
    """
    diagonal = variance * torch.eye(len(covariance), dtype=covariance.dtype)
    for jitter in (_JITTER, 10 * _JITTER, 100 * _JITTER):
        root, failed = torch.linalg.cholesky_ex(covariance + jitter * diagonal)
        if not failed:
            return root
    return torch.linalg.cholesky(covariance + 1e-3 * diagonal)


def solve(root: Tensor, right: Tensor) -> Tensor:
    """Solve root @ x = right (n, m) for a lower triangular root (n, n)."""
    return torch.linalg.solve_triangular(root, right, upper=False)
