"""The page of runs: what was done, how it ended, and what can be done with it."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from nicegui import ui

from flows.app.context import AppContext
from flows.app.jobs.results import show_results
from flows.app.layout import block, frame, heading, primary_button, quiet_button, say_empty, text
from flows.app.pieces import plain_table
from flows.app.remedies import say
from pipeline.workflows.records.failed_run import FAILED
from pipeline.workflows.records.summarize_runs import FAILURES, RunSummary, summarize_runs
from pipeline.workspace.presentation.formatting import count_things, format_duration
from pipeline.workspace.work.jobs import Job, list_jobs


@dataclass(frozen=True)
class Line:
    """A run or a job as a line of the list."""

    id: str
    address: str
    state: str
    begun: str
    about: str
    figures: str
    is_run: bool = True


def register(context: AppContext) -> None:
    """Register the list of runs, and the page of one."""

    @ui.page("/runs")
    async def show_runs() -> None:
        with frame("Runs", "/runs"):
            lines = await asyncio.to_thread(collect_lines, context.workspace)
            with ui.element("div").classes("between"):
                heading("Runs")
                if lines:
                    primary_button("New run", lambda: ui.navigate.to("/"), "add")
            if not lines:
                say_empty("No run yet", "A run begins with a table of molecules.", "Begin with a file", "/")
                return
            with block():
                show_lines(lines)

    @ui.page("/run/{run_id}")
    async def show_run(run_id: str) -> None:
        with frame(run_id, "/runs"):
            heading(run_id)
            await show_results(context, run_id)
            with ui.element("div").classes("line"):
                quiet_button("All runs", lambda: ui.navigate.to("/runs"))


def show_lines(lines: list[Line]) -> None:
    """Show the list, with a box for each finished run by which two or more are compared."""
    chosen: dict[str, bool] = {}

    def compare() -> None:
        names = [line.id for line in reversed(lines) if chosen.get(line.id)]
        if len(names) < 2:
            ui.notify("Tick two runs or more to compare them.", position="top")
        else:
            ui.navigate.to(f"/compare?runs={','.join(map(quote, names))}")

    def tick(line: Line) -> None:
        if line.state == "finished" and line.is_run:
            box = ui.checkbox(on_change=lambda e: chosen.update({line.id: bool(e.value)})).props("dense")
            box.props["aria-label"] = f"compare {line.id}"

    rows = [
        (
            lambda line=line: tick(line),
            lambda line=line: _show_name(line),
            lambda line=line: text(line.state, f"chip {'running' if line.state == 'at work' else line.state}"),
            line.begun,
            line.about,
            line.figures,
        )
        for line in lines
    ]
    plain_table(("", "run", "state", "begun (UTC)", "what was wanted", "result"), rows)
    with ui.element("div").classes("line"):
        if sum(line.state == "finished" for line in lines) > 1:
            quiet_button("Compare those ticked", compare, "compare_arrows")
        quiet_button("Repeat one every night", lambda: ui.navigate.to("/schedule"), "schedule")


def _show_name(line: Line) -> None:
    if line.address:
        ui.link(line.id, line.address, new_tab=line.address.startswith("/files/"))
    else:
        text(line.id)


def collect_lines(workspace: Path) -> list[Line]:
    """Collect the runs, also those that failed in the night, and the jobs that made none (yet), the newest first."""
    jobs = list_jobs(workspace, ("run", "optimize", "generate"))
    made = {str(job.end.get("run")): job for job in jobs if job.end.get("run")}
    lines = []
    for found in summarize_runs(workspace):
        has_page = found.state in FAILURES or (workspace / "runs" / found.id).is_dir()
        job = made.get(found.id) if has_page else _find_job(found, jobs)
        if has_page or job is None or job.state != "running":  # the line of a job at work stands for its unfinished run
            lines.append(_describe_run(found, job, has_page))
    lines += [_describe_job(job) for job in jobs if not job.end.get("run")]
    return sorted(lines, key=lambda line: line.begun, reverse=True)


def _find_job(found: RunSummary, jobs: list[Job]) -> Job | None:
    """Find the last job whose unfinished run a folder is, which has the name of the run and a hash."""
    kinds = ("optimize",) if found.kind == "optimization" else ("run", "generate")
    name = _spell(found.id.rpartition("-")[0])
    return next((j for j in jobs if j.kind in kinds and _spell(j.name) == name and not j.end.get("run")), None)


def _spell(name: str) -> str:
    """Spell the name of a run as the folder of what is unfinished of it does."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")


def _describe_run(found: RunSummary, job: Job | None, has_page: bool) -> Line:
    figures = [f"{count_things(found.candidates, 'candidate')}"] if found.candidates is not None else []
    if found.hits is not None:
        figures.append(f"{found.hits:,} of {found.hits_of:,} within the goal")
    if found.seconds is not None:
        figures.append(format_duration(found.seconds))
    address = f"/job/{job.id}" if job else f"/run/{found.id}" if has_page else ""
    if found.state in FAILURES:
        address = f"/files/{FAILED}/{found.id}/report.html"
    return Line(
        found.id, address, found.state, _write_time(found.started), found.wanted or say(found.why), ", ".join(figures)
    )


def _describe_job(job: Job) -> Line:
    why = say(job.read_error()) if job.state == "failed" else ""
    state = "at work" if job.state == "running" else job.state
    return Line(
        job.name, f"/job/{job.id}", state, _write_time(job.facts["created"]), str(job.facts.get("goal", job.kind)), why
    )


def _write_time(text: str | None) -> str:
    return (text or "")[:16].replace("T", " ")
