"""Makes commands whose options come from the models of the configuration."""

from __future__ import annotations

import contextlib
import functools
import inspect
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_args

import typer
import typer.core

from flows.cli.given import Given, name_parameter
from flows.cli.json_output import write_answer
from flows.cli.options import HOW, SHARED
from flows.cli.setting_option import SettingOption
from pipeline.benchmark.config import BenchmarkSettings
from pipeline.workspace.places import make_variables_absolute
from pipeline.workspace.work.interrupts import keep_interrupts

if TYPE_CHECKING:
    from pipeline.workspace.setting_fields import SettingField

F = TypeVar("F", bound=Callable[..., None])
METAVARS = {int: "INT", float: "NUMBER", str: "NAME", Path: "FILE"}


class CommandGroup(typer.core.TyperGroup):
    """Loads a command's options when the command is called or asked for help, not for the list of commands."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        return name, complete(command), rest


def new_group(help: str | None = None, *, completion: bool = False) -> typer.Typer:
    """Make a group of commands with the settings that all groups share; `completion` adds the options that set up a shell's."""
    return typer.Typer(
        cls=CommandGroup,
        help=help,
        add_completion=completion,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["--help", "-h"]},
    )


def command(
    group: typer.Typer, *options: SettingOption, name: str | None = None, json: bool = True, serves: bool = False
) -> Callable[[F], F]:
    """Make a function a command of a group.

    The parameter `given` of the function takes what the options of settings say. Another parameter is an option (with a default)
    or an argument (without), with the help that the section Args of the docstring gives it; one that is not described there takes
    the option of its name in `flows.cli.options.SHARED`; one whose annotation describes it is as typer takes it.

    Args:
        group: The group, from `new_group`.
        options: The options of settings.
        name: The command's name; the function's when not given.
        json: Whether it has a result, which it gives to `flows.cli.json_output.answer`; then it takes --json.
        serves: Whether it serves until Ctrl-C, in a loop that takes the signal itself, and starts processes in other folders.
    """

    def register(function: F) -> F:
        def stub() -> None:
            """Stands in the list of commands."""

        stub.__doc__, _ = _split_docstring(function)
        stub.complete = functools.cache(lambda: _build(function, options, json, serves))  # type: ignore[attr-defined]
        group.command(name or function.__name__)(stub)
        return function

    return register


def complete(found: Any) -> Any:
    """Give a command all its options; a group, or a command that was not made by `command`, stays as it is."""
    build = getattr(getattr(found, "callback", None), "complete", None)
    if build is None:
        return found
    full = build()
    full.name = found.name
    return full


def _build(function: Callable[..., None], options: tuple[SettingOption, ...], json: bool, serves: bool) -> Any:
    """Return the click command of a function."""
    declared = inspect.signature(function, eval_str=True).parameters
    _, texts = _split_docstring(function)
    own = {
        name: _describe_parameter(parameter, texts)
        for name, parameter in ({"debug": _DEBUG} | ({"json_": _JSON} if json else {}) | {**declared}).items()
        if name != "given"
    }
    fields = _fields_of(options)
    settings = [_make_parameter(option, fields.get(option.key)) for option in options]

    @functools.wraps(function)
    def call(**values: Any) -> None:
        asked = {name: values[name] for name in own if name in declared}
        if "given" in declared:
            asked["given"] = Given(options, values)
        if serves:
            make_variables_absolute()  # for its jobs and runs
        with (
            contextlib.nullcontext() if serves else keep_interrupts(),
            write_answer(function.__name__) if values.get("json_") else contextlib.nullcontext(),
        ):
            function(**asked)

    own |= {name: own.pop(name) for name in ("json_", "debug") if name in own}  # the last ones
    last = [
        p for p in own.values() if any(getattr(info, "rich_help_panel", None) == HOW for info in get_args(p.annotation))
    ]
    parameters = [*(p for p in own.values() if p not in last), *settings, *last]
    call.__doc__, _ = _split_docstring(function)
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {p.name: p.annotation for p in parameters}
    app = new_group()
    app.command()(call)
    return typer.main.get_command(app)


