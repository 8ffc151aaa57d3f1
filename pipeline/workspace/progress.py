"""Shows progress: bars with rate and time left on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from chem_vae.progress import Progress
from pipeline.workspace.formatting import format_plain
from pipeline.workspace.run_log import write_time


@contextmanager
def show_progress() -> Iterator[Progress]:
    """Yield a listener that shows progress on standard error.

    Yields:
        A listener that draws bars on a terminal; elsewhere it writes a line with the time at the start of a stage, every ten
        seconds, and at the end.
    """
    if not sys.stderr.isatty():
        yield _LineProgress()
        return
    from rich.console import Console  # here: loads rich
    from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    wide = console.width >= 110
    columns = [
        TextColumn("{task.description}"),
        BarColumn(bar_width=24 if wide else 10),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(compact=True),
        TextColumn("left [dim]{task.fields[figures]}" if wide else "left"),
    ]
    bars = Bars(*columns, console=console)
    tasks: dict[str, tuple[TaskID, _Rate]] = {}

    def show(stage: str, done: int, total: int, figures: Mapping[str, float] | None = None) -> None:
        if stage not in tasks:
            tasks[stage] = (bars.add_task(stage, total=total, rate="", figures=""), _Rate(done))
        task, rate = tasks[stage]
        bars.update(task, completed=done, total=total, rate=rate.write(done), figures=_write_figures(figures))

    with bars:
        yield show


class _LineProgress:
    """Writes progress as log lines."""

    def __init__(self, every: float = 10.0) -> None:
        self.every = every
        self.stages: dict[str, _Rate] = {}
        self.last: dict[str, float] = {}

    def __call__(self, stage: str, done: int, total: int, figures: Mapping[str, float] | None = None) -> None:
        now = time.monotonic()
        rate = self.stages.setdefault(stage, _Rate(done))
        finished = done >= total and self.last.get(stage, 0.0) != float("inf")
        if stage in self.last and not finished and now - self.last[stage] < self.every:
            return
        self.last[stage] = float("inf") if done >= total else now
        parts = [
            f"{stage}: {done:,}/{total:,}",
            rate.write(done),
            rate.write_time_left(done, total),
            _write_figures(figures),
        ]
        print(write_time(), "  ".join(p for p in parts if p), file=sys.stderr, flush=True)


class _Rate:
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


def _write_figures(figures: Mapping[str, float] | None) -> str:
    return "  ".join(f"{name} {_write_figure(value)}" for name, value in (figures or {}).items())


def _write_figure(value: float) -> str:
    """Write counts, and numbers as large as these, whole; others with three digits."""
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else format_plain(value)
