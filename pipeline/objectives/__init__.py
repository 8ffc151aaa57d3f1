"""What is wanted of a molecule.

| module | what |
|---|---|
| `transforms` | from a value to a desirability in 0..1: target, sigmoids, step, linear |
| `aims` | from what the user says to objectives with every number |
| `desirability` | one objective, and the geometric or arithmetic mean of several |
| `latent` | the objectives as a strategy in the latent space sees them |
| `constraints` | what a molecule must be to be scored at all |
| `pareto` | several objectives side by side: fronts, hypervolume, scalarization |

The public names load at first use: a configuration declares constraints without torch or RDKit.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.objectives.aims import resolve
    from pipeline.objectives.constraints import Checked, Constraint, Constraints, nothing_passes_message
    from pipeline.objectives.desirability import (
        Aggregate,
        PropertySummary,
        Wanted,
        columns,
        desirabilities,
        score,
    )
    from pipeline.objectives.transforms import TRANSFORMS, Transform

_PUBLIC = {
    "Aggregate": "desirability",
    "Checked": "constraints",
    "Constraint": "constraints",
    "Constraints": "constraints",
    "PropertySummary": "desirability",
    "TRANSFORMS": "transforms",
    "Transform": "transforms",
    "Wanted": "desirability",
    "columns": "desirability",
    "desirabilities": "desirability",
    "nothing_passes_message": "constraints",
    "resolve": "aims",
    "score": "desirability",
}
__all__ = [
    "TRANSFORMS",
    "Aggregate",
    "Checked",
    "Constraint",
    "Constraints",
    "PropertySummary",
    "Transform",
    "Wanted",
    "columns",
    "desirabilities",
    "nothing_passes_message",
    "resolve",
    "score",
]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(f"pipeline.objectives.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module 'pipeline.objectives' has no attribute {name!r}; it has {', '.join(__all__)}")
