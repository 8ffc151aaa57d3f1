"""Compares runs: the settings that differ, their figures side by side, the candidates that they share, and the drift over the nights."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from chem_vae.atomic_files import to_plain, write_text
from chem_vae.errors import DataError, UserError
from pipeline.report.html.comparison_page import render_comparison
from pipeline.report.model import Report, read_report
from pipeline.report.shown_properties import list_value_columns
from pipeline.workflows.records.summarize_runs import count_hits, measure_seconds
from pipeline.workspace.presentation.csv_tables import read_csv
from pipeline.workspace.presentation.plot_style import (
    PAGE,
    PAPER,
    PlotStyle,
    open_figure,
    picture_format,
    render_svg,
    save_figure,
)
from pipeline.workspace.runs import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NAMES = {"name"}
"""Settings that differ between any two runs, and tell nothing."""
MOST_PANELS = 6


@dataclass(frozen=True)
class Comparison:
    """What differs between runs, in the order in which they were given."""

    runs: list[str]
    settings: dict[str, list[Any]]
    """The values of each setting that is not the same in all runs, by its dotted key; None where a run has not got it."""
    figures: dict[str, list[Any]]
    """The figures of each run, by their name."""
    shared: list[list[int]]
    """The candidates (by InChIKey) that the runs i and j share; on the diagonal those of the run itself."""
    new: list[int]
    """The candidates of each run that no run before it in the list has."""
    drift: dict[str, list[dict[str, float | None]]] = field(default_factory=dict)
    """The quartiles (low, median, high) of the candidates of each run, by the column of candidates.csv."""

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as plain data, for JSON."""
        names = ("runs", "settings", "figures", "shared", "new", "drift")
        return {name: to_plain(getattr(self, name)) for name in names}


def compare_runs(runs: Sequence[Run]) -> Comparison:
    """Compare finished runs.

    Args:
        runs: Two or more, in the order in which they are shown; the drift is that along the order.

    Raises:
        UserError: If there are fewer than two, or one is given twice.
        DataError: If a run is damaged.
    """
    ids = [run.id for run in runs]
    if len(ids) < 2:
        raise UserError("a comparison takes two runs or more; see chem-vae runs")
    if len(set(ids)) < len(ids):
        raise UserError(f"a run is given twice: {', '.join(ids)}")
    tables = [_read_candidates(run) for run in runs]
    keys = [set(table["inchikey"].dropna()) for table in tables]
    before: set[str] = set()
    new = []
    for own in keys:
        new.append(len(own - before))
        before |= own
    flat = [_flatten(_read_settings(run)) for run in runs]
    names = list(dict.fromkeys(name for settings in flat for name in settings))
    settings = {name: [values.get(name) for values in flat] for name in names if name not in _NAMES}
    reports = [read_report(run.folder) for run in runs]
    return Comparison(
        ids,
        {name: values for name, values in settings.items() if any(value != values[0] for value in values[1:])},
        _collect_figures(runs, reports, tables),
        [[len(one & other) for other in keys] for one in keys],
        new,
        {column: [_measure_quartiles(table, column) for table in tables] for column in _list_columns(tables, reports)},
    )


def write_drift(comparison: Comparison, path: Path) -> Path:
    """Write the plot of the drift over the runs as .png or .svg.

    Raises:
        UserError: If the name has another ending.
    """
    picture_format(path)
    with open_figure(*_measure_plot(comparison)) as figure:
        _draw_drift(comparison, figure, PAPER)
    return save_figure(figure, path)


def write_page(comparison: Comparison, path: Path) -> Path:
    """Write the comparison as one HTML page with its plot."""
    with open_figure(*_measure_plot(comparison), PAGE) as figure:
        _draw_drift(comparison, figure, PAGE)
        plot = render_svg(figure, "drift", "candidates and their properties from run to run")
    return write_text(path, render_comparison(comparison.to_dict(), plot))


def _measure_plot(comparison: Comparison) -> tuple[float, float]:
    """Return the width and the height of the plot, in inches."""
    count = 1 + min(len(comparison.drift), MOST_PANELS - 1)
    return 3.1 * min(3, count), 2.4 * math.ceil(count / 3)


