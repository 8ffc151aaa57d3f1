"""How long an optimization has taken, its time before a kill included."""

from __future__ import annotations

import contextlib
import json
import math
import time
from pathlib import Path

from chem_vae import atomic_files

KEPT = 1.0  # seconds between two writes


class Clock:
    """Seconds at work, kept in a file that appears whole; a run that goes on counts on from it.

    What passes while no process runs is not counted. minutes: that the work may take; without end when None. A file that
    cannot be read counts as none, and one that cannot be written is left to the log to complain of.
    """

    def __init__(self, path: Path, minutes: float | None) -> None:
        self._path = path
        self._most = math.inf if minutes is None else 60.0 * minutes
        self._started = self._kept = time.monotonic()
        self._before = 0.0
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            self._before = max(0.0, float(json.loads(path.read_text(encoding="utf-8"))["seconds"]))

    def left(self) -> float:
        """Seconds left, infinite where there is no end; keeps what has passed, in whichever thread."""
        now = time.monotonic()
        passed = self._before + now - self._started
        if now - self._kept > KEPT:
            self._kept = now
            with contextlib.suppress(OSError):
                atomic_files.write_json(self._path, {"seconds": round(passed, 3)})
        return self._most - passed

    def end(self) -> None:
        """Forget it all, at a run's own end: who goes on from there begins another."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

    def over(self) -> bool:
        """Whether the time is over."""
        return self.left() <= 0
