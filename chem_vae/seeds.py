"""Derive seeds for the parts of a run from the run's one seed."""

from __future__ import annotations

import numpy as np


def derive_seed(seed: int, *parts: int | str) -> int:
    """Mix a seed with the numbers or names of a part into the seed of that part.

    Seeds of different parts, or of neighboring seeds, have no relation to each other, unlike sums and products. The same
    arguments give the same seed on every machine and in every version.

    Args:
        seed: Any integer; negative ones count modulo 2^64.
        parts: What tells this use from the others: a step, a round, the name of a stage.

    Returns:
        A seed from 0 to 2^63 - 1, as torch and NumPy take it.

    >>> derive_seed(0, "decode", 3) == derive_seed(0, "decode", 3) != derive_seed(0, "decode", 4)
    True
    """
    words = [int.from_bytes(p.encode(), "little") if isinstance(p, str) else p % 2**64 for p in parts]
    return int(np.random.SeedSequence([seed % 2**64, *words]).generate_state(1, np.uint64)[0] >> np.uint64(1))