def _draw_drift(comparison: Comparison, figure: Figure, style: PlotStyle) -> None:
    """Draw how the candidates change from run to run: how many are new, and the quartiles of each property."""
    columns = list(comparison.drift)[: MOST_PANELS - 1]
    count, x = 1 + len(columns), range(len(comparison.runs))
    axes = figure.subplots(math.ceil(count / 3), min(3, count), squeeze=False).ravel()
    for axis in axes[count:]:
        axis.set_visible(False)
    axes[0].bar(x, [row[i] for i, row in enumerate(comparison.shared)], color=style.line, label="candidates")
    axes[0].bar(x, comparison.new, color=style.samples, label="in no run before")
    axes[0].set_ylabel("candidates")
    axes[0].legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2)  # above the bars, which fill the plot
    for axis, column in zip(axes[1:count], columns, strict=True):
        rows = comparison.drift[column]
        low, median, high = ([math.nan if r[k] is None else r[k] for r in rows] for k in ("low", "median", "high"))
        axis.fill_between(x, low, high, color=style.samples, alpha=0.2, linewidth=0)
        axis.plot(x, median, color=style.samples, marker="o", markersize=3)
        axis.set_ylabel(column.replace("_", " "))
    for axis in axes[:count]:
        axis.set_xticks(list(x), [_shorten(run) for run in comparison.runs], rotation=30, ha="right")


def _collect_figures(
    runs: Sequence[Run], reports: Sequence[Report], tables: Sequence[pd.DataFrame]
) -> dict[str, list[Any]]:
    rows: dict[str, list[Any]] = {}
    for place, (run, report, table) in enumerate(zip(runs, reports, tables, strict=True)):
        hits, of = count_hits(report)
        night = run.manifest.get("last_night") or {}
        found: dict[str, Any] = {
            "finished": str(run.manifest.get("finished") or "")[:16].replace("T", " "),
            "data": report.dataset.name,
            "rows": report.dataset.rows,
            "training molecules": report.dataset.train,
            "model": (run.manifest.get("model") or {}).get("folder"),
            "training": night.get("training"),
            "seed": run.manifest.get("seed"),
            "seconds": measure_seconds(run.manifest),
            "candidates": len(table),
            "hits": hits,
            "of": of,
            "internal diversity": report.diversity.internal_diversity,
        }
        found |= {f"stage: {stage.stage}": stage.count for stage in report.funnel}
        found |= {f"{a.property} ({a.basis}), mean": a.mean for a in report.achieved}
        found |= {f"predictor of {p.property}: R2": p.r2 for p in report.predictors}
        for name, value in found.items():
            rows.setdefault(name, [None] * len(runs))[place] = value
    return {name: values for name, values in rows.items() if any(value is not None for value in values)}


def _read_candidates(run: Run) -> pd.DataFrame:
    try:
        table = read_csv(run.folder / "candidates.csv")
    except (OSError, ValueError) as error:
        raise DataError(f"{run.folder}/candidates.csv cannot be read: {error}") from None
    return table if "inchikey" in table else table.assign(inchikey=None)


def _read_settings(run: Run) -> dict[str, Any]:
    try:
        found = json.loads((run.folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{run.folder}/config.json is damaged: {error}") from None
    return found if isinstance(found, dict) else {}


def _flatten(value: Mapping[str, Any], start: str = "") -> dict[str, Any]:
    """Return the settings of nested tables by their dotted keys."""
    found: dict[str, Any] = {}
    for key, part in value.items():
        found |= _flatten(part, f"{start}{key}.") if isinstance(part, Mapping) and part else {f"{start}{key}": part}
    return found


def _list_columns(tables: Sequence[pd.DataFrame], reports: Sequence[Report]) -> list[str]:
    """List the columns of which the drift is told: the score, and the properties that all runs have."""
    both = zip(tables, reports, strict=True)
    told = [{"score", *(c.column for c in list_value_columns(table, report))} & set(table) for table, report in both]
    wanted = [c for c in tables[0] if all(c in names for names in told)]
    return [str(c) for c in wanted if all(pd.api.types.is_numeric_dtype(table[c]) for table in tables)]


def _measure_quartiles(table: pd.DataFrame, column: str) -> dict[str, float | None]:
    values = table[column].dropna()
    if not len(values):
        return {"low": None, "median": None, "high": None}
    low, median, high = (float(values.quantile(q)) for q in (0.25, 0.5, 0.75))
    return {"low": low, "median": median, "high": high}


def _shorten(run_id: str) -> str:
    """Return the date and the round or name of a run, for an axis: "11-26 nightly-r3"."""
    name = run_id[16:]
    return f"{run_id[4:6]}-{run_id[6:8]} {name[-12:] if len(name) > 12 else name}"
