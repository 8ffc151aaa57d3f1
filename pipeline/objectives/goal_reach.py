"""Says in a sentence where every known value reaches a goal, or where none is near it."""

from __future__ import annotations

import math

from pipeline.objectives.config import Objective
from pipeline.objectives.transforms import Interval
from pipeline.workspace.presentation.formatting import format_brief


def describe_reach(name: str, objective: Objective, known: tuple[float, float], asked: Interval) -> str | None:
    """Say that no known value is near a goal, or that every one reaches it; None where some do.

    Args:
        name: The property.
        objective: What is asked of it.
        known: The lowest and the highest known value.
        asked: The lowest and the highest value that is a hit; None is open. Without both there is no goal to reach.
    """
    if asked == (None, None):
        return None
    low, high = (-math.inf if asked[0] is None else asked[0]), (math.inf if asked[1] is None else asked[1])
    wanted = objective.describe()
    if objective.maximize or objective.minimize:
        wanted = f"at least {low:g}" if math.isfinite(low) else f"at most {high:g}"
    least, most = known
    values = f"({format_brief(least)} to {format_brief(most)})"
    if low <= least and most <= high:
        return f"{name} {wanted}: all known molecules are hits already {values}; ask for more"
    if high < least or low > most:
        return (
            f"{name} {wanted} lies outside the training data {values}: no known molecule is near it, and predictions there are "
            "guesses; check the number and its unit"
        )
    return None


def find_asked_interval(objective: Objective) -> Interval:
    """Return the lowest and the highest value that an objective calls a hit, as far as it says so itself."""
    if objective.target is not None:
        around = objective.tolerance or 0.0
        return objective.target - around, objective.target + around
    if objective.range is not None:
        return objective.range
    if objective.transform in (None, "step"):
        return objective.low, objective.high
    return None, None
