"""The page of one job: how far it is, and what it found."""

from __future__ import annotations

import asyncio

from nicegui import ui

from chem_vae.errors import ChemVAEError
from flows.app.context import AppContext
from flows.app.jobs.job_view import KILLED, show_stages
from flows.app.jobs.rerun import was_stopped
from flows.app.jobs.results import show_results
from flows.app.layout import (
    block,
    fail,
    fold,
    frame,
    heading,
    press_once,
    primary_button,
    quiet_button,
    tell_errors,
    text,
)
from flows.app.pieces import capitalize
from pipeline.workspace.work.jobs import Job, open_job

SCHEDULE = "serve"
"""The command of a job that keeps a schedule."""
SCHEDULE_WORDS = {"running": "on", "stopped": "off", "failed": "failed"}
WAITING = "Waiting for the time of the next run, whose steps will be shown here."
WORDS = {"running": "at work", "finished": "finished", "stopped": "stopped", "failed": "failed"}


def register(context: AppContext) -> None:
    """Register the page of a job."""

    @ui.page("/job/{job_id}")
    async def show(job_id: str) -> None:
        with frame("Run", "/runs"):
            try:
                job = open_job(context.workspace, job_id)
            except ChemVAEError as error:
                heading("There is no such run")
                fail(str(error))
                quiet_button("All runs", lambda: ui.navigate.to("/runs"))
                return
            await JobPage(context, job).show()


class JobPage:
    """Shows a job in its state, and changes with it."""

    def __init__(self, context: AppContext, job: Job) -> None:
        """Take the job; see `show`."""
        self.context, self.job = context, job

    async def show(self) -> None:
        """Show the head of the page, and what belongs to the state of the job."""
        with ui.element("div").classes("between"):
            heading(self.job.name)
            self.chip = text("", "chip")
        if goal := self.job.facts.get("goal"):
            file = self.job.facts.get("file")
            text(f"Goal: {goal}{f', learned from {file}' if file else ''}.", "lede")
        self.place = ui.element("div").style("display: flex; flex-direction: column; gap: 20px")
        await self.fill()

    async def fill(self) -> None:
        """Show what belongs to the state of the job."""
        state = await asyncio.to_thread(lambda: self.job.state)
        words = WORDS
        if self.job.kind == SCHEDULE:
            state, words = ("stopped", SCHEDULE_WORDS) if state == "finished" else (state, SCHEDULE_WORDS)
        self.chip.set_text(words[state])
        self.chip.classes(replace=f"chip {state}")
        self.place.clear()
        with self.place:
            if state == "running":
                self._show_running()
                return
            if state == "finished":
                await self._show_finished()
            else:
                self._show_ended(state)
            self._show_log()

    def _show_running(self) -> None:
        is_schedule = self.job.kind == SCHEDULE
        with block():
            heading("The schedule is on" if is_schedule else "At work", 2)
            waiting = WAITING if is_schedule else "Starting; the first step shows in some seconds …"
            show_stages(self.job, self.fill, waiting, curves=True)
            with ui.element("div").classes("line"):
                self.stopping = quiet_button("Stop", self.stop, "stop")
                if is_schedule:
                    quiet_button("Runs", lambda: ui.navigate.to("/runs"))
            text(
                "It stays on when this page and the app are closed, until it is stopped or the computer is switched off."
                if is_schedule
                else "You can close this page: the work goes on, and the list of runs leads back here. A stopped run can be resumed.",
                "muted small",
            )

    async def _show_finished(self) -> None:
        made = str(self.job.end.get("run", ""))
        if self.job.kind == "deploy":
            with block():
                heading("The schedule is set up", 2)
                text(self.job.read_output() or "It is on the Prefect server now.", "log").props("tabindex=0")
                text(
                    "It fires when the server and a worker run: prefect worker start --pool chem-vae --limit 1", "muted"
                )
            return
        if not made:
            fail("the command has ended without a run; its log tells more")
            return
        if was_stopped(self.context.workspace / "runs" / made):
            self.chip.set_text(WORDS["stopped"])
            self.chip.classes(replace="chip stopped")
        await show_results(self.context, made)
        if upload := self.job.facts.get("upload"):
            with ui.element("div").classes("line"):
                quiet_button("Same file, another goal", lambda: ui.navigate.to(f"/start/{upload}"), "edit")

    def _show_ended(self, state: str) -> None:
        with block():
            if state == "failed":
                heading("It did not work", 2)
                fail(capitalize(self.job.read_error() or f"the process ended with code {self.job.end.get('code')}"))
            else:
                heading("The schedule is off" if self.job.kind == SCHEDULE else "It was stopped", 2)
                text(KILLED if self.job.was_killed else "Nothing is lost: it goes on where it was.", "muted")
            with ui.element("div").classes("line"):
                again = "Turn on" if self.job.kind == SCHEDULE else "Resume"
                label = again if state == "stopped" else "Try again"
                press_once(primary_button(label, icon="play_arrow"), self.resume)
                if upload := self.job.facts.get("upload"):
                    quiet_button("Change what is wanted", lambda: ui.navigate.to(f"/start/{upload}"))

    def _show_log(self) -> None:
        with fold("Log"):
            text(self.job.read_log(20_000) or "nothing", "log").props("tabindex=0")

    @tell_errors
    async def stop(self) -> None:
        """Ask the job to stop; at the second time it is ended at once."""
        again = self.stopping.text != "Stop"
        await asyncio.to_thread(lambda: self.job.stop(at_once=again))
        self.stopping.set_text("Stop now, without waiting for the step")

    async def resume(self) -> None:
        """Go on with the job."""
        await asyncio.to_thread(self.job.start)
        await self.fill()
