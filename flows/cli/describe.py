"""Describes all commands and their options for programs, such as the one that writes the reference."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import typer

from flows.cli.command import complete


@dataclass(frozen=True)
class OptionDescription:
    """One option or argument of a command."""

    names: tuple[str, ...]
    """As in `--number` and `-n`; empty for an argument."""
    metavar: str
    """What stands for the value; empty for a switch."""
    help: str
    key: str
    """The setting of the TOML file that the option sets; empty where it sets none."""
    default: str
    panel: str
    """The heading under which the help shows it."""
    required: bool
    repeatable: bool


@dataclass(frozen=True)
class CommandDescription:
    """One command of `chem-vae`."""

    name: str
    """Without `chem-vae`, as in `explore map`."""
    help: str
    """Paragraphs, with examples that begin with `chem-vae`."""
    options: tuple[OptionDescription, ...]


def list_commands() -> list[CommandDescription]:
    """Describe every command of the command line, in the order in which --help lists them."""
    return [
        CommandDescription(name, remove_markup(command.help), tuple(map(_describe, command.params)))
        for name, command in walk_commands()
    ]


def walk_commands() -> Iterator[tuple[str, Any]]:
    """Yield the name of each command, as in `explore map`, and its click command with all options."""
    from flows.cli.main import app  # here: main imports the modules of all commands

    def walk(found: Any, name: str) -> Iterator[tuple[str, Any]]:
        if hasattr(found, "commands"):
            for below, part in found.commands.items():
                yield from walk(part, f"{name} {below}".strip())
        else:
            yield name, complete(found)

    yield from walk(typer.main.get_command(app), "")


def _describe(parameter: Any) -> OptionDescription:
    text, _, setting = (getattr(parameter, "help", None) or "").partition(" [dim]\\[")
    key, _, default = setting.removesuffix("][/dim]").partition(" = ")
    if not key and parameter.default is not None and not callable(parameter.default):
        default = str(parameter.default)
    switch = bool(getattr(parameter, "is_flag", False))
    return OptionDescription(
        names=tuple(name for name in parameter.opts if name.startswith("-")),
        metavar="" if switch else str(parameter.metavar or parameter.name.upper()),
        help=remove_markup(text),
        key=key,
        default="" if switch else default,
        panel=getattr(parameter, "rich_help_panel", None) or "",
        required=bool(parameter.required),
        repeatable=bool(getattr(parameter, "multiple", False)) or parameter.nargs == -1,
    )


def remove_markup(text: str | None) -> str:
    """The text without rich's markup."""
    return re.sub(r"\[/?dim\]", "", text or "").replace("\\[", "[").strip()
