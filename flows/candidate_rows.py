"""Makes the table of a run's candidates that Prefect shows: drawings, rounded figures, what a chemist reads first."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chem_vae.atomic_files import to_plain
from pipeline.workspace.presentation.csv_tables import read_csv_rows
from pipeline.workspace.presentation.formatting import format_plain_spread

if TYPE_CHECKING:
    from pipeline.report.model import Report

DIGITS = 3
"""Significant digits of a figure."""
SHOWN = ("hit_probability", "unusual", "alerts")
"""The columns that are shown where a candidate has something in them, beside rank, score and the properties."""


def read_candidates(path: Path, limit: int) -> list[dict[str, Any]]:
    """Read the first rows of candidates.csv, numbers as numbers; NaN and infinities, which JSON lacks, are None."""
    if not path.exists():
        return []
    rows = list(itertools.islice(read_csv_rows(path), limit))
    return [{key: to_plain(_parse_cell(value)) for key, value in row.items()} for row in rows]


def make_candidate_rows(rows: Sequence[Mapping[str, Any]], report: Report) -> list[dict[str, Any]]:
    """Choose and round what is shown of candidates: rank, drawing, score, each property with basis and unit, what is odd, SMILES.

    The user interface shows a cell as Markdown, so that a picture within it is drawn.

    Args:
        rows: The candidates, as `read_candidates` reads them.
        report: The run's report, which knows units, bases and a library's columns.
    """
    from pipeline.report.shown_properties import list_value_columns  # here: loads pydantic

    if not rows:
        return []
    values = list_value_columns(rows[0], report)
    more = [c for c in SHOWN if any(row.get(c) not in (None, "") for row in rows)]
    return [
        {
            "rank": row.get("rank"),
            "drawing": draw_cell(row.get("smiles")),
            "score": round_figure(row.get("score")),
            **{c.write_head(): _add_spread(row, c.column) for c in values},
            **{c.replace("_", " "): round_figure(row.get(c)) for c in more},
            "smiles": f"`{row.get('smiles')}`",  # as code, or brackets and stars would be taken for Markdown
        }
        for row in rows
    ]


def draw_cell(smiles: Any) -> str:
    """Return a picture of a molecule as Markdown, within the text; empty where it cannot be drawn."""
    from pipeline.chemistry.output.drawings import draw_png  # here: loads rdkit

    picture = draw_png(smiles) if isinstance(smiles, str) else None
    return f"![molecule](data:image/png;base64,{base64.b64encode(picture).decode()})" if picture else ""


def round_figure(value: Any) -> Any:
    """Round a number to three significant digits; anything else stays as it is.

    >>> round_figure(0.123456), round_figure(3), round_figure("ring")
    (0.123, 3, 'ring')
    """
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def _add_spread(row: Mapping[str, Any], column: str) -> Any:
    """Return a value with its standard deviation where there is one."""
    value, spread = row.get(column), row.get(f"{column}_std")
    if isinstance(value, int | float) and isinstance(spread, int | float):
        return format_plain_spread(value, spread)
    return round_figure(value)


def _parse_cell(text: str | None) -> Any:
    """Return a CSV cell as int or float where it is one."""
    for kind in (int, float):
        try:
            return kind(text or "")
        except ValueError:
            continue
    return text or None
