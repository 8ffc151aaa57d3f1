"""Runs a finished run again with changes: those of a form, and those that a warning names as its remedy."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nicegui import ui

from chem_vae.atomic_files import read_json
from chem_vae.config import MOST_SEED
from chem_vae.errors import UserError
from flows.app.context import AppContext, check_settings
from flows.app.goal_words import make_run_name
from flows.app.jobs.changes import TABLES, ChangeList, Table
from flows.app.layout import heading, press_once, primary_button, quiet_button, read_number, text
from flows.app.remedies import Remedy, apply_remedies
from pipeline.optimization.config import STOPPED
from pipeline.workspace.registry import list_datasets
from pipeline.workspace.remote.redaction import HIDDEN
from pipeline.workspace.runs import read_settings, select_overall
from pipeline.workspace.work.jobs import Job, list_jobs, make_job

TITLE = "Run again with changes"


def can_repeat(folder: Path) -> bool:
    """Whether a run of the whole job can be made again: its settings name data that are still there."""
    settings = read_settings(folder)
    source = str((settings.get("ingest") or {}).get("source") or "")
    is_campaign = bool(settings.get("generate")) and not settings.get("optimize") and not settings.get("screen")
    path = Path(source).expanduser()  # a job works in a folder of its own, from where another file would be meant
    return is_campaign and (source in list_datasets() or (path.is_absolute() and path.is_file()))


def find_table(context: AppContext, folder: Path) -> Table | None:
    """Return the table of a run's settings that says what is wanted, where it can be made again; None where it cannot.

    Reads all jobs of the workspace where a function of the user was asked.

    Args:
        context: What all pages share.
        folder: The folder of the run.
    """
    settings = read_settings(folder)
    asked = settings.get("optimize") or settings.get("generate") or {}
    if not (folder / "manifest.json").is_file() or HIDDEN in json.dumps(asked):  # a secret is not written down
        return None
    if can_repeat(folder):
        return "generate"
    oracle = (settings.get("optimize") or {}).get("oracle") or {}
    is_lost = bool(oracle) and not oracle.get("property") and _find_code(context.workspace, folder) is None
    return "optimize" if settings.get("optimize") and not is_lost else None


def open_rerun(context: AppContext, folder: Path, table: Table, changes: Sequence[Remedy] = ()) -> None:
    """Ask what is to be different, and start the run again.

    Args:
        context: What all pages share.
        folder: The folder of the run.
        table: What `find_table` returns of it.
        changes: Changes that are ticked already, as a warning names them.
    """
    (_open_search if table == "optimize" else _open_campaign)(context, folder, changes)


def _open_campaign(context: AppContext, folder: Path, changes: Sequence[Remedy]) -> None:
    """Ask what is to be different in a run of the whole job."""
    settings = read_settings(folder)
    asked = settings.get("generate") or {}
    with _dialog() as dialog:
        text("The data and what was wanted stay as they are. What is already learned is used again.", "muted small")
        number = _ask_number("Molecules", asked.get("n", 100), 1, 10_000)
        seed = _ask_seed(asked)
        name = _ask_name(str(settings.get("name", "run")))
        chosen = ChangeList(changes, asked)
        chosen.show(set(changes))

        async def start() -> None:
            changed = {"n": read_number(number), "seed": read_number(seed)}
            whole = {**settings, "name": make_run_name(name.value), "generate": {**asked, **changed}}
            whole = apply_remedies(whole, chosen.list_ticked())
            job = await start_run(context, whole, f"as {folder.name}, with changes")
            ui.navigate.to(f"/job/{job.id}")

        _show_end(dialog, start)


def _open_search(context: AppContext, folder: Path, changes: Sequence[Remedy]) -> None:
    """Ask what is to be different in a search with an oracle."""
    settings = read_settings(folder)
    asked = {"usual_size": False, **settings["optimize"]}  # as a version without limits on the size searched
    before = count_calls_of(folder)
    with _dialog() as dialog:
        text("The oracle and what was wanted stay as they are.", "muted small")
        usual = asked.get("oracle_calls", 1000)
        left = max(10, usual - before) if was_stopped(folder) else usual
        calls = _ask_number("Times the oracle is asked", left, 10, 100_000)
        goes_on = ui.switch(f"go on from this run: none of its {before:,} answers is asked for again", value=True)
        number = _ask_number("Molecules", asked.get("n", 100), 1, 1000)
        seed = _ask_seed(asked)
        seed.bind_visibility_from(goes_on, "value", value=False)
        name = _ask_name(find_free_name(context.workspace, str(settings.get("name", "optimize"))))
        if (asked.get("oracle") or {}).get("function"):
            text("Your function is run on this computer again, with your rights.", "muted small")
        chosen = ChangeList(changes, asked, "optimize")
        chosen.show(set(changes))

        async def start() -> None:
            changed = {"n": read_number(number), "oracle_calls": read_number(calls) + (before if goes_on.value else 0)}
            if not goes_on.value:
                changed["seed"] = read_number(seed)
            whole = {"name": make_run_name(name.value), "optimize": {**asked, **changed}}
            whole = apply_remedies(whole, chosen.list_ticked(), "optimize")
            job = await start_search(context, folder, whole, goes_on=bool(goes_on.value))
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


def _ask_number(label: str, value: int, least: int, most: int) -> ui.number:
    """Ask for a whole number; one that is larger than usual already may stay."""
    field = ui.number(label, value=value, min=least, max=max(most, value), format="%d")
    return field.props("outlined").classes("w-full")


def _ask_seed(asked: dict[str, Any]) -> ui.number:
    first = asked.get("seed", 0)
    value = (first + 1) % MOST_SEED if isinstance(first, int) else 0
    return _ask_number("Seed: another one gives other molecules", value, 0, MOST_SEED)


def _ask_name(name: str) -> ui.input:
    return ui.input("Name of the run", value=name).props("outlined maxlength=60").classes("w-full")


def _show_end(dialog: ui.dialog, start: Callable[[], Any]) -> None:
    with ui.element("div").classes("line"):
        press_once(primary_button("Start the run", icon="play_arrow"), start)
        quiet_button("Cancel", dialog.close)


def count_calls_of(folder: Path) -> int:
    """Count the calls of the oracle that a finished search paid for; 0 where its manifest does not tell."""
    try:
        return int(read_json(folder / "manifest.json")["counts"]["asked"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def was_stopped(folder: Path) -> bool:
    """Whether a person stopped a finished search before its end, as its manifest tells."""
    try:
        return str(read_json(folder / "manifest.json")["ended"]).startswith(STOPPED)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def find_free_name(workspace: Path, name: str) -> str:
    """Find a name that no job has: an unfinished search of the same name would be gone on with.

    Args:
        workspace: The folder with the jobs.
        name: The name of the earlier run, which gets a number.
    """
    taken = {job.name for job in list_jobs(workspace, ("optimize",))} | {name}
    stem = re.sub(r"-\d+$", "", name)
    return next(free for number in itertools.count(2) if (free := f"{stem}-{number}") not in taken)


def _find_code(workspace: Path, folder: Path) -> Path | None:
    """Find the folder of the file with the function that a search asked, as its job names it; None where it is not known or gone."""
    function = str(((read_settings(folder).get("optimize") or {}).get("oracle") or {}).get("function") or "")
    jobs = (job for job in list_jobs(workspace, ("optimize",)) if job.end.get("run") == folder.name)
    job = next(jobs, None) if function else None
    beside = Path(str(job.facts["folder"])) if job and job.facts.get("folder") else None
    return beside if beside and (beside / f"{function.partition(':')[0]}.py").is_file() else None


async def start_run(context: AppContext, settings: dict[str, Any], goal: str) -> Job:
    """Start a run with whole settings as a job.

    Raises:
        UserError: The settings are wrong.
    """
    kept = check_settings(keep_settings(context, settings))
    job = make_job(context.workspace, "run", str(kept["name"]), _name_library(context), kept, goal=goal)
    await asyncio.to_thread(job.start)
    return job


async def start_search(context: AppContext, folder: Path, settings: dict[str, Any], *, goes_on: bool) -> Job:
    """Start a search like an earlier one as a job, with the model of that one.

    Args:
        context: What all pages share.
        folder: The folder of the earlier run.
        settings: The settings of the new one.
        goes_on: Whether the calls of the earlier one are known from the start, and count; otherwise the search begins anew.

    Raises:
        UserError: The settings are wrong.
    """
    kept = check_settings({**settings, **_keep_overall(context, read_settings(folder))})
    code = await asyncio.to_thread(_find_code, context.workspace, folder)
    arguments = ["--continue" if goes_on else "--model", folder.name, *_name_library(context)]
    facts = {"goal": f"as {folder.name}, with changes", **({"folder": str(code)} if code else {})}
    job = make_job(context.workspace, "optimize", str(kept["name"]), arguments, kept, **facts)
    await asyncio.to_thread(job.start)
    return job


def keep_settings(context: AppContext, settings: dict[str, Any]) -> dict[str, Any]:
    """Keep what a finished run of the whole job was told, for one that is made like it; the app's own library goes before.

    Raises:
        UserError: A place was kept without the secret in its address.
    """
    tables = {key: settings[key] for key in ("name", *TABLES) if settings.get(key) is not None}
    return {**tables, **_keep_overall(context, settings)}


def _keep_overall(context: AppContext, settings: dict[str, Any]) -> dict[str, Any]:
    own = {"library": context.library} if context.library else {}
    kept = {**select_overall(settings), **own}
    if lost := [name for name, value in kept.items() if HIDDEN in str(value)]:
        raise UserError(
            f"the run was written without the secret in the address of its setting {lost[0]}; write it as the name of an "
            "environment variable, and run it once more"
        )
    return kept


def _name_library(context: AppContext) -> list[str]:
    return ["--library", context.library] if context.library else []
