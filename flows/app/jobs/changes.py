"""The changes that a run can be made again with: those of a warning, and any other setting that a person adds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from nicegui import ui

from chem_vae.errors import UserError
from flows.app.layout import fold, quiet_button, tell_errors, text
from flows.app.pieces import capitalize
from flows.app.remedies import OPTIONS, Remedy, is_flag
from flows.app.remedy_words import NOUNS, WORDS
from pipeline.config import CampaignConfig
from pipeline.optimization.config import OptimizeConfig
from pipeline.workspace.setting_fields import list_settings

Table = Literal["generate", "optimize"]
"""The table of the settings that says what is wanted."""
TABLES = ("ingest", "train", "generate")
"""The tables of settings that a run of the whole job has."""
ALERTS = Remedy("--without-alerts", "PAINS,BRENK")
_OF_A_SEARCH = set(OptimizeConfig.model_fields) - {"oracle", "oracle_calls", "seeds", "seed"}
_ASKED_FOR_ALREADY = ("--data", "--number", "--calls")
"""Options that have a field of their own, or are no change."""


def can_apply(changes: Sequence[Remedy], table: Table = "generate") -> bool:
    """Whether changes are such as a run can be made again with.

    Args:
        changes: The changes.
        table: The table of the run that says what is wanted.
    """
    return all(_applies(change.name, table) for change in changes)


def _applies(name: str, table: Table) -> bool:
    """Whether an option changes a setting of a run; of the settings of a search those that start no code."""
    first, _, rest = OPTIONS[name].key.partition(".")
    if table == "optimize":
        return first in ("generate", table) and rest.partition(".")[0] in _OF_A_SEARCH
    return first in (*TABLES, "")


def list_choices(table: Table = "generate") -> list[str]:
    """List the options that a run can be changed by, each by its first name; both names of a switch.

    Args:
        table: The table of the run that says what is wanted.
    """
    found = []
    for name, option in OPTIONS.items():
        own = option.names.split()[0]
        is_offered = name == own or name in own.split("/")
        if is_offered and _applies(name, table) and name not in _ASKED_FOR_ALREADY:
            found.append(name)
    return found


class ChangeList:
    """Shows changes as switches, and lets the person add any other one."""

    def __init__(self, offered: Sequence[Remedy], asked: Mapping[str, Any], table: Table = "generate") -> None:
        """Take the changes that are offered; to leave out alerts is among them, unless that was asked for already.

        Args:
            offered: The changes.
            asked: The settings of the run in that table.
            table: The table that says what is wanted.
        """
        is_said = any(change.name == ALERTS.name for change in offered)
        is_so = any(constraint.get("alerts") for constraint in asked.get("constraints") or ())
        self.offered = [*offered, *(() if is_said or is_so else (ALERTS,))]
        self.table: Table = table
        self.switches: dict[Remedy, ui.switch] = {}

    def show(self, ticked: set[Remedy]) -> None:
        """Show them, some ticked already."""
        self.place = ui.element("div").style("display: flex; flex-direction: column; gap: 2px")
        for change in self.offered:
            self._add(change, change in ticked)
        with fold("Another setting"):
            choices = {name: capitalize(_name_option(name)).rstrip(".") for name in list_choices(self.table)}
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
                field = fields.get(option.key.replace("generate.", f"{self.table}.", 1))
                about.set_text(option.help or (field.help if field else ""))
                value.set_visibility(not is_flag(name))
                example = option.example.partition(" --")[0].strip("'\"")  # as the command line quotes it
                value.props["label"] = f"Value, such as {example}" if example else "Value"
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


def _name_option(name: str) -> str:
    return NOUNS.get(name) or WORDS.get(name) or name.removeprefix("--").replace("-", " ")
