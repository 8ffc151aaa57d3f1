"""Measures how long an optimization has worked, the time before a kill included."""

from __future__ import annotations

import contextlib
import json
import math
import time
from pathlib import Path

from chem_vae import atomic_files

_WRITE_AFTER = 1.0  # seconds between two writes of the file


class Clock:
    """Measures the seconds at work in a file, so that a search that goes on counts on.

    The time while no process runs is not counted. A file that cannot be read counts as no time, and one that cannot be
    written is passed over.
    """

    def __init__(self, path: Path, minutes: float | None) -> None:
        """Start to measure; `minutes` is the time that the work may take, None for no limit."""
        self._path = path
        self._limit = math.inf if minutes is None else 60.0 * minutes
        self._started = self._written = time.monotonic()
        self._before = 0.0
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            self._before = max(0.0, float(json.loads(path.read_text(encoding="utf-8"))["seconds"]))

    def seconds_left(self) -> float:
        """Return the seconds left, infinite without a limit, and write down what has passed; from any thread."""
        now = time.monotonic()
        passed = self._before + now - self._started
        if now - self._written > _WRITE_AFTER:
            self._written = now
            with contextlib.suppress(OSError):
                atomic_files.write_json(self._path, {"seconds": round(passed, 3)})
        return self._limit - passed

    def is_over(self) -> bool:
        """Say whether the time is over."""
        return self.seconds_left() <= 0

    def forget(self) -> None:
        """Remove the file: the next search in this folder measures anew."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
