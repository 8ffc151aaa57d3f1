"""Aims as a person says them: `target=`, `maximize=`, `minimize=`, `range=`, as on the command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from chem_vae.errors import UserError
from pipeline.objectives.config import Objective
from pipeline.workspace.check_arguments import list_names
from pipeline.workspace.config_errors import explain

_EXAMPLES = {"target": "'logp': 2.5", "range": "'mw': (250, 320)"}


def collect_objectives(
    target: Mapping[str, float] | None = None,
    maximize: str | Iterable[str] = (),
    minimize: str | Iterable[str] = (),
    range: Mapping[str, tuple[float | None, float | None]] | None = None,
) -> dict[str, Objective]:
    """Collect objectives by property.

    Args:
        target: Target values by property.
        maximize: Properties that are to be high, one or several.
        minimize: Properties that are to be low, one or several.
        range: The lower and the higher end by property; None leaves an end open.

    Raises:
        UserError: A property has two aims, or what is said of it is no aim.
    """
    given = [(name, _make_aim(name, target=value)) for name, value in _pair("target", "a value", target)]
    given += [(name, Objective(maximize=True)) for name in list_names("maximize", maximize)]
    given += [(name, Objective(minimize=True)) for name in list_names("minimize", minimize)]
    given += [(name, _make_range(name, ends)) for name, ends in _pair("range", "two ends", range)]
    found: dict[str, Objective] = {}
    for name, objective in given:
        if name in found:
            raise UserError(f"the property {name!r} has two aims; say one of target, maximize, minimize, range")
        found[name] = objective
    return found


def _pair(aim: str, what: str, given: Any) -> list[tuple[str, Any]]:
    """Return the properties of an aim with what is said of each."""
    if given is not None and not isinstance(given, Mapping):
        raise UserError(
            f"{aim} takes {what} by property, as in {{{_EXAMPLES[aim]}}}, not a value of type {type(given).__name__}"
        )
    return list((given or {}).items())


def _make_range(name: str, ends: Any) -> Objective:
    if not isinstance(ends, str):
        try:
            low, high = ends
        except (TypeError, ValueError):
            raise UserError(
                f"the range of {name!r} has a lower and a higher end, as in (250, 320), and None leaves one open; "
                f"it is {ends!r}"
            ) from None
        ends = (low, high)
    return _make_aim(name, range=ends)


def _make_aim(name: str, **said: Any) -> Objective:
    try:
        return Objective.model_validate(said)
    except ValidationError as error:
        raise UserError(explain(error, Objective, f"the aim of {name!r}")) from None
