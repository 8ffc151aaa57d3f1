"""Stops long work between two steps at the first Ctrl-C, so that what is there is kept; a second one stops it at once."""

from __future__ import annotations

import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from chem_vae.errors import ChemVAEWarning

STOPPING = "stopping with what is there after this step; Ctrl-C once more stops at once and keeps nothing of it"


@contextmanager
def defer_interrupt() -> Iterator[Callable[[], bool]]:
    """Yield a function that says whether Ctrl-C was pressed; outside of the main thread it is never said.

    The second Ctrl-C is a KeyboardInterrupt, as usual.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    pressed = threading.Event()

    def note(number: int, frame: FrameType | None) -> None:
        if pressed.is_set():
            raise KeyboardInterrupt
        pressed.set()
        warnings.warn(STOPPING, ChemVAEWarning, stacklevel=2)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield pressed.is_set
    finally:
        signal.signal(signal.SIGINT, before)