_DEBUG = inspect.Parameter("debug", inspect.Parameter.KEYWORD_ONLY, annotation=bool)
"""Every command takes --debug, which `flows.cli.main.main` reads."""
_JSON = inspect.Parameter("json_", inspect.Parameter.KEYWORD_ONLY, annotation=bool)
"""Every command with a result takes --json."""


def _describe_parameter(parameter: inspect.Parameter, texts: Mapping[str, str]) -> inspect.Parameter:
    """Return a command's own parameter as typer takes it: as it is described, as the docstring says, or the shared one of its name."""
    name, annotation, default = parameter.name, parameter.annotation, parameter.default
    if name in texts and default is parameter.empty:
        annotation = Annotated[annotation, typer.Argument(metavar=name.upper(), help=texts[name])]
    elif name in texts:
        kinds = (annotation, *get_args(annotation))
        metavar = next((word for kind, word in METAVARS.items() if kind in kinds), None)
        flag = f"-{name}" if len(name) == 1 else f"--{name.rstrip('_').replace('_', '-')}"
        annotation = Annotated[annotation, typer.Option(flag, metavar=metavar, help=texts[name])]
    elif not hasattr(annotation, "__metadata__"):
        annotation, usual = SHARED[name]
        default = usual if default is parameter.empty else default
    default = parameter.empty if default is ... else default
    return parameter.replace(annotation=annotation, default=default, kind=inspect.Parameter.KEYWORD_ONLY)


def _split_docstring(function: Callable[..., None]) -> tuple[str, dict[str, str]]:
    """Return a command's help, and the help of its own options by parameter, from the section Args of the docstring."""
    text, _, section = inspect.cleandoc(function.__doc__ or "").partition("\nArgs:\n")
    found = re.findall(r"^    (\w+): (.*(?:\n     +.*)*)", section, re.MULTILINE)
    text = re.sub(r"(?<!\n)\n(?!\n)", " ", text.strip())  # the terminal breaks the lines
    return text, {name: " ".join(help.split()).replace("[", "\\[") for name, help in found}


def _make_parameter(option: SettingOption, field: SettingField | None) -> inspect.Parameter:
    """Return the parameter that typer makes an option of."""
    kinds = (str,) if field is None else field.kinds
    kind: Any = list[str] if option.many else next((k for k in kinds if k in (int, float)), str)
    if not option.many and bool in kinds and ("/" in option.name or set(kinds) == {bool}):
        kind = bool
    choices = [str(k) for k in kinds if not isinstance(k, type)] if kind is str else []
    info = typer.Option(
        *option.names.split(),
        metavar=option.metavar or "|".join(choices) or METAVARS.get(kind),
        help=explain_option(option, field),
        rich_help_panel=option.panel,
        show_default=False,
    )
    return inspect.Parameter(
        name_parameter(option), inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, info]
    )


def explain_option(option: SettingOption, field: SettingField | None) -> str:
    """Return the help text of an option: what it sets, an example, and the key of the file with its default."""
    text = (option.help or (field.help if field else "")).rstrip(".") + "."
    if option.example:
        text += f" Example: {option.names.split()[-1 if option.names[-2] == '-' else 0]} {option.example}."
    text = (text + " Repeatable." * option.many).replace("[", "\\[")
    if field is None:
        return text
    default = "" if field.default in (None, (), {}) or "*" in field.key else f" = {_as_toml(field.default)}"
    return f"{text} \\[{field.key}{default}]"


def _as_toml(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _fields_of(options: tuple[SettingOption, ...]) -> dict[str, SettingField]:
    """Return the fields behind options by their key, from as few models as hold them."""
    from pipeline.workspace.setting_fields import list_settings  # here: loads pydantic

    found: dict[str, SettingField] = {}
    tables = {option.key.partition(".")[0] for option in options if option.key}
    if "tune" in tables:
        from pipeline.training.config import TuneConfig  # here: loads pydantic

        found |= list_settings(TuneConfig, "tune.")
    if "benchmark" in tables:
        found |= list_settings(BenchmarkSettings, "benchmark.")
    if tables - {"tune", "benchmark"}:
        from pipeline.config import CampaignConfig  # here: loads pydantic

        found |= list_settings(CampaignConfig)
    return found
