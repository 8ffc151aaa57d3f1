"""Shows progress: bars with rate and time left on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from chem_vae.progress import Progress, silent
from pipeline.workspace.progress.found_molecules import hear_molecules
from pipeline.workspace.progress.notebook_progress import NotebookProgress, is_notebook
from pipeline.workspace.progress.progress_file import FileProgress, find_progress_file
from pipeline.workspace.progress.progress_rate import Rate, write_figures
from pipeline.workspace.run_log import write_time


@contextmanager
def follow(progress: Progress | None, quiet: bool = False) -> Iterator[Progress]:
    """Yield the listener that was given; where there is none, one that shows progress, or none that does where it should be quiet."""
    if progress is not None or quiet:
        yield progress or silent
        return
    with show_progress() as shown:
        yield shown


@contextmanager
def show_progress() -> Iterator[Progress]:
    """Yield a listener that shows progress on standard error.

    Yields:
        A listener that draws bars on a terminal and in a notebook; elsewhere it writes a line with the time at the start of a stage, every ten
        seconds, and at the end. Where CHEM_VAE_PROGRESS_FILE names a file, each step is added to it too.
    """
    if is_notebook():
        yield NotebookProgress()
        return
    if (path := find_progress_file()) is not None:
        yield from _follow_in_file(path)
        return
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
    tasks: dict[str, tuple[TaskID, Rate]] = {}

    def show(stage: str, done: int, total: int, figures: Mapping[str, float] | None = None) -> None:
        if stage not in tasks:
            tasks[stage] = (bars.add_task(stage, total=total, rate="", figures=""), Rate(done))
        task, rate = tasks[stage]
        bars.update(task, completed=done, total=total, rate=rate.write(done), figures=write_figures(figures))

    with bars:
        yield show


def _follow_in_file(path: Path) -> Iterator[Progress]:
    """Yield a listener that adds progress to a file, and writes it as log lines."""
    file, lines = FileProgress(path), _LineProgress()

    def listen(stage: str, done: int, total: int, figures: Mapping[str, float] | None = None) -> None:
        file(stage, done, total, figures)
        lines(stage, done, total, figures)

    try:
        with hear_molecules(file.show_molecules):
            yield listen
    finally:
        file.close()


class _LineProgress:
    """Writes progress as log lines."""

    def __init__(self, every: float = 10.0) -> None:
        self.every = every
        self.stages: dict[str, Rate] = {}
        self.last: dict[str, float] = {}

    def __call__(self, stage: str, done: int, total: int, figures: Mapping[str, float] | None = None) -> None:
        now = time.monotonic()
        rate = self.stages.setdefault(stage, Rate(done))
        finished = done >= total and self.last.get(stage, 0.0) != float("inf")
        if stage in self.last and not finished and now - self.last[stage] < self.every:
            return
        self.last[stage] = float("inf") if done >= total else now
        parts = [
            f"{stage}: {done:,}/{total:,}",
            rate.write(done),
            rate.write_time_left(done, total),
            write_figures(figures),
        ]
        print(write_time(), "  ".join(p for p in parts if p), file=sys.stderr, flush=True)
