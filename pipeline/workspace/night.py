"""Tells which night a run belongs to: its seed, its name and the library go by this date, not by the clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime

_NIGHT: ContextVar[date | None] = ContextVar("night", default=None)
_MINUTE: ContextVar[int | None] = ContextVar("minute", default=None)
MINUTES = 24 * 60
"""The minutes of a day."""


def find_night() -> date:
    """Return the date that the running work is scheduled for; today, by the machine's clock, where nothing is scheduled."""
    return _NIGHT.get() or datetime.now().astimezone().date()


def make_seed(seed: int | str) -> int:
    """Return a seed as a number: "date" is the number of the night's day, so that a late night keeps its molecules.

    Of a schedule that runs several times a day it is the number of the scheduled minute.

    Args:
        seed: A number, or "date".
    """
    if seed != "date":
        return int(seed)
    day, minute = find_night().toordinal(), _MINUTE.get()
    return day if minute is None else day * MINUTES + minute


@contextmanager
def set_night(night: date | None, minute: int | None = None) -> Iterator[None]:
    """Let the work inside belong to a night; None leaves it to the clock.

    Args:
        night: The scheduled date.
        minute: The scheduled minute of that day, or another number for it, of a schedule that runs several times a day.
    """
    tokens = _NIGHT.set(night), _MINUTE.set(minute)
    try:
        yield
    finally:
        _NIGHT.reset(tokens[0])
        _MINUTE.reset(tokens[1])
