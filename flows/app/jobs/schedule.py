"""The page that repeats a run on a schedule: by the app itself on this computer, or by a Prefect server and worker of a group."""

from __future__ import annotations

import asyncio
import re

from nicegui import ui
from tzlocal import get_localzone_name

from chem_vae.errors import UserError
from flows.app.context import AppContext
from flows.app.jobs.rerun import can_repeat, keep_settings
from flows.app.layout import block, frame, heading, press_once, primary_button, quiet_button, text
from flows.app.pieces import plain_table
from flows.deployment.schedules import check_timezone
from pipeline.workspace.runs import list_runs, read_settings
from pipeline.workspace.work.jobs import list_jobs, make_job

MINUTES = "minutes"
DAYS = {
    "*": "every night",
    "1-5": "Monday to Friday",
    "1": "Mondays",
    "6": "Saturdays",
    "0": "Sundays",
    MINUTES: "every so many minutes",
}
HERE, POOL = "here", "pool"
KEEPERS = {
    HERE: "this computer, while it is on: the app starts all that is needed",
    POOL: "a Prefect server and a worker of our group",
}
"""Who keeps a schedule."""
KINDS = {HERE: "serve", POOL: "deploy"}
"""The commands that set a schedule up, by who keeps it."""
POOL_NAME = "chem-vae"


def register(context: AppContext) -> None:
    """Register the page."""

    @ui.page("/schedule")
    async def show_schedule(run: str = "") -> None:
        with frame("Schedule", "/runs"):
            await ScheduleForm(context, run).show()


class ScheduleForm:
    """Asks which run is to be repeated, when, and by whom."""

    def __init__(self, context: AppContext, run: str) -> None:
        """Take the run that is offered first; the newest one where it is empty."""
        self.context, self.run = context, run

    async def show(self) -> None:
        """Show the form, and the schedules that were set up before."""
        heading("Repeat a run on a schedule")
        text("New molecules every night: what was measured or proposed before is not proposed again.", "lede")
        runs = [r.id for r in await asyncio.to_thread(list_runs, self.context.workspace) if can_repeat(r.folder)]
        if not runs:
            with block():
                text("There is no finished run yet whose data are still there. A schedule repeats one.", "muted")
                with ui.element("div").classes("line"):
                    primary_button("Begin with a file", lambda: ui.navigate.to("/"), "arrow_forward")
        else:
            self._ask(runs)
        self._show_earlier()

    def _ask(self, runs: list[str]) -> None:
        with block():
            heading("What and when", 2)
            with ui.element("div").classes("line"):
                self.which = ui.select(runs, value=self.run if self.run in runs else runs[0], label="Run to repeat")
                self.which.props("outlined options-dense").classes("min-w-[260px]")
                self.days = ui.select(DAYS, value="*", label="Days", on_change=self._choose_days)
                self.days.props("outlined options-dense").classes("min-w-[180px]")
                self.time = ui.input("Time", value="02:00").props("outlined mask='##:##'").classes("w-28")
                self.minutes = ui.number("Minutes from one to the next", value=60, min=1, max=527_040, format="%d")
                self.minutes.props("outlined").classes("w-56").set_visibility(False)
                self.zone = ui.input("Time zone", value=get_localzone_name() or "UTC").props("outlined").classes("w-48")
            self.notify = ui.input("Tell this address of failures and hits (a web hook; optional)")
            self.notify.props("outlined").classes("w-full")
            heading("Who does it?", 3)
            self.keeper = ui.radio(KEEPERS, value=HERE, on_change=self._choose_keeper)
            with ui.element("div").classes("note") as self.needs:
                text("A server and a worker have to run on computers that see the workspace. In a terminal each:")
                text("prefect server start", "log")
                text(f"prefect worker start --pool {POOL_NAME} --limit 1", "log")
                text("The app must know the server: start it with PREFECT_API_URL=http://127.0.0.1:4200/api.")
            self.needs.set_visibility(False)
            with ui.element("div").classes("line"):
                press_once(primary_button("Set up the schedule", icon="schedule"), self.set_up)

    def _choose_days(self) -> None:
        self.minutes.set_visibility(self.days.value == MINUTES)
        self.time.set_visibility(self.days.value != MINUTES)

    def _choose_keeper(self) -> None:
        self.needs.set_visibility(self.keeper.value == POOL)

    def _show_earlier(self) -> None:
        words = {"running": "on", "stopped": "off", "finished": "off"}
        jobs = list_jobs(self.context.workspace, tuple(KINDS.values()))
        rows = [
            (
                lambda job=job: ui.link(job.name, f"/job/{job.id}"),
                words.get(state, state) if job.kind == KINDS[HERE] else state,
                str(job.facts.get("goal", "")),
            )
            for job in jobs[:20]
            for state in [job.state]
        ]
        if rows:
            with block():
                heading("Set up before", 2)
                plain_table(("schedule", "state", "when"), rows)
                quiet_button("All runs", lambda: ui.navigate.to("/runs"))

    async def set_up(self) -> None:
        """Set the schedule up in a process of its own, which also keeps it where this computer does."""
        zone = check_timezone((self.zone.value or "").strip())
        when = make_schedule_options(self.days.value, self.time.value or "", self.minutes.value)
        settings = read_settings(self.context.workspace / "runs" / self.which.value)
        kept = keep_settings(self.context, settings)
        kept["generate"] = {**kept.get("generate", {}), "seed": "date"}
        arguments = [*when, "--timezone", zone, *(["--pool", POOL_NAME] if self.keeper.value == POOL else [])]
        if hook := (self.notify.value or "").strip():
            arguments += ["--notify", hook]
        often = describe_minutes(int(self.minutes.value or 0)) if self.days.value == MINUTES else ""
        goal = f"{often or f'{DAYS[self.days.value]} at {self.time.value} ({zone})'}, as {self.which.value}"
        name = str(kept.get("name", "nightly"))
        job = make_job(self.context.workspace, KINDS[str(self.keeper.value)], name, arguments, kept, goal=goal)
        await asyncio.to_thread(job.start)
        ui.navigate.to(f"/job/{job.id}")


def make_schedule_options(days: str, time: str, minutes: float | None) -> list[str]:
    """Make the options that say when a schedule fires.

    >>> make_schedule_options("1-5", "02:05", None), make_schedule_options(MINUTES, "", 30)
    (['--cron', '5 2 * * 1-5'], ['--interval', '1800'])

    Raises:
        UserError: The time is none, or the minutes are missing.
    """
    if days != MINUTES:
        return ["--cron", make_cron(time, days)]
    if minutes is None or not 1 <= minutes <= 527_040:
        raise UserError("say how many minutes lie between two runs: 1 at least, a year at most")
    return ["--interval", str(round(minutes * 60))]


def describe_minutes(minutes: int) -> str:
    """Say how often something happens.

    >>> describe_minutes(1), describe_minutes(30), describe_minutes(120)
    ('every minute', 'every 30 minutes', 'every 2 hours')
    """
    if minutes % 60 == 0:
        return "every hour" if minutes == 60 else f"every {minutes // 60} hours"
    return "every minute" if minutes == 1 else f"every {minutes} minutes"


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
