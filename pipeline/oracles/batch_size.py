"""How many molecules to hand to an oracle at once, by the time that earlier ones took."""

from __future__ import annotations

from collections.abc import Callable

AT_RISK = 10.0
"""Seconds of work that a kill may lose: a batch whose answers come all at once is given no more."""
GROWTH = 3
"""Such a batch has at most so many times the molecules that were timed before."""


class Pace:
    """What molecules took so far, and how many to ask about next.

    short: whether a batch is to take about AT_RISK seconds, or half of its timeout; it grows from one molecule.
    seconds_left: of the whole run; a batch is not begun with more molecules than they allow.
    """

    def __init__(self, seconds_left: Callable[[], float], *, short: bool, timeout: float | None = None) -> None:
        self.short = short
        self._at_risk = AT_RISK if timeout is None else min(AT_RISK, timeout / 2)
        self._seconds_left = seconds_left
        self._molecules, self._seconds, self._last = 0, 0.0, 0.0

    def timed(self, molecules: int, seconds: float) -> None:
        """Take note of a batch that was answered."""
        self._molecules += molecules
        self._seconds += seconds
        self._last = seconds / molecules

    def over(self) -> bool:
        """Whether no time is left; asked often, so that who keeps the time knows that the run is alive."""
        return self._seconds_left() <= 0

    def size(self, most: int) -> int:
        """Molecules of the next batch, at least 1 and at most so many; the slower of the last batch and of all counts."""
        each = max(self._last, self._seconds / max(1, self._molecules), 1e-9)
        if self.short:
            most = min(most, GROWTH * self._molecules, int(self._at_risk / each))
        if self._molecules and self._seconds_left() < most * each:
            most = int(self._seconds_left() / each)
        return max(1, most)
