"""Finds values that are hardly measurements: codes for a missing value (-999), and outliers by a robust z-score.

The z-score takes the median and the median absolute deviation in place of mean and standard deviation, which a single outlier would
move (Iglewicz & Hoaglin 1993, How to Detect and Handle Outliers). Of positive values the logarithms must be far apart as well, so
that a skewed column, such as raw IC50 values, has no outliers for its skew alone.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
FAR = 8.0
"""The robust z-score from which on a value is an outlier; the largest of ordinary assays are near 5."""
REPEATED_FAR = 4.0
"""The robust z-score from which on a value that several rows share, beyond all others, is a suspected code."""
LARGEST = float(np.finfo(np.float32).max)
"""Values beyond it are no numbers to a model, which computes in single precision."""
_TO_SIGMA = 1.4826  # median absolute deviation -> standard deviation, of a normal distribution
_FEWEST = 8  # values from which on a spread says something
_REPEATS = 3


class Suspects(NamedTuple):
    """The values of a column that are hardly measurements, each (n,) bool; a value is in one of them at most."""

    codes: NDArray[np.bool_]
    """Suspected codes for a missing value."""
    outliers: NDArray[np.bool_]

    @property
    def any(self) -> NDArray[np.bool_]:
        """The values that are either (n,)."""
        return np.asarray(self.codes | self.outliers)


def find_suspects(values: Values) -> Suspects:
    """Find suspected codes and outliers.

    Args:
        values: (n,) measured values, NaN where there is none.

    Returns:
        The masks; empty where there are too few values to tell, or only two distinct ones (classes).
    """
    codes, outliers = np.zeros(len(values), bool), np.zeros(len(values), bool)
    known = np.isfinite(values)
    outliers[np.isinf(values) | (known & (np.abs(np.nan_to_num(values)) > LARGEST))] = True
    usable = known & ~outliers
    for code in sorted({float(v) for v in np.unique(values[usable]) if is_usual_code(float(v))}, key=abs, reverse=True):
        rest = values[usable & ~codes & (values != code)]
        if len(rest) and _is_apart(code, int((values == code).sum()), rest):
            codes |= values == code
    for code in _find_repeated_extremes(values[usable & ~codes]):
        codes |= values == code
    rest = usable & ~codes
    if rest.sum() >= _FEWEST and len(np.unique(values[rest])) > 2:
        far = measure_distance(values[rest], values[rest]) > FAR
        if far.sum() <= max(1, 0.05 * rest.sum()):  # more of them are a second group of molecules, not errors
            outliers[np.flatnonzero(rest)[far]] = True
    return Suspects(codes, outliers)


def is_usual_code(value: float) -> bool:
    """Say whether a value is one that programs and people write for "missing" or "failed".

    >>> [is_usual_code(v) for v in (-999.0, -1.0, 0.0, 99999.0, 999.9, 6.5, 9.0)]
    [True, True, True, True, True, False, False]
    """
    size = abs(value)
    digits = f"{size:.10g}".replace(".", "")
    all_nines = size >= 99 and set(digits) == {"9"}
    return all_nines or value in (-1.0, 0.0, -88.0, -888.0, -8888.0, -77.0, -32768.0, 2147483647.0)


def measure_distance(values: Values, among: Values) -> Values:
    """Measure how far values (m,) lie from the median of others (n,), as robust z-scores; of all-positive data in logarithms, too.

    The smaller of the two scores counts.
    """
    distance = np.abs(values - np.median(among)) / _measure_spread(among)
    if among.min() <= 0:
        return np.asarray(distance)
    positive = values > 0
    logs = np.log10(among)
    in_logs = np.abs(np.log10(values[positive]) - np.median(logs)) / _measure_spread(logs)
    distance[positive] = np.minimum(distance[positive], in_logs)
    return np.asarray(distance)


def _measure_spread(values: Values) -> float:
    """Return a robust standard deviation; where half of the values are equal, that of the others from them."""
    middle = np.median(values)
    away = np.abs(values - middle)
    spread = _TO_SIGMA * float(np.median(away))
    ordered, trimmed = np.sort(values), max(1, len(values) // 20)
    low, high = (ordered[trimmed], ordered[-1 - trimmed]) if len(values) > 2 else (middle, middle)
    if spread < 1e-9 * max(abs(float(middle)), 1e-300):
        others = away[away > 1e-9 * max(abs(float(middle)), 1e-300)]
        spread = _TO_SIGMA * float(np.median(others)) if len(others) else 1e-6 * max(abs(float(middle)), 1.0)
    return max(spread, float(high - low) / 3.29)  # two groups of molecules: the width of both


def _is_apart(code: float, count: int, rest: Values) -> bool:
    """Say whether a usual code lies apart from the other values, as a measured value would not."""
    low, high = float(rest.min()), float(rest.max())
    if len(np.unique(rest)) == 1:
        return abs(code) >= 99 and not low <= code <= high
    if low > 0 and code <= 0:  # below values that are never negative: concentrations, p-values
        middle, top = np.quantile(rest, (0.5, 0.95))
        is_graded = len(np.unique(rest)) < 8  # 0, 1, 2 may be grades
        if top > 10 * middle or (not is_graded and low - code > 0.5 * (high - low)):
            return True
    if low <= code <= high:
        return False
    gap = low - code if code < low else code - high
    return gap > 2 * (high - low) or (len(rest) >= _FEWEST and _is_far(code, rest, FAR if count == 1 else REPEATED_FAR))


def _find_repeated_extremes(values: Values) -> list[float]:
    """Find the lowest and the highest value where several rows share it and all others are far from it."""
    distinct, counts = np.unique(values, return_counts=True)
    if len(values) < _FEWEST or len(distinct) < 4:
        return []
    found = []
    for end, next_ in ((0, 1), (-1, -2)):
        rest = values[values != distinct[end]]
        apart = abs(distinct[end] - distinct[next_]) > (rest.max() - rest.min())
        if counts[end] >= _REPEATS and apart and _is_far(float(distinct[end]), rest, REPEATED_FAR):
            found.append(float(distinct[end]))
    return found


def _is_far(value: float, rest: Values, limit: float) -> bool:
    return bool(measure_distance(np.array([value]), rest)[0] > limit)
