"""Shows how far a job is while it works, and tells when it has ended."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any

from nicegui import background_tasks, ui

from flows.app.layout import heading, text
from flows.app.pieces import make_curves, molecule_card
from pipeline.workspace.presentation.formatting import format_duration, format_plain
from pipeline.workspace.progress.found_molecules import FoundMolecule
from pipeline.workspace.progress.progress_file import ProgressReader, StageProgress
from pipeline.workspace.work.jobs import Job

EVERY = 0.7
"""The seconds between two looks at the progress of a job."""


QUIET = 2.0
"""The seconds after which a stage that tells nothing says how long it takes already."""
KILLED = (
    "Its process was ended by the system, often for lack of memory: fewer workers, smaller batches or fewer other programs need less. "
    "Nothing is lost: it goes on where it was."
)
SHOWN = 8
"""The molecules that are shown while a run works."""
STAGES = {
    "choose the model to start from": "choose what to start from",
    "standardize": "check the molecules",
    "split": "divide the data",
    "vocabulary": "learn the symbols",
    "write": "write the data",
    "read": "read the file",
    "replay": "recall what the model knows",
    "train": "learn your molecules",
    "compare predictors": "learn to predict your values",
    "likelihood": "learn what is usual",
    "generate": "search for molecules",
    "optimize": "ask the oracle",
    "predict": "learn to predict properties",
    "nearest training molecules": "compare with your molecules",
    "describe": "describe the molecules",
    "weigh what was found": "choose the most promising",
    "annotate": "check the candidates",
    "report": "write the report",
}
"""The names of stages for a person who has never trained a model; a stage that is not here keeps its own name."""
FIGURES = {
    "recon": "error of spelling a molecule",
    "loss": "error",
    "best ten": "mean score of the best ten so far",
    "best": "best score so far",
}


class StageView:
    """Shows the stages of a job as bars, and the figures of the last one that told some as curves."""

    def __init__(self, job: Job, end: Callable[[], Any], waiting: str, *, curves: bool) -> None:
        """Begin to show.

        Args:
            job: The job.
            end: Called once when the job works no more.
            waiting: The sentence to show before the first stage.
            curves: Whether to show curves.
        """
        self.job, self.end = job, end
        self.reader: ProgressReader = job.follow()
        self.bars: dict[str, tuple[ui.linear_progress, ui.label]] = {}
        with ui.element("div").classes("w-full").props("role=status") as self.place:
            self.waiting = text(waiting, "muted")
        self.shown: list[FoundMolecule] = []
        self.best = ui.element("div").classes("w-full")
        self.chart = ui.echart({}).classes("w-full").style("height: 240px") if curves else None
        if self.chart is not None:
            self.chart.props["aria-label"] = "figures of the training"
            self.chart.set_visibility(False)
        self.timer = ui.timer(EVERY, self._look)

    async def _look(self) -> None:
        changed, state = await asyncio.to_thread(lambda: (self.reader.update(), self.job.state))
        if changed:
            self._show()
        self._tick()
        if state != "running":
            self.timer.deactivate()
            background_tasks.create(self._end())  # which may remove this timer, and all that it works on

    async def _end(self) -> None:
        done = self.end()
        if inspect.isawaitable(done):
            await done

    def _show(self) -> None:
        self.waiting.set_visibility(not self.reader.stages)
        for name, stage in self.reader.stages.items():
            if name not in self.bars:
                with self.place, ui.element("div").classes("stage"):
                    text(STAGES.get(name, name))
                    bar = ui.linear_progress(show_value=False).props("rounded")
                    bar.props["aria-label"] = name
                    self.bars[name] = bar, text("", "tiny muted")
            bar, label = self.bars[name]
            bar.set_value(stage.share)
            label.set_text(describe_stage(stage))
        if self.chart is not None and (drawn := draw_figures(self.reader)) is not None:
            self.chart.options.clear()
            self.chart.options.update(drawn)
            self.chart.set_visibility(True)
            self.chart.update()
        if self.reader.molecules != self.shown:
            self.shown = list(self.reader.molecules)
            self._show_molecules()

    def _tick(self) -> None:
        """Say how long the stage at work takes already where it tells nothing: a person sees that it goes on."""
        if not self.reader.stages:
            return
        at_work = [stage for stage in self.reader.stages.values() if not stage.is_finished]
        if at_work and (stage := max(at_work, key=lambda s: s.last)).name in self.bars:
            quiet = time.time() - stage.last
            told = describe_stage(stage)
            if quiet > QUIET:
                told += f" · at it for {format_duration(time.time() - stage.began)}"
            self.bars[stage.name][1].set_text(told)
            self.waiting.set_visibility(False)
        elif (
            not at_work
            and (quiet := time.time() - max(self.reader.begun, *(s.last for s in self.reader.stages.values()))) > QUIET
        ):
            self.waiting.set_text(f"Preparing the next step · {format_duration(quiet)}")
            self.waiting.set_visibility(True)

    def _show_molecules(self) -> None:
        self.best.clear()
        with self.best:
            heading("The best so far", 3)
            text("By predicted or computed values; not yet checked for alerts.", "muted tiny")
            with ui.element("div").classes("mols small-mols"):
                for molecule in self.shown[:SHOWN]:
                    lines = [f"{name} {format_plain(value)}" for name, value in molecule.values.items()]
                    molecule_card(molecule.smiles, lines)


def show_stages(job: Job, end: Callable[[], Any], waiting: str = "Starting …", *, curves: bool = False) -> StageView:
    """Show the stages of a job as bars until it ends."""
    return StageView(job, end, waiting, curves=curves)


def describe_stage(stage: StageProgress) -> str:
    """Say how far a stage is, and how long the rest takes."""
    if stage.is_finished:
        return "done" if stage.total <= 1 else f"done · {stage.total:,}"
    counted = f"{stage.done:,} of {stage.total:,}"
    left = stage.seconds_left
    return counted if left is None else f"{counted} · {format_duration(left)} left"


def draw_figures(reader: ProgressReader) -> dict[str, Any] | None:
    """Draw the figures of the stage that told some last; None where none did."""
    told = [stage for stage in reader.stages.values() if len(stage.figures) > 1]
    if not told:
        return None
    last = max(told, key=lambda stage: stage.last)
    name = next(iter(last.figures[-1][1]))  # the one that the stage itself names first
    points = [(float(done), figures[name]) for done, figures in last.figures if name in figures]
    return make_curves({FIGURES.get(name, name): points}, f"{STAGES.get(last.name, last.name)}: steps")
