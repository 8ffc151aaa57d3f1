"""Tanimoto similarities of many fingerprints with many, as matrix products in blocks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from chem_vae.progress import Progress, silent

Packed = NDArray[np.uint8]
_BLOCK = 1024  # the blocks of a pair stay in the cache of a core


def compute_nearest_similarities(
    queries: Packed, reference: Packed, progress: Progress = silent
) -> NDArray[np.float64]:
    """Compute the Tanimoto similarity of each query with its nearest reference.

    Args:
        queries: (n, 128) packed bits.
        reference: (m, 128) packed bits.
        progress: Is told of the references done.

    Returns:
        (n,) similarities; NaN without a reference.
    """
    best = torch.full((len(queries),), torch.nan if len(reference) == 0 else 0.0)
    progress("nearest neighbors", 0, len(reference))
    for start in range(0, len(reference), _BLOCK):
        rows, counts = _unpack(reference[start : start + _BLOCK])
        for place, similarity in _iterate_similarities(queries, rows, counts):
            best[place] = torch.maximum(best[place], similarity.amax(dim=0))
        progress("nearest neighbors", min(start + _BLOCK, len(reference)), len(reference))
    return best.double().numpy()


def compute_internal_diversities(
    fingerprints: Packed, powers: Sequence[int] = (1, 2), progress: Progress = silent
) -> list[float]:
    """Compute MOSES' IntDiv_p of all molecules for each p; see `pipeline.chemistry.metrics.measure_internal_diversity`, which draws some."""
    n = len(fingerprints)
    if n == 0:
        return [math.nan] * len(powers)
    sums = torch.zeros(len(powers), n, dtype=torch.float64)
    progress("internal diversity", 0, n)
    for start in range(0, n, _BLOCK):
        rows, counts = _unpack(fingerprints[start : start + _BLOCK])
        for place, similarity in _iterate_similarities(fingerprints, rows, counts):
            for k, p in enumerate(powers):
                sums[k, place] += (similarity if p == 1 else similarity.pow(p)).sum(dim=0).double()
        progress("internal diversity", min(start + _BLOCK, n), n)
    return [float(1 - ((sums[k] / n) ** (1 / p)).mean()) for k, p in enumerate(powers)]


def _iterate_similarities(queries: Packed, rows: Tensor, counts: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Yield blocks of queries with their Tanimoto similarities (rows, queries of the block); 1 where both are empty."""
    for start in range(0, len(queries), _BLOCK):
        bits, own = _unpack(queries[start : start + _BLOCK])
        exact = torch.bfloat16 if min(counts.max(), own.max()) <= 256 else torch.float32
        shared = (rows.to(exact) @ bits.to(exact).T).float()  # bfloat16 holds every count up to 256
        either = counts.unsqueeze(1) + own - shared
        yield slice(start, start + len(bits)), torch.where(either > 0, shared / either, 1.0)


def _unpack(packed: Packed) -> tuple[Tensor, Tensor]:
    bits = torch.from_numpy(np.unpackbits(packed, axis=1))
    return bits, bits.sum(dim=1).float()
