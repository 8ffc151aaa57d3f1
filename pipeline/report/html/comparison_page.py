"""The page that compares several runs: settings that differ, figures, shared candidates, and the drift."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Any

from markupsafe import Markup

from pipeline.workspace.presentation.formatting import format_number


def render_comparison(comparison: Mapping[str, Any], plot: str) -> str:
    """Render the page as HTML text.

    Args:
        comparison: runs, settings, figures, shared and new, as `pipeline.workflows.records.compare_runs.Comparison.to_dict` gives them.
        plot: the drift as an inline SVG.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined  # only for a page

    environment = Environment(
        loader=PackageLoader("pipeline.report", "."),
        autoescape=True,  # the names of runs, columns and files are not to be trusted
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["shown"] = show_value
    style = (resources.files("pipeline.report") / "page.css").read_text(encoding="utf-8")
    template = environment.get_template("comparison.html.j2")
    return template.render(**comparison, style=Markup(style), plot=Markup(plot))


def show_value(value: Any) -> str:
    """Write a value of a table for a person: numbers rounded, nothing for None."""
    if value is None:
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:,}" if isinstance(value, int) else format_number(value)
    return ", ".join(map(show_value, value)) if isinstance(value, list) else str(value)
