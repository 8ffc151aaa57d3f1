"""Reads latent points that a user gives: arrays and tensors of any precision, a point in each row."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from chem_vae.errors import UserError

MOST_STEPS = 10_000
"""Points on a path at most; each is decoded, and a path has few different molecules."""


def read_points(z: Any, size: int) -> Tensor:
    """Read latent points, one in a row, as the network takes them.

    Args:
        z: A tensor or an array (n, D).
        size: D, the size of the model's latent space.

    Returns:
        (n, D) in 32 bits.

    Raises:
        UserError: It is of another shape, or holds no numbers.
    """
    try:
        points = torch.as_tensor(z).float()
    except (TypeError, ValueError, RuntimeError):
        raise UserError(
            f"latent points are a tensor of shape (n, {size}), not a value of type {type(z).__name__}"
        ) from None
    if points.ndim != 2 or points.shape[1] != size:
        hint = "; of one point z.reshape(1, -1) has it" if tuple(points.shape) == (size,) else ""
        raise UserError(f"latent points of this model have the shape (n, {size}), not {tuple(points.shape)}{hint}")
    return points
