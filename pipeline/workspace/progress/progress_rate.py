"""How fast work goes on, and how its figures are written, for every face that shows progress."""

from __future__ import annotations

import time
from collections.abc import Mapping

from pipeline.workspace.presentation.formatting import format_plain


class Rate:
    """Measures how fast a stage goes on."""

    def __init__(self, done: int) -> None:
        self.start, self.first = time.monotonic(), done

    def per_second(self, done: int) -> float:
        """Return how many were done in a second since the start."""
        return (done - self.first) / max(time.monotonic() - self.start, 1e-9)

    def write(self, done: int) -> str:
        """Write the rate; "" before there is one."""
        rate = self.per_second(done)
        return f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.2g}/s" if done > self.first else ""

    def write_time_left(self, done: int, total: int) -> str:
        """Write the time that the rest takes; "" before there is a rate."""
        rate = self.per_second(done)
        return f"{(total - done) / rate:,.0f} s left" if rate > 0 and done < total else ""


def write_figures(figures: Mapping[str, float] | None) -> str:
    """Write figures, each with its name before it."""
    return "  ".join(f"{name} {_write_figure(value)}" for name, value in (figures or {}).items())


def _write_figure(value: float) -> str:
    """Write counts, and numbers as large as these, whole; others with three digits."""
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else format_plain(value)
