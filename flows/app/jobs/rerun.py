"""Runs a finished run again with changes: those of a form, and those that a warning names as its remedy."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nicegui import ui

from chem_vae.errors import UserError
from flows.app.context import AppContext
from flows.app.goal_words import make_run_name
from flows.app.layout import fold, heading, primary_button, quiet_button, tell_errors, text
from flows.app.pieces import capitalize
from flows.app.remedies import OPTIONS, Remedy, apply_remedies, is_flag
from flows.app.remedy_words import NOUNS, WORDS
from pipeline.config import CampaignConfig
from pipeline.workspace.runs import read_settings
from pipeline.workspace.setting_fields import list_settings
from pipeline.workspace.work.jobs import Job, make_job

ALERTS = Remedy("--without-alerts", "PAINS,BRENK")
TABLES = ("ingest", "train", "generate")
"""The tables of settings that a run of the whole job has."""


def can_run_again(folder: Path) -> bool:
    """Whether a run can be made again with changes: its settings name data that are still there."""
    settings = read_settings(folder)
    source = str((settings.get("ingest") or {}).get("source") or "")
    is_campaign = bool(settings.get("generate")) and not settings.get("optimize") and not settings.get("screen")
    return is_campaign and bool(source) and (Path(source).expanduser().is_file() or "/" not in source)


def can_apply(changes: Sequence[Remedy]) -> bool:
    """Whether changes are such as a run can be made again with."""
    return all(OPTIONS[change.name].key.partition(".")[0] in (*TABLES, "") for change in changes)


def open_rerun(context: AppContext, folder: Path, changes: Sequence[Remedy] = ()) -> None:
    """Ask what is to be different, and start the run again.

    Args:
        context: What all pages share.
        folder: The folder of the run.
        changes: Changes that are ticked already, as a warning names them.
    """
    settings = read_settings(folder)
    asked = settings.get("generate") or {}
    with ui.dialog() as dialog, ui.card().classes("panel").style("width: min(560px, 92vw); max-width: none"):
        heading("Run again with changes", 2)
        text("The data and what was wanted stay as they are. What is already learned is used again.", "muted small")
        number = (
            ui.number("Molecules", value=asked.get("n", 100), min=1, max=10_000, format="%d")
            .props("outlined")
            .classes("w-full")
        )
        first = asked.get("seed", 0)
        seed = ui.number(
            "Seed: another one gives other molecules",
            value=first + 1 if isinstance(first, int) else 0,
            min=0,
            format="%d",
        )
        seed.props("outlined").classes("w-full")
        name = (
            ui.input("Name of the run", value=str(settings.get("name", "run")))
            .props("outlined maxlength=60")
            .classes("w-full")
        )
        chosen = ChangeList(changes if any(change.name == ALERTS.name for change in changes) else (*changes, ALERTS))
        chosen.show(set(changes))

        @tell_errors
        async def start() -> None:
            changed = {"n": int(number.value or 1), "seed": int(seed.value or 0)}
            whole = {**settings, "name": make_run_name(name.value), "generate": {**asked, **changed}}
            whole = apply_remedies(whole, chosen.list_ticked())
            job = await start_run(context, whole, f"as {folder.name}, with changes")
            ui.navigate.to(f"/job/{job.id}")

        with ui.element("div").classes("line"):
            primary_button("Start the run", start, "play_arrow")
            quiet_button("Cancel", dialog.close)
    dialog.props["aria-label"] = "Run again with changes"
    dialog.open()


class ChangeList:
    """Shows changes as switches, and lets the person add any other one."""

    def __init__(self, offered: Sequence[Remedy]) -> None:
        """Take the changes that are offered."""
        self.offered = list(offered)
        self.switches: dict[Remedy, ui.switch] = {}

    def show(self, ticked: set[Remedy]) -> None:
        """Show them, some ticked already."""
        self.place = ui.element("div").style("display: flex; flex-direction: column; gap: 2px")
        for change in self.offered:
            self._add(change, change in ticked)
        with fold("Another setting"):
            choices = {name: capitalize(_name_option(name)).rstrip(".") for name in list_choices()}
            fields = list_settings(CampaignConfig)
            which = ui.select(dict(sorted(choices.items(), key=lambda pair: pair[1])), label="Setting", with_input=True)
            which.props("outlined options-dense").classes("w-full")
            about = text("", "muted small")
            value = ui.input("Value").props("outlined").classes("w-full")
            value.set_visibility(False)

            def choose() -> None:
                name = str(which.value or "")
                option = OPTIONS.get(name)
                if option is None:
                    return
                field = fields.get(option.key)
                about.set_text(option.help or (field.help if field else ""))
                value.set_visibility(not is_flag(name))
                value.props["label"] = f"Value, such as {option.example}" if option.example else "Value"
                value.update()

            @tell_errors
            def add() -> None:
                if not which.value:
                    raise UserError("choose a setting first")
                change = Remedy(str(which.value), "" if is_flag(str(which.value)) else (value.value or "").strip())
                change.read()  # which says what is wrong with it
                self._add(change, True)
                value.set_value("")

            which.on_value_change(choose)
            with ui.element("div").classes("line"):
                quiet_button("Add", add, "add")

    def _add(self, change: Remedy, ticked: bool) -> None:
        if change in self.switches:
            self.switches[change].set_value(True)
            return
        with self.place:
            self.switches[change] = ui.switch(change.label, value=ticked)

    def list_ticked(self) -> list[Remedy]:
        """List the changes that are ticked."""
        return [change for change, switch in self.switches.items() if switch.value]


def list_choices() -> list[str]:
    """List the options that a run can be changed by, each by its first name; both names of a switch."""
    found = []
    for name, option in OPTIONS.items():
        own = option.names.split()[0]
        is_offered = name == own or name in own.split("/")
        if is_offered and option.key.partition(".")[0] in (*TABLES, "") and name not in ("--data", "--number"):
            found.append(name)
    return found


def _name_option(name: str) -> str:
    return NOUNS.get(name) or WORDS.get(name) or name.removeprefix("--").replace("-", " ")


async def start_run(context: AppContext, settings: dict[str, Any], goal: str) -> Job:
    """Start a run with whole settings as a job.

    Raises:
        UserError: The settings are wrong.
    """
    kept = {key: settings[key] for key in ("name", *TABLES) if settings.get(key) is not None}
    try:
        CampaignConfig.model_validate(kept)
    except ValueError as error:
        raise UserError(f"the settings of the run cannot be used again: {error}") from None
    arguments = ["--library", context.library] if context.library else []
    job = make_job(context.workspace, "run", str(kept["name"]), arguments, kept, goal=goal)
    await asyncio.to_thread(job.start)
    return job
