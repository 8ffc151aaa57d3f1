"""Aims as a person says them: `target=`, `maximize=`, `minimize=`, `range=`, as on the command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from chem_vae.errors import UserError
from pipeline.objectives.config import Objective


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
        UserError: A property has two aims.
    """
    given = [(name, Objective(target=value)) for name, value in (target or {}).items()]
    given += [(name, Objective(maximize=True)) for name in list_names(maximize)]
    given += [(name, Objective(minimize=True)) for name in list_names(minimize)]
    given += [(name, Objective(range=(low, high))) for name, (low, high) in (range or {}).items()]
    found: dict[str, Objective] = {}
    for name, objective in given:
        if name in found:
            raise UserError(f"the property {name!r} has two aims; say one of target, maximize, minimize, range")
        found[name] = objective
    return found


def list_names(given: str | Iterable[str]) -> tuple[str, ...]:
    """Return several names, or one."""
    return (given,) if isinstance(given, str) else tuple(given)
