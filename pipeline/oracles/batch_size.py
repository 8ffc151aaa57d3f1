"""The number of molecules to hand to an oracle at once, from the time that earlier ones took."""

from __future__ import annotations

import math

SECONDS_AT_RISK = 10.0
"""Seconds of work that a kill may lose: a batch whose answers come all at once is given no more."""
GROWTH = 3
"""Such a batch has at most so many times the molecules that were timed before."""


class BatchSize:
    """Chooses the size of the next batch.

    Args:
        most: Molecules at most.
        short: Whether a batch is to take about `SECONDS_AT_RISK`; its size then grows from one molecule.
        timeout: Seconds after which the oracle stops a batch; a short one is to take at most half of them.
    """

    def __init__(self, most: int, *, short: bool, timeout: float | None = None) -> None:
        self.most, self.short = most, short
        self._at_risk = min(SECONDS_AT_RISK, (timeout or math.inf) / 2)
        self._molecules, self._seconds, self._last = 0, 0.0, 0.0

    def add_time(self, molecules: int, seconds: float) -> None:
        """Take note of a batch that was answered."""
        self._molecules += molecules
        self._seconds += seconds
        self._last = seconds / molecules

    def choose(self, seconds_left: float) -> int:
        """Return the molecules of the next batch, at least 1; the slower of the last batch and of all so far counts."""
        each = max(self._last, self._seconds / max(1, self._molecules), 1e-9)
        most = self.most
        if self.short:
            most = min(most, GROWTH * self._molecules, int(self._at_risk / each))
        if self._molecules and seconds_left < most * each:
            most = int(seconds_left / each)
        return max(1, most)
