"""Explains what is wrong with a configuration: the file, the line, the reason and the nearest valid key."""

from __future__ import annotations

import difflib
from dataclasses import is_dataclass
from typing import Any, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ValidationError


def explain(error: ValidationError, model: type[BaseModel], where: str, text: str = "") -> str:
    """Explain the mistakes in a configuration, a sentence for each.

    Args:
        error: What pydantic found.
        model: The class of the configuration.
        where: Its file, or another place that the user knows.
        text: The content of the file, by which the line is found.

    Returns:
        The place and the reason of each mistake, and the nearest valid key for an unknown one.
    """
    sentences = []
    for item in error.errors():
        location = [str(part) for part in item["loc"]]
        line = _find_line(location, text)
        place = f"{where}, line {line}" if line else where
        if item["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
            known = _list_keys(model, location[:-1])
            near = difflib.get_close_matches(location[-1], known, n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known here: {', '.join(known)}"
            sentences.append(f"{place}: unknown key {'.'.join(location)!r}{hint}")
        else:
            reason = str(item["msg"]).removeprefix("Value error, ")
            sentences.append(f"{place}: {'.'.join(location) or 'configuration'}: {reason[:1].lower()}{reason[1:]}")
    return "; ".join(sentences)


def _list_keys(model: Any, location: list[str]) -> list[str]:
    """List the keys of the table at a location, which holds names of fields and of entries, and numbers of a list."""
    for part in location:
        fields = _get_fields(model)
        model = fields.get(part) if fields is not None else _get_entry_type(model)
    return sorted(_get_fields(model) or ())


def _get_fields(annotation: Any) -> dict[str, Any] | None:
    """Return the fields of a (perhaps optional) table with their types; None where the annotation is of no table."""
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return {name: field.annotation for name, field in kind.model_fields.items()}
        if is_dataclass(kind):
            return get_type_hints(kind)
        if kind is None or get_origin(annotation) in (dict, tuple, list):
            break
    return None


def _get_entry_type(annotation: Any) -> Any:
    """Return the type of the entries of dict[str, T], tuple[T, ...] or list[T]."""
    inner = get_args(annotation)
    return inner[1] if get_origin(annotation) is dict and len(inner) > 1 else inner[0] if inner else None


def _find_line(location: list[str], text: str) -> int | None:
    """Find the line of a TOML text on which the last key of a location is set, as well as can be told without parsing."""
    if not text or not location:
        return None
    table: list[str] = []
    counted: dict[str, int] = {}
    best = None
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if line.startswith("["):
            table = [part.strip().strip('"') for part in line.strip("[]").split(".")]
            if line.startswith("[["):  # a table of a list: which one is told by counting
                counted[line] = counted.get(line, -1) + 1
                table.append(str(counted[line]))
            if table == location:
                best = number
            continue
        key = line.partition("=")[0].strip().strip('"')
        full = table + key.split(".")
        if key and location[: len(full)] == full:
            return number
    return best
