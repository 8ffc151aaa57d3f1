"""Make the pages that follow the code, for MkDocs: command line, configuration, Python API, drawing, notebooks.

MkDocs calls the functions `on_config` and `on_files` of this file (mkdocs.yml, `hooks`). Nothing that it makes is kept in
the repository, so that no page can be older than the code.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import itertools
import json
import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from pydantic import BaseModel
from pydantic.fields import FieldInfo

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

import draw_architecture  # noqa: E402 (lies beside this file)
import draw_unusual  # noqa: E402

MISSING = "–"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add the pages of the modules and of the notebooks to the navigation."""
    for section in config.nav or ():
        if "Reference" in section:
            section["Reference"].append(
                {"Modules": [{room: f"reference/modules/{room}.md"} for room in list_modules()]}
            )
        if "Tutorial" in section:
            section["Tutorial"] += [f"notebooks/{path.stem}.md" for path in list_notebooks()]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages and the files of other folders to the site."""
    pages = {
        "changelog.md": (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"),
        "architecture.svg": draw_architecture.draw(*draw_architecture.count_imports()),
        "unusual.svg": draw_unusual.draw(),
        "reference/cli.md": write_command_line(),
        "reference/configuration.md": write_configuration(),
        "reference/python.md": write_public_names(),
    }
    pages |= {f"reference/modules/{room}.md": write_modules(room, names) for room, names in list_modules().items()}
    pages |= {f"notebooks/{path.stem}.md": write_notebook(path) for path in list_notebooks()}
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    benchmarks = ROOT / "benchmarks"
    for path in [*benchmarks.glob("*.md"), *benchmarks.glob("figures/*.png"), benchmarks / "demo-report.png"]:
        name = path.relative_to(ROOT).as_posix()
        files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


# -- modules -------------------------------------------------------------------------------------------------------


def list_modules() -> dict[str, list[str]]:
    """Return the names of the modules of each room, the rooms in the order of the walk of a molecule from the top down."""
    found: dict[str, list[str]] = {}
    for package in ("flows", "pipeline", "chem_vae"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if path.stem.startswith("__"):
                continue
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            room = name.rpartition(".")[0]
            found.setdefault(room, []).append(name)
    return found


def write_modules(room: str, names: list[str]) -> str:
    """Return the page of one room: the reference of each of its modules."""
    return f"# {room}\n\n" + "\n\n".join(f"::: {name}" for name in names) + "\n"


def write_public_names() -> str:
    """Return the page of what `import pipeline as mg` offers."""
    pipeline = importlib.import_module("pipeline")
    lines = [
        "# Python API",
        "",
        "These names are stable. Import them with `import pipeline as mg`; each is loaded at its first use.",
        "",
    ]
    for name in sorted(pipeline.__all__, key=str.casefold):
        value = getattr(importlib.import_module(pipeline._MODULE_OF[name]), name)
        lines += [f"::: {value.__module__}.{value.__qualname__}", "    options:", "      heading_level: 2"]
        lines += [
            f'      heading: "mg.{name}"',
            "      show_root_heading: true",
            "      show_root_full_path: false",
            "",
        ]
    return "\n".join(lines)


# -- command line --------------------------------------------------------------------------------------------------


def write_command_line() -> str:
    """Return the page of all commands and options, from the program itself."""
    lines = [
        "# Command line",
        "",
        "This page is made from the program. `chem-vae COMMAND --help` says the same in the terminal.",
        "",
        "Standard output carries results, standard error the log. The exit code is 0 for success, 1 for a run that failed, "
        "and 2 for a mistake in what was asked.",
        "",
    ]
    for name, command in list_commands():
        lines += [f"## chem-vae {name}", "", *_write_help(command), ""]
        panels: dict[str, list[str]] = {}
        for parameter in command.params:
            if not getattr(parameter, "hidden", False):
                panel = getattr(parameter, "rich_help_panel", None) or "Options"
                panels.setdefault(panel, []).append(_write_parameter(parameter))
        for panel, rows in panels.items():
            lines += [f"**{panel}**", "", "| option | value | what it does |", "|---|---|---|", *rows, ""]
    return "\n".join(lines)


def list_commands() -> Iterator[tuple[str, Any]]:
    """Yield the name and the command object of each command, those of groups as "group command"."""
    from flows.cli.main import walk_commands

    yield from walk_commands()


def _write_help(command: Any) -> Iterator[str]:
    """Yield the help text of a command, its examples as code."""
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        text = " ".join(paragraph.replace("\b", "").split())
        yield from (["```text", text, "```", ""] if text.startswith("chem-vae ") else [escape(text), ""])


def _write_parameter(parameter: Any) -> str:
    """Return one row of the table of options."""
    is_argument = not any(option.startswith("-") for option in parameter.opts)
    names = (
        [parameter.metavar or parameter.name.upper()] if is_argument else [*parameter.opts, *parameter.secondary_opts]
    )
    value = "" if is_argument or getattr(parameter, "is_flag", False) else str(parameter.metavar or "")
    text = escape((getattr(parameter, "help", None) or "").replace("\\[", "["))
    if parameter.required:
        text += " **Required.**"
    default = parameter.default
    if isinstance(default, str | int | float | Path) and not isinstance(default, bool) and default != "":
        text += f" Default: `{default}`."
    if getattr(parameter, "envvar", None):
        text += f" Environment variable: `{parameter.envvar}`."
    spelled = ", ".join(f"`{name}`" for name in names)
    return f"| {spelled} | {f'`{value}`' if value else ''} | {text} |"


def escape(text: str) -> str:
    """Return a text whose brackets, stars, underscores and bars are no markup, outside of code between backticks.

    >>> escape("[a|b] of `x|y`")
    '&#91;a&#124;b&#93; of `x|y`'
    """
    marks = str.maketrans({c: f"&#{ord(c)};" for c in "<>[]*_|"})
    parts = re.split(r"(`[^`]*`)", " ".join(text.split()))
    return "".join(part if part.startswith("`") else part.translate(marks) for part in parts)


# -- configuration -------------------------------------------------------------------------------------------------


def write_configuration() -> str:
    """Return the page of every key of the configuration file, from the pydantic models."""
    from pipeline.config import CampaignConfig

    lines = [
        "# Configuration",
        "",
        "This page is made from the models that check the configuration. A TOML file has one table for each step. "
        "On the command line, `--config FILE` reads such a file, an option changes one key, and "
        "`--set train.model.latent_size=128` sets any key by its dotted name. An unknown key is an error that names the "
        "nearest valid key and its line.",
        "",
    ]
    for table, model in list_tables(CampaignConfig):
        lines += [f"## {f'`[{table}]`' if table else 'Top level'}", "", escape(_first_paragraph(model)), ""]
        rows = [_write_key(*row) for row in list_keys(model) if _table_of(row[1]) is None]
        lines += ["| key | type | default | what it does |", "|---|---|---|---|", *rows, ""] if rows else []
    return "\n".join(lines)


def list_tables(model: type, name: str = "") -> Iterator[tuple[str, type]]:
    """Yield each table of a configuration with its model, the outer table first."""
    yield name, model
    for key, annotation, _, _ in list_keys(model):
        if (inner := _table_of(annotation)) is not None:
            many = "" if inner[1] is None else inner[1]
            yield from list_tables(inner[0], f"{name}.{key}{many}" if name else f"{key}{many}")


def list_keys(model: type) -> Iterator[tuple[str, Any, Any, str]]:
    """Yield key, type, default and description of each field of a pydantic model or a dataclass."""
    documented = _field_docstrings(model)
    hints = get_type_hints(model)
    if isinstance(model, type) and issubclass(model, BaseModel):
        for key, field in model.model_fields.items():
            yield key, field.annotation, _default_of(field), field.description or documented.get(key, "")
    else:
        for item in dataclasses.fields(model):
            description = str(item.metadata.get("description", "")) or documented.get(item.name, "")
            yield item.name, hints[item.name], item.default, description


def _default_of(field: FieldInfo) -> Any:
    return field.get_default(call_default_factory=True) if not field.is_required() else ...


def _table_of(annotation: Any) -> tuple[type, str | None] | None:
    """Return the model of a (perhaps optional or repeated) table, and how its name goes on; None where it is no table."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and (issubclass(annotation, BaseModel) or dataclasses.is_dataclass(annotation)):
        return annotation, None
    if origin is dict and (table := _table_of(inner[1])):
        return table[0], ".NAME"
    if origin in (tuple, list) and inner and (table := _table_of(inner[0])):
        return table[0], "[]"
    if origin in (Union, types.UnionType):
        return next((table for part in inner if (table := _table_of(part))), None)
    return None


