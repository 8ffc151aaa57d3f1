"""Watches work that may be long: says how long it takes, and stops it between two steps at the first Ctrl-C with what is there."""

from __future__ import annotations

import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from chem_vae.errors import MomentaryWarning
from pipeline.workspace.presentation.formatting import format_duration

LONG = 600.0
"""Seconds from which the time that is left is said."""
_EARLY = 0.1
"""The share of the work after which nothing is said any more: whoever has waited so long knows."""
NOTHING_KEPT = "stops at once and keeps nothing of it"


class LongWork:
    """Work of which one can say how long it takes, and whether it shall stop."""

    def __init__(self, what: str, less: str, is_stopped: Callable[[], bool]) -> None:
        """Begin to measure the time.

        Args:
            what: The work in words, behind its number ("molecules are to be looked at").
            less: How to ask for less ("-n or --samples asks for less").
            is_stopped: Whether Ctrl-C was pressed.
        """
        self.what, self.less, self.is_stopped = what, less, is_stopped
        self._started, self._first, self._least = time.monotonic(), 0, 1
        self._said = self._looked = False

    def begin(self, done: int, at_once: int = 1) -> None:
        """Measure the time from now on.

        Args:
            done: How much was done by an earlier process.
            at_once: How much is done at the same time: before so much is done, the pace is not known.
        """
        self._started, self._first, self._least = time.monotonic(), done, at_once

    def look(self, done: int, total: int) -> None:
        """Warn once, early in the work, of the time that it takes where that is long; to be called after each step."""
        new, rest = done - self._first, total - self._first
        if self._said or new < self._least:
            return
        if self._looked and new > _EARLY * rest:
            return
        self._looked = True
        left = (time.monotonic() - self._started) * (total - done) / new
        if left > LONG:
            self._said = True
            text = f"{total:,} {self.what}, which takes about {format_duration(left)}"
            warnings.warn(f"{text}: Ctrl-C stops with what is there; {self.less}", MomentaryWarning, stacklevel=2)


@contextmanager
def watch_long_work(what: str, less: str, again: str = NOTHING_KEPT) -> Iterator[LongWork]:
    """Watch work; within the block the first Ctrl-C is noted, and a second one is a KeyboardInterrupt, as usual.

    Outside of the main thread no Ctrl-C is noted.

    Args:
        what: The work in words, behind its number.
        less: How to ask for less.
        again: What a second Ctrl-C does.
    """
    if threading.current_thread() is not threading.main_thread():
        yield LongWork(what, less, lambda: False)
        return
    pressed = threading.Event()

    def note(number: int, frame: FrameType | None) -> None:
        if pressed.is_set():
            raise KeyboardInterrupt
        pressed.set()
        warnings.warn(
            f"stopping with what is there after this step; Ctrl-C once more {again}", MomentaryWarning, stacklevel=2
        )

    before = signal.signal(signal.SIGINT, note)
    try:
        yield LongWork(what, less, pressed.is_set)
    finally:
        signal.signal(signal.SIGINT, before)
