"""Whose failure it is, the molecule's or the oracle's: what waits for the oracle to answer again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pipeline.oracles.base import clip
from pipeline.oracles.retries import Failure

DEAD_BATCHES, DEAD_MOLECULES = 3, 10
"""So many batches in a row, of so many molecules, without any answer, and the oracle seems to be down."""
NUMBERLESS = 100
"""So many calls in a row without a number, and the budget is not spent on more of them; a tenth of it at the start."""


class Doubt(NamedTuple):
    """A failure that is not charged yet."""

    failure: Failure
    seconds: float
    round: int


class Doubts:
    """Failures that are held back until the oracle has answered anything since, and the signs that it is down.

    Then those that were asked about alone are the molecules' own, and the others are asked about again. It locks nothing.
    """

    def __init__(self) -> None:
        self.answers = 0
        self._held: dict[str, Doubt] = {}
        self._numberless = self._last_number = self._dead_batches = 0

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, key: str) -> bool:
        return key in self._held

    def reason(self, key: str | None = None) -> str:
        """Why a molecule is held back, or the one that came last."""
        return self._held[next(reversed(self._held)) if key is None else key].failure.reason

    def settled(self, failed: Mapping[str, Failure], answered: bool, seconds: float, round: int) -> None:
        """Take note of a batch: what failed, and whether any molecule was answered."""
        for key, failure in failed.items():
            self._held[key] = Doubt(failure._replace(reason=clip(failure.reason)), seconds, round)
        if answered:
            self._dead_batches = 0
        elif failed:  # else the time was over before it could answer
            self._dead_batches += 1

    def answered(self) -> None:
        """The oracle answered a molecule whose answer was known."""
        self.answers += 1
        self._dead_batches = 0

    def entered(self, key: str, number: bool) -> int:
        """Let go of a molecule whose call is in the log now; calls in a row without a number."""
        doubt = self._held.pop(key, None)
        if number:
            self._numberless, self._last_number = 0, self.answers
        elif doubt is None or doubt.failure.after >= self._last_number:  # else it failed before that number came
            self._numberless += 1
        return self._numberless

    def of_molecules(self) -> list[tuple[str, Doubt]]:
        """Failures that are the molecules' own."""
        return [(key, d) for key, d in self._held.items() if d.failure.alone and d.failure.after < self.answers]

    def to_ask_again(self) -> list[str]:
        """Let go of the molecules that failed in company only, and the oracle has answered since."""
        again = [key for key, d in self._held.items() if not d.failure.alone and d.failure.after < self.answers]
        for key in again:
            del self._held[key]
        return again

    def grave(self) -> bool:
        """Whether the oracle seems to be down."""
        return self._dead_batches >= DEAD_BATCHES and self.many()

    def many(self) -> bool:
        """Whether as much is held back as an outage leaves."""
        return len(self._held) >= DEAD_MOLECULES

    def forget(self) -> None:
        """Begin anew: what was held back may be asked about again."""
        self._held.clear()
        self._dead_batches = self._numberless = 0
