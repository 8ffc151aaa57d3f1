"""Tanimoto similarities of features that are zeros and ones, and the bits that keep such features."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def tanimoto(a: Tensor, b: Tensor) -> Tensor:
    """Compute Tanimoto similarities: features shared, over features of either; 0 where neither has any.

    Args:
        a: (n, F) zeros and ones.
        b: (m, F) zeros and ones.

    Returns:
        (n, m) similarities.

    >>> tanimoto(torch.tensor([[1, 1, 0]]), torch.tensor([[1, 0, 1], [1, 1, 0]])).tolist()
    [[0.3333333432674408, 1.0]]
    """
    a, b = a.float(), b.float()  # counts below 2^24 are exact
    shared = a @ b.T
    either = a.sum(dim=1, keepdim=True) + b.sum(dim=1) - shared
    return shared / either.clamp_min(1.0)


def pack(features: Tensor) -> Tensor:
    """Pack features of zeros and ones (n, F) into bits (n, ceil(F / 8)) uint8."""
    return torch.from_numpy(np.packbits(features.to(torch.uint8).numpy(), axis=1))


def unpack(bits: Tensor, count: int) -> Tensor:
    """Unpack bits into the first `count` features (n, count) uint8."""
    return torch.from_numpy(np.unpackbits(bits.numpy(), axis=1, count=count))
