"""Tells which night a run belongs to: its seed, its name and the library go by this date, not by the clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime

_NIGHT: ContextVar[date | None] = ContextVar("night", default=None)


def find_night() -> date:
    """Return the date that the running work is scheduled for; today, by the machine's clock, where nothing is scheduled."""
    return _NIGHT.get() or datetime.now().astimezone().date()


def make_seed(seed: int | str) -> int:
    """Return a seed as a number: "date" is the number of the night's day, so that a late night keeps its molecules.

    Args:
        seed: A number, or "date".
    """
    return find_night().toordinal() if seed == "date" else int(seed)


@contextmanager
def set_night(night: date | None) -> Iterator[None]:
    """Let the work inside belong to a night; None leaves it to the clock."""
    token = _NIGHT.set(night)
    try:
        yield
    finally:
        _NIGHT.reset(token)
