"""Shows what a finished run found: the verdict, key figures, the best molecules, the report and the files to take along."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nicegui import ui

from flows.app.context import AppContext
from flows.app.jobs.changes import Table, can_apply
from flows.app.jobs.rerun import find_table, open_rerun, was_stopped
from flows.app.layout import block, fail, heading, primary_button, quiet_button, tell_errors, text, tile
from flows.app.pieces import capitalize, list_sentences, molecule_card
from flows.app.remedies import Remedy
from pipeline.optimization.config import STOPPED
from pipeline.report.model import Report, read_report
from pipeline.report.read_first import split_warnings
from pipeline.report.shown_properties import collect_properties, describe_score
from pipeline.report.tables import describe_hits, list_warnings
from pipeline.report.workbook import write_workbook
from pipeline.workflows.records.summarize_runs import count_hits
from pipeline.workspace.presentation.csv_tables import read_csv_rows
from pipeline.workspace.presentation.formatting import (
    count_things,
    format_plain,
    format_plain_spread,
    format_probability,
)

SHOWN = 12
DOWNLOADS = (("candidates.sdf", "Structures (SDF)"), ("candidates.csv", "Table (CSV)"))


async def show_results(context: AppContext, run_id: str) -> None:
    """Show a run as far as its folder is whole; what is missing is said."""
    folder = context.workspace / "runs" / run_id
    if Path(run_id).name != run_id or not folder.is_dir():
        fail(f"the folder of the run {run_id} is not there any more")
        return
    report, rows, missing = await asyncio.to_thread(_read, folder)
    table = await asyncio.to_thread(find_table, context, folder)
    for sentence in missing:
        fail(sentence)
    if report is not None:
        with block():
            text(tell_verdict(report, len(rows)), "verdict")
            _show_tiles(report, len(rows))
            _show_buttons(context, folder, table)
            first, _ = split_warnings(report, list_warnings(report))
            list_sentences("Read this first", first, "warn", 3, offer=_offer_rerun(context, folder, table))
    else:
        with block():
            _show_buttons(context, folder, table)
    if rows:
        with block():
            heading("The best molecules", 2)
            text("By rank. The report has all of them, with every figure and its meaning.", "muted small")
            with ui.element("div").classes("mols"):
                for row in rows[:SHOWN]:
                    molecule_card(row.get("smiles", ""), list_values(row, report), f"rank {row.get('rank', '')}")


def _read(folder: Path) -> tuple[Report | None, list[dict[str, str]], list[str]]:
    report, rows, missing = None, [], []
    if not (folder / "manifest.json").is_file():
        missing.append(
            "manifest.json is missing: the run was stopped while its folder was written; what is there is shown"
        )
    try:
        report = read_report(folder)
    except Exception as error:  # whatever is wrong with a file is shown, and the rest too
        missing.append(f"report.json cannot be read: {error}")
    try:
        rows = list(read_csv_rows(folder / "candidates.csv"))
    except Exception as error:
        missing.append(f"candidates.csv cannot be read: {error}")
    missing += [f"{name} is missing" for name in ("report.html", "candidates.sdf") if not (folder / name).is_file()]
    return report, rows, missing


def tell_verdict(report: Report, candidates: int) -> str:
    """Say in one or two sentences what a run found.

    Args:
        report: The report of the run.
        candidates: How many candidates it has.
    """
    if not candidates:
        return "No candidate came through. The report says at which step they were lost, and what helps."
    if report.optimization and report.optimization.best is not None:
        score = describe_score(report)
        best = format_plain(score.to_own(report.optimization.best))
        unit = f" {score.unit}" if score.unit else ""
        basis = f", {score.basis}" if score.basis else ""
        calls = f"after {report.optimization.calls or 0:,} calls of the oracle"
        if report.optimization.ended.startswith(STOPPED):
            calls = f"when the search was stopped after {report.optimization.calls or 0:,} of {report.optimization.budget or 0:,} calls"
        return f"The best molecule has a {score.label} of {best}{unit}{basis}, {calls}."
    if promised := describe_hits(report):
        return capitalize(promised)
    hits, of = count_hits(report)
    if hits is not None and of:
        return (
            f"{count_things(candidates, 'candidate')}. Of {of:,} molecules that were looked at, {hits:,} meet the goal."
        )
    return f"{count_things(candidates, 'candidate')}."


def _show_tiles(report: Report, candidates: int) -> None:
    with ui.element("div").classes("tiles"):
        tile("candidates", f"{candidates:,}")
        if report.hits and report.hits.expected is not None:
            tile(
                "expected hits",
                f"{report.hits.expected:,.0f}",
                f"8 of 10 times {report.hits.low:,} to {report.hits.high:,}" if report.hits.low is not None else "",
            )
        if report.diversity and report.diversity.scaffolds:
            tile("scaffolds", f"{report.diversity.scaffolds:,}")


def _show_buttons(context: AppContext, folder: Path, table: Table | None) -> None:
    there = [(name, label) for name, label in DOWNLOADS if (folder / name).is_file()]
    with ui.element("div").classes("line"):
        if (folder / "report.html").is_file():
            address = f"/files/runs/{folder.name}/report.html"
            primary_button("Open the report", lambda: ui.navigate.to(address, new_tab=True), "article")
        for name, label in there:
            button = ui.button(
                label, icon="download", on_click=lambda name=name: ui.download(f"/files/runs/{folder.name}/{name}")
            )
            button.props("outline color=accent no-caps size=md padding='8px 16px'")
        if (folder / "report.json").is_file() and (folder / "candidates.csv").is_file():

            @tell_errors
            async def take_workbook() -> None:
                ui.download.content(await asyncio.to_thread(make_workbook, folder), f"{folder.name}-candidates.xlsx")

            quiet_button("Workbook with drawings (Excel)", take_workbook, "download")
        if table is not None:
            label = "Go on" if table == "optimize" and was_stopped(folder) else "Run again with changes"
            quiet_button(label, lambda: open_rerun(context, folder, table), "replay")
        if table == "generate":
            quiet_button("Every night", lambda: ui.navigate.to(f"/schedule?run={folder.name}"), "schedule")


def _offer_rerun(
    context: AppContext, folder: Path, table: Table | None
) -> Callable[[tuple[Remedy, ...]], Callable[[], None] | None] | None:
    """Return what applies a remedy: the run again with that change; None where it cannot be run again."""
    if table is None:
        return None
    return lambda changes: (lambda: open_rerun(context, folder, table, changes)) if can_apply(changes, table) else None


def make_workbook(folder: Path) -> bytes:
    """Make the candidates of a run as the content of a workbook with drawings."""
    with tempfile.TemporaryDirectory() as beside:
        path = Path(beside) / "candidates.xlsx"
        write_workbook(folder, path)
        return path.read_bytes()


def list_values(row: dict[str, str], report: Report | None) -> list[str]:
    """List the values of a candidate that were asked for, each with its name, and the chance of a hit."""
    lines: list[str] = []
    known: dict[str, Any] = collect_properties(report) if report else {}
    for name, about in known.items():
        if about.objective is None:
            continue
        for basis in ("computed", "predicted"):  # what is known goes before what a model says of it
            value, spread = _read_number(row.get(f"{name}_{basis}")), _read_number(row.get(f"{name}_{basis}_std"))
            if value is not None:
                shown = format_plain_spread(value, spread)
                lines.append(
                    f"{about.label} {shown}{f' {about.unit}' if about.unit else ''}, {about.name_basis(basis)}"
                )
                break
    if (chance := _read_number(row.get("hit_probability"))) is not None:
        lines.append(f"chance of a hit {format_probability(chance)}")
    return lines


def _read_number(cell: str | None) -> float | None:
    try:
        return float(cell or "")
    except ValueError:
        return None
