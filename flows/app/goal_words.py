"""Goals, properties and names of runs in words."""

from __future__ import annotations

import re
from typing import Any

from pipeline.report.shown_properties import ShownProperty
from pipeline.workspace.presentation.formatting import format_plain


def describe_goal(objective: dict[str, Any]) -> str:
    """Say a goal in words."""
    if "target" in objective:
        around = f" ± {format_plain(objective['tolerance'])}" if "tolerance" in objective else ""
        return f"near {format_plain(objective['target'])}{around}"
    if "range" in objective:
        low, high = objective["range"]
        if low is None or high is None:
            return f"at most {format_plain(high)}" if low is None else f"at least {format_plain(low)}"
        return f"from {format_plain(low)} to {format_plain(high)}"
    word = "as high as possible" if objective.get("maximize") else "as low as possible"
    end = objective.get("low", objective.get("high"))
    return (
        word if end is None else f"{word}, {'at least' if objective.get('maximize') else 'at most'} {format_plain(end)}"
    )


def name_property(name: str, label: str, unit: str, kind: str) -> str:
    """Name a property for a choice: with its unit, and whether it was measured."""
    shown = ShownProperty(name, label if label != name else "", unit).with_unit
    return f"{shown} ({'measured' if kind == 'measured' else 'computed'})"


def make_run_name(text: str) -> str:
    """Make a name of a run of any text: letters, digits, dots and dashes.

    >>> make_run_name("Löslichkeit (2024) neu"), make_run_name("测试")
    ('L-slichkeit-2024-neu', 'run')
    """
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")[:60] or "run"
