"""Lists the settings of a configuration's model, with the type, default and help text of each."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import itertools
import textwrap
from dataclasses import dataclass
from typing import Any, get_args, get_origin, get_type_hints

from pydantic import BaseModel


@dataclass(frozen=True)
class SettingField:
    """One setting of a configuration."""

    key: str
    """The dotted name, as in `train.model.latent_size`; a `*` stands for a name or a number that the user chooses."""
    annotation: Any
    default: Any
    help: str

    @property
    def kinds(self) -> tuple[Any, ...]:
        """The types that a value may have, without None and without the constraints on it."""
        return tuple(kind for kind in _flatten(self.annotation) if kind is not type(None))


def list_settings(model: type[Any], prefix: str = "") -> dict[str, SettingField]:
    """List the settings of a pydantic model or a dataclass, and those of the tables in it.

    Args:
        model: A class of settings, such as `pipeline.config.CampaignConfig`.
        prefix: What comes before each key, with its dot, as in "tune.".

    Returns:
        The settings that hold a value by their dotted key, in the order of the classes.
    """
    found: dict[str, SettingField] = {}
    for name, annotation, default, text in _list_fields(model):
        tables = [kind for kind in _flatten(annotation) if _is_table(kind)]
        many = any(get_origin(part) in (dict, tuple) for part in (annotation, *get_args(annotation)))
        for table in tables:
            found |= list_settings(table, f"{prefix}{name}.{'*.' if many else ''}")
        if not tables or many:
            found[prefix + name] = SettingField(prefix + name, annotation, default, text)
    return found


def _list_fields(model: type[Any]) -> list[tuple[str, Any, Any, str]]:
    """(name, annotation, default, help) of each field."""
    if issubclass(model, BaseModel):
        return [(name, f.annotation, f.get_default(call_default_factory=True), f.description or "") for name, f in model.model_fields.items()]  # fmt: skip
    hints, texts = get_type_hints(model), _read_field_docstrings(model)
    return [(f.name, hints[f.name], f.default, texts.get(f.name, "")) for f in dataclasses.fields(model)]


def _read_field_docstrings(model: type[Any]) -> dict[str, str]:
    """Return the strings that stand below the fields of a dataclass; nothing where there is no source code."""
    try:
        body = ast.parse(textwrap.dedent(inspect.getsource(model))).body[0].body  # type: ignore[attr-defined]
    except (OSError, TypeError):
        return {}
    return {
        field.target.id: " ".join(inspect.cleandoc(text.value.value).split())
        for field, text in itertools.pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }


def _is_table(kind: Any) -> bool:
    return isinstance(kind, type) and (issubclass(kind, BaseModel) or dataclasses.is_dataclass(kind))


def _flatten(annotation: Any) -> list[Any]:
    """Return the plain types and the literal values in an annotation."""
    parts = get_args(annotation)
    if not parts:
        return [annotation]
    if hasattr(annotation, "__metadata__"):
        parts = parts[:1]
    return [kind for part in parts for kind in _flatten(part) if part is not Ellipsis]