def _write_key(key: str, annotation: Any, default: Any, description: str) -> str:
    """Return one row of the table of keys."""
    shown = MISSING if default is None or default is ... else f"`{to_toml(default)}`"
    return f"| `{key}` | {escape(describe_type(annotation))} | {shown} | {escape(description)} |"


def to_toml(value: Any) -> str:
    """Return a default as TOML spells it.

    >>> to_toml(True), to_toml(("a", "b")), to_toml(0.5)
    ('true', '["a", "b"]', '0.5')
    """
    if isinstance(value, dict) and not value:
        return "{}"
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False, default=str)


def describe_type(annotation: Any) -> str:
    """Return a type in words.

    >>> describe_type(int | None), describe_type(tuple[str, ...]), describe_type(Literal["a", "b"])
    ('whole number', 'list of text', '"a" or "b"')
    """
    names = {str: "text", int: "whole number", float: "number", bool: "true or false", Path: "path"}
    origin, inner = get_origin(annotation), get_args(annotation)
    if annotation in names:
        return names[annotation]
    if origin is Literal:
        return " or ".join(json.dumps(value) for value in inner)
    if origin in (Union, types.UnionType):
        return " or ".join(describe_type(part) for part in inner if part is not type(None))
    if origin is not None and hasattr(annotation, "__metadata__"):
        return describe_type(inner[0])
    if origin in (tuple, list):
        return "list of " + describe_type(inner[0]) if len(set(inner) - {...}) == 1 else f"list of {len(inner)} values"
    if origin is dict:
        return "table"
    return getattr(annotation, "__name__", str(annotation))


def _first_paragraph(model: type) -> str:
    return " ".join((inspect.getdoc(model) or "").split("\n\n")[0].split())


def _field_docstrings(model: type) -> dict[str, str]:
    """Return the strings that stand under the fields of a class."""
    found = {}
    for base in reversed(model.__mro__):
        if base.__module__.split(".")[0] in ("chem_vae", "pipeline"):
            tree = ast.parse(inspect.cleandoc("\n" + inspect.getsource(base)))
            body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
            for field, text in itertools.pairwise(body):
                is_field = isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
                if is_field and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
                    found[field.target.id] = inspect.cleandoc(str(text.value.value))
    return found


# -- notebooks -----------------------------------------------------------------------------------------------------


def list_notebooks() -> list[Path]:
    """Return the example notebooks."""
    return sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))


def write_notebook(path: Path) -> str:
    """Return a notebook as a page: its text, its code, and a link to the file itself."""
    parts = []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        parts.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
    parts.insert(1, f"Download: [`{path.name}`]({path.name})")
    return "\n\n".join(parts) + "\n"
