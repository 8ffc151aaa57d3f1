"""Derive seeds for the parts of a run from the run's one seed."""

from __future__ import annotations

import numpy as np


def derive_seed(seed: int, part: int, *parts: int) -> int:
    """Mix a seed with the numbers of a part into the seed of that part.

    Seeds of different parts, or of neighboring seeds, have no relation to each other, unlike sums and products. The same
    arguments give the same seed on every machine and in every version.

    Args:
        seed: Any integer; it counts modulo 2^64.
        part: The number that tells this use from the others: a step, a round, a stream.
        parts: Further numbers.

    Returns:
        A seed from 0 to 2^63 - 1, as torch and NumPy take it.

    >>> derive_seed(0, 3) == derive_seed(0, 3) != derive_seed(0, 4)
    True
    """
    words = [word % 2**64 for word in (seed, part, *parts)]
    sequence = np.random.SeedSequence(words, spawn_key=(len(parts),) if parts else ())
    return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))


def number_seed(seed: int, number: int) -> int:
    """Derive the seed of the number-th part of a run by the rule of version 0.1.0: seed * 1,000,003 + number.

    It stays where a seed of today is to give the molecules or the weights that it always gave; use `derive_seed` elsewhere.

    >>> number_seed(2, 5)
    2000011
    """
    return seed * 1_000_003 + number
