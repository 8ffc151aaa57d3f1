"""The sections of the page that only an optimization has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.chemistry.output.drawings import draw_molecule
from pipeline.report.candidate_table import mark_safe
from pipeline.report.facts.search_facts import Search
from pipeline.report.html import plots
from pipeline.report.html.search_plots import draw_search_plots
from pipeline.report.model import Report
from pipeline.report.shown_properties import COMPUTED, ShownProperty, describe_score, show_own_values
from pipeline.workspace.presentation.formatting import choose_score_decimals, format_duration

MOST_UNUSUAL = 8  # names of what is unusual in refused molecules
MOST_ORIGINS = 12  # rows of the table; strategies with restarts have many centers


def make_search(report: Report, properties: Mapping[str, ShownProperty]) -> dict[str, Any] | None:
    """Return the parts of an optimization that the template shows; None for a report without one."""
    search = report.optimization
    if search is None:
        return None
    score = describe_score(report)
    search = show_own_values(search, score)
    aims = {name: known.brief for name, known in properties.items() if known.objective}
    return {
        "search": search,
        "plots": {key: mark_safe(svg) for key, svg in draw_search_plots(search, aims, score).items()},
        "by_oracle": any(known.name_basis(COMPUTED) != COMPUTED for known in properties.values()),
        "front": search.front if search.front and search.front.of else None,
        "origins": search.origins[:MOST_ORIGINS],
        "more_origins": len(search.origins) - MOST_ORIGINS,
        "decimals": _choose_score_decimals(search),
        "unusual": list(search.unusual.items())[:MOST_UNUSUAL],
        "predictions": [
            {"figures": entry, "svg": mark_safe(_draw_parity(i, entry, properties.get(entry.property)))}
            for i, entry in enumerate(search.predictions)
            if entry.of
        ],
        "lineages": [
            [{"step": step, "drawing": mark_safe(draw_molecule(step.smiles, 170, 110, 17.0))} for step in chain]
            for chain in search.lineages
        ],
        "seconds": [(name, format_duration(value)) for name, value in search.seconds.items()],
    }


def _draw_parity(i: int, entry: Any, known: ShownProperty | None) -> str | None:
    basis = known.name_basis(COMPUTED) if known else COMPUTED
    words = "predicted against computed values" if basis == COMPUTED else f"predicted values against those {basis}"
    return plots.draw_parity(f"pc{i}", entry.points, f"{entry.label}, {basis}", words)


def _choose_score_decimals(search: Search) -> int | None:
    """Return the number of decimals with which the last steps of the best ten show."""
    values = plots.to_points(search.curve, (2,))[:, 0].tolist()
    return choose_score_decimals(values[len(values) // 4 :])
