"""Trying again: a batch as a whole, then its parts, so that one bad molecule costs itself alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

from pipeline.oracles.base import OracleError


class Failure(NamedTuple):
    """A molecule that was asked about in vain."""

    reason: str
    after: int
    """Answers that had come by then: with one more the oracle is not down."""
    alone: bool
    """Whether it was asked about by itself; else it may have failed for the others of its batch."""


class Asking(Protocol):
    """The side of the ledger that a batch is settled with."""

    def ask(self, keys: list[str]) -> OracleError | None:
        """Ask once; answers are kept as they come. What ended it early, if anything did."""

    def unanswered(self, keys: list[str]) -> list[str]:
        """Those of them that have no answer yet."""

    def answered(self) -> int:
        """Answers so far, to any batch."""

    def stopped(self) -> bool:
        """Whether to leave off."""


def settle(
    keys: list[str], asking: Asking, *, retries: int, pause: float, sleep: Callable[[float], None] = time.sleep
) -> dict[str, Failure]:
    """Ask about a batch until each molecule is answered or known to fail; those that fail, and why.

    The whole batch is tried 1 + retries times, `pause` seconds after the first failure, twice that after the next. Then the
    molecules left are halved until those to blame stand alone. Where not one of the batch was answered, three are asked
    alone first, and when they fail too it seems to be the oracle that fails: all of the batch do, the others not alone.
    """
    left, error = keys, None
    for attempt in range(1 + retries):
        if attempt:
            sleep(pause * 2 ** (attempt - 1))
        error = asking.ask(left)
        left = asking.unanswered(left)
        if not left or asking.stopped():
            return {}
    assert error is not None
    failed: dict[str, Failure] = {}
    if len(keys) == 1:
        return {keys[0]: Failure(str(error), asking.answered(), alone=True)}
    if len(left) == len(keys):
        for key in dict.fromkeys((left[0], left[len(left) // 2], left[-1])):
            why = asking.ask([key])
            if why is not None and asking.unanswered([key]):
                failed[key] = Failure(str(why), asking.answered(), alone=True)
            if asking.stopped():
                return {}
        left = asking.unanswered(left)
        if len(left) == len(keys):
            return dict.fromkeys(left, Failure(str(error), asking.answered(), alone=False)) | failed
        left = [key for key in left if key not in failed]
    return failed | _halve(left, asking)


def _halve(keys: list[str], asking: Asking) -> dict[str, Failure]:
    failed: dict[str, Failure] = {}
    parts = [part for part in (keys[len(keys) // 2 :], keys[: len(keys) // 2]) if part]
    in_vain, most = 0, 2 * len(keys).bit_length() + 2
    while parts and not asking.stopped():
        part = parts.pop()
        error = asking.ask(part)
        left = asking.unanswered(part)
        in_vain = in_vain + 1 if len(left) == len(part) else 0
        if not left:
            continue
        if in_vain > most:  # it has failed altogether meanwhile
            failure = Failure(str(error), asking.answered(), alone=False)
            return failed | dict.fromkeys((key for rest in (left, *parts) for key in rest), failure)
        if len(part) == 1:
            failed[part[0]] = Failure(str(error), asking.answered(), alone=True)
        elif len(left) == 1:
            parts.append(left)  # once more, alone: in company it may only have come too late
        else:
            parts += [left[len(left) // 2 :], left[: len(left) // 2]]
    return failed if not asking.stopped() else {}
