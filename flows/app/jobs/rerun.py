"""Runs a finished run again with changes: those of a form, and those that a warning names as its remedy."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nicegui import ui

from chem_vae.errors import UserError
from flows.app.context import AppContext
from flows.app.goal_words import make_run_name
from flows.app.jobs.changes import TABLES, ChangeList, Table
from flows.app.layout import heading, primary_button, quiet_button, tell_errors, text
from flows.app.remedies import Remedy, apply_remedies
from pipeline.config import CampaignConfig
from pipeline.workspace.presentation.csv_tables import read_csv_rows
from pipeline.workspace.runs import read_settings
from pipeline.workspace.work.jobs import Job, list_jobs, make_job

BEST = 50
"""The best molecules of a search that the next one can begin with."""
TITLE = "Run again with changes"


def can_repeat(folder: Path) -> bool:
    """Whether a run of the whole job can be made again: its settings name data that are still there."""
    settings = read_settings(folder)
    source = str((settings.get("ingest") or {}).get("source") or "")
    is_campaign = bool(settings.get("generate")) and not settings.get("optimize") and not settings.get("screen")
    return is_campaign and bool(source) and (Path(source).expanduser().is_file() or "/" not in source)


def find_table(context: AppContext, folder: Path) -> Table | None:
    """Return the table of a run's settings that says what is wanted, where it can be made again; None where it cannot.

    Args:
        context: What all pages share.
        folder: The folder of the run.
    """
    if not (folder / "manifest.json").is_file():
        return None
    if can_repeat(folder):
        return "generate"
    asked = read_settings(folder).get("optimize")
    oracle = (asked or {}).get("oracle") or {}
    is_lost = oracle.get("program") or (oracle.get("function") and _find_code(context.workspace, folder) is None)
    return "optimize" if asked and not is_lost else None


def open_rerun(context: AppContext, folder: Path, changes: Sequence[Remedy] = ()) -> None:
    """Ask what is to be different, and start the run again.

    Args:
        context: What all pages share.
        folder: The folder of the run.
        changes: Changes that are ticked already, as a warning names them.
    """
    (_open_search if find_table(context, folder) == "optimize" else _open_campaign)(context, folder, changes)


def _open_campaign(context: AppContext, folder: Path, changes: Sequence[Remedy]) -> None:
    """Ask what is to be different in a run of the whole job."""
    settings = read_settings(folder)
    asked = settings.get("generate") or {}
    with _dialog() as dialog:
        text("The data and what was wanted stay as they are. What is already learned is used again.", "muted small")
        number, seed, name = _ask_basics(asked, str(settings.get("name", "run")), most=10_000)
        chosen = ChangeList(changes)
        chosen.show(set(changes))

        async def start() -> None:
            changed = {"n": int(number.value or 1), "seed": int(seed.value or 0)}
            whole = {**settings, "name": make_run_name(name.value), "generate": {**asked, **changed}}
            whole = apply_remedies(whole, chosen.list_ticked())
            job = await start_run(context, whole, f"as {folder.name}, with changes")
            ui.navigate.to(f"/job/{job.id}")

        _show_end(dialog, start)


def _open_search(context: AppContext, folder: Path, changes: Sequence[Remedy]) -> None:
    """Ask what is to be different in a search with an oracle."""
    settings = read_settings(folder)
    asked = settings.get("optimize") or {}
    with _dialog() as dialog:
        text("The oracle and what was wanted stay as they are.", "muted small")
        calls = ui.number(
            "Times the oracle is asked", value=asked.get("oracle_calls", 1000), min=10, max=100_000, format="%d"
        )
        calls.props("outlined").classes("w-full")
        number, seed, name = _ask_basics(asked, str(settings.get("name", "optimize")), most=1000)
        goes_on = ui.switch(f"begin with the best molecules of this run, {BEST} at most", value=True)
        chosen = ChangeList(changes, "optimize")
        chosen.show(set(changes))

        async def start() -> None:
            numbers = {"n": number, "seed": seed, "oracle_calls": calls}
            changed: dict[str, Any] = {key: int(field.value or 0) for key, field in numbers.items()}
            if goes_on.value:
                changed["seeds"] = await asyncio.to_thread(_list_best, folder)
            whole = {"name": make_run_name(name.value), "optimize": {**asked, **changed}}
            whole = apply_remedies(whole, chosen.list_ticked(), "optimize")
            job = await start_search(context, folder, whole)
            ui.navigate.to(f"/job/{job.id}")

        _show_end(dialog, start)


@contextmanager
def _dialog() -> Iterator[ui.dialog]:
    """Show what is made within it as a dialog."""
    with ui.dialog() as dialog, ui.card().classes("panel").style("width: min(560px, 92vw); max-width: none"):
        heading(TITLE, 2)
        yield dialog
    dialog.props["aria-label"] = TITLE
    dialog.open()


def _ask_basics(asked: dict[str, Any], name: str, most: int) -> tuple[ui.number, ui.number, ui.input]:
    """Ask for the number of molecules, at most so many, the seed and the name."""
    number = ui.number("Molecules", value=asked.get("n", 100), min=1, max=most, format="%d")
    first = asked.get("seed", 0)
    seed = ui.number(
        "Seed: another one gives other molecules",
        value=first + 1 if isinstance(first, int) else 0,
        min=0,
        format="%d",
    )
    named = ui.input("Name of the run", value=name).props("maxlength=60")
    for field in (number, seed, named):
        field.props("outlined").classes("w-full")
    return number, seed, named


def _show_end(dialog: ui.dialog, start: Callable[[], Any]) -> None:
    with ui.element("div").classes("line"):
        primary_button("Start the run", tell_errors(start), "play_arrow")
        quiet_button("Cancel", dialog.close)


def _list_best(folder: Path) -> list[str]:
    """List the SMILES of a run's best candidates."""
    return [row["smiles"] for row, _ in zip(read_csv_rows(folder / "candidates.csv"), range(BEST), strict=False)]


