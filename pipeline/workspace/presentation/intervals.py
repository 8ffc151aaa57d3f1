"""Intervals of 95 % for fractions and means."""

from __future__ import annotations

import math

_Z = 1.959963984540054
"""The normal distribution holds 95 % within so many standard deviations."""
Interval = tuple[float, float]


def measure_fraction_interval(count: int | None, of: int | None) -> Interval | None:
    """Compute the interval of a fraction after Wilson 1927 (doi:10.1080/01621459.1927.10502953), which holds for few molecules too.

    >>> [round(end, 3) for end in measure_fraction_interval(4, 10)]
    [0.168, 0.687]

    Args:
        count: The molecules that have it.
        of: The molecules among which they are counted.

    Returns:
        The ends, from 0 to 1; None where there is nothing to count.
    """
    if count is None or not of or not 0 <= count <= of:
        return None
    share, part = count / of, _Z * _Z / of
    middle = (share + part / 2) / (1 + part)
    half = _Z / (1 + part) * math.sqrt(share * (1 - share) / of + part / (4 * of))
    return max(0.0, middle - half), min(1.0, middle + half)


def measure_mean_interval(mean: float | None, std: float | None, n: int | None) -> Interval | None:
    """Compute the interval of a mean by Student's t distribution.

    >>> [round(end, 2) for end in measure_mean_interval(7.0, 1.0, 5)]
    [5.61, 8.39]

    Args:
        mean: The mean of the values.
        std: Their standard deviation, of the population as the reports give it.
        n: The number of values.

    Returns:
        The ends; None for fewer than two values.
    """
    if mean is None or std is None or n is None or n < 2 or not math.isfinite(mean + std):
        return None
    from scipy.special import stdtrit  # here: the terminal's --help does without scipy

    half = float(stdtrit(n - 1, 0.975)) * std / math.sqrt(n - 1)
    return mean - half, mean + half
