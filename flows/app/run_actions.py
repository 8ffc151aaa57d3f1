"""Acts on finished runs: compares them, and repeats one every night."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

from nicegui import ui
from tzlocal import get_localzone_name

from chem_vae.errors import ChemVAEError, UserError
from flows.app.context import AppContext
from flows.app.layout import block, fail, frame, heading, primary_button, quiet_button, tell_errors, text
from flows.app.pieces import plain_table, write_cell
from flows.app.rerun import can_run_again
from flows.schedules import check_timezone
from pipeline.workflows.compare_runs import Comparison, compare_runs
from pipeline.workspace.jobs import list_jobs, make_job
from pipeline.workspace.runs import Run, list_runs, read_settings

DAYS = {"*": "every night", "1-5": "Monday to Friday", "1": "Mondays", "6": "Saturdays", "0": "Sundays"}
POOL = "chem-vae"


def register(context: AppContext) -> None:
    """Register the pages that compare runs, and that set up a schedule."""

    @ui.page("/compare")
    async def show_comparison(runs: str = "") -> None:
        with frame("Compare", "/runs"):
            heading("Compare runs")
            try:
                opened = [Run.open(name, context.workspace) for name in runs.split(",") if name]
                made = await asyncio.to_thread(compare_runs, opened)
            except ChemVAEError as error:
                fail(str(error))
            else:
                show_tables(made)
            with ui.element("div").classes("line"):
                quiet_button("All runs", lambda: ui.navigate.to("/runs"))

    @ui.page("/schedule")
    async def show_schedule(run: str = "") -> None:
        with frame("Schedule", "/runs"):
            await ScheduleForm(context, run).show()


def show_tables(made: Comparison) -> None:
    """Show what differs between runs."""
    with block():
        heading("Figures", 2)
        plain_table(("figure", *made.runs), [(name, *map(_write, values)) for name, values in made.figures.items()])
    with block():
        heading("Settings that differ", 2)
        if made.settings:
            plain_table(
                ("setting", *made.runs), [(name, *map(_write, values)) for name, values in made.settings.items()]
            )
        else:
            text("None: the runs had the same settings.", "muted")
    with block():
        heading("Candidates in common", 2)
        rows = [(name, *shared) for name, shared in zip(made.runs, made.shared, strict=True)]
        plain_table(("", *made.runs), [*rows, ("in no run before", *made.new)])


def _write(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else write_cell(value)


class ScheduleForm:
    """Asks which run is to be repeated, and when, and sets it up on the Prefect server."""

    def __init__(self, context: AppContext, run: str) -> None:
        """Take the run that is offered first; the newest one where it is empty."""
        self.context, self.run = context, run

    async def show(self) -> None:
        """Show the form, and what must run so that a schedule fires."""
        heading("Repeat a run on a schedule")
        text("New molecules every night: what was measured or proposed before is not proposed again.", "lede")
        runs = [r.id for r in await asyncio.to_thread(list_runs, self.context.workspace) if can_run_again(r.folder)]
        if not runs:
            with block():
                text("There is no finished run yet whose data are still there. A schedule repeats one.", "muted")
                with ui.element("div").classes("line"):
                    primary_button("Begin with a file", lambda: ui.navigate.to("/"), "arrow_forward")
            return
        with block():
            heading("What and when", 2)
            with ui.element("div").classes("line"):
                self.which = ui.select(runs, value=self.run if self.run in runs else runs[0], label="Run to repeat")
                self.which.props("outlined options-dense").classes("min-w-[260px]")
                self.days = (
                    ui.select(DAYS, value="*", label="Days").props("outlined options-dense").classes("min-w-[180px]")
                )
                self.time = ui.input("Time", value="02:00").props("outlined mask='##:##'").classes("w-28")
                self.zone = ui.input("Time zone", value=get_localzone_name() or "UTC").props("outlined").classes("w-48")
            self.notify = (
                ui.input("Tell this address of failures and hits (a web hook; optional)")
                .props("outlined")
                .classes("w-full")
            )
            with ui.element("div").classes("line"):
                primary_button("Set up the schedule", self.set_up, "schedule")
        with block():
            heading("What must run for it to fire", 2)
            text(
                "A Prefect server and a worker, on this computer or another one that sees the workspace. In a terminal each:",
                "muted",
            )
            text("prefect server start", "log")
            text(f"prefect worker start --pool {POOL} --limit 1", "log")
            text(
                "The app must know the server: start it with PREFECT_API_URL=http://127.0.0.1:4200/api.", "muted small"
            )
        jobs = list_jobs(self.context.workspace, ("deploy",))
        if jobs:
            with block():
                heading("Set up before", 2)
                plain_table(
                    ("schedule", "state", "when"),
                    [
                        (lambda job=job: ui.link(job.name, f"/job/{job.id}"), job.state, str(job.facts.get("goal", "")))
                        for job in jobs[:20]
                    ],
                )

    @tell_errors
    async def set_up(self) -> None:
        """Set the schedule up in a process of its own."""
        cron = make_cron(self.time.value or "", self.days.value)
        zone = check_timezone((self.zone.value or "").strip())
        settings = read_settings(self.context.workspace / "runs" / self.which.value)
        kept = {key: settings[key] for key in ("name", "ingest", "train", "generate") if settings.get(key) is not None}
        kept["generate"] = {**kept.get("generate", {}), "seed": "date"}
        arguments = ["--cron", cron, "--timezone", zone, "--pool", POOL]
        if hook := (self.notify.value or "").strip():
            arguments += ["--notify", hook]
        goal = f"{DAYS[self.days.value]} at {self.time.value} ({zone}), as {self.which.value}"
        job = make_job(self.context.workspace, "deploy", str(kept.get("name", "nightly")), arguments, kept, goal=goal)
        await asyncio.to_thread(job.start)
        ui.navigate.to(f"/job/{job.id}")


def make_cron(time: str, days: str) -> str:
    """Make a cron schedule of a time and days.

    >>> make_cron("02:05", "1-5")
    '5 2 * * 1-5'

    Raises:
        UserError: The time is none.
    """
    found = re.fullmatch(r"([0-9]{1,2}):([0-9]{2})", time.strip())
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        raise UserError(f"{time!r} is no time of the day; write it as 02:00")
    return f"{int(found[2])} {int(found[1])} * * {days}"