def _find_job(workspace: Path, folder: Path) -> Job | None:
    """Find the job that made a search."""
    return next((job for job in list_jobs(workspace, ("optimize",)) if job.end.get("run") == folder.name), None)


def _find_code(workspace: Path, folder: Path) -> Path | None:
    """Find the folder of the file with the function that a search asked; None where it is not known or gone."""
    job = _find_job(workspace, folder)
    function = str(((read_settings(folder).get("optimize") or {}).get("oracle") or {}).get("function") or "")
    beside = Path(str(job.facts["folder"])) if job and job.facts.get("folder") else None
    return beside if beside and (beside / f"{function.partition(':')[0]}.py").is_file() else None


async def start_run(context: AppContext, settings: dict[str, Any], goal: str) -> Job:
    """Start a run with whole settings as a job.

    Raises:
        UserError: The settings are wrong.
    """
    kept = _check({key: settings[key] for key in ("name", *TABLES) if settings.get(key) is not None})
    job = make_job(context.workspace, "run", str(kept["name"]), _name_library(context), kept, goal=goal)
    await asyncio.to_thread(job.start)
    return job


async def start_search(context: AppContext, folder: Path, settings: dict[str, Any]) -> Job:
    """Start a search like an earlier one as a job, with the model of that one.

    Args:
        context: What all pages share.
        folder: The folder of the earlier run.
        settings: The settings of the new one.

    Raises:
        UserError: The settings are wrong.
    """
    kept = _check(settings)
    before, code = _find_job(context.workspace, folder), _find_code(context.workspace, folder)
    arguments = (
        list(before.facts["arguments"]) if before else ["--model", folder.name, *_name_library(context)]
    )  # of a run at the command line the folder has its model
    facts = {"goal": f"as {folder.name}, with changes", **({"folder": str(code)} if code else {})}
    job = make_job(context.workspace, "optimize", str(kept["name"]), arguments, kept, **facts)
    await asyncio.to_thread(job.start)
    return job


def _check(settings: dict[str, Any]) -> dict[str, Any]:
    try:
        CampaignConfig.model_validate(settings)
    except ValueError as error:
        raise UserError(f"the settings of the run cannot be used again: {error}") from None
    return settings


def _name_library(context: AppContext) -> list[str]:
    return ["--library", context.library] if context.library else []
