"""The page that compares finished runs."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from nicegui import ui

from chem_vae.errors import ChemVAEError
from flows.app.context import AppContext
from flows.app.layout import block, fail, frame, heading, quiet_button, text
from flows.app.pieces import plain_table, write_cell
from pipeline.workflows.records.compare_runs import Comparison, compare_runs
from pipeline.workspace.runs import Run


def register(context: AppContext) -> None:
    """Register the page."""

    @ui.page("/compare")
    async def show_comparison(runs: str = "") -> None:
        with frame("Compare", "/runs"):
            heading("Compare runs")
            try:
                opened = [Run.open(name, context.workspace) for name in runs.split(",") if name]
                made = await asyncio.to_thread(compare_runs, opened)
            except ChemVAEError as error:
                fail(str(error))
            else:
                show_tables(made)
            with ui.element("div").classes("line"):
                quiet_button("All runs", lambda: ui.navigate.to("/runs"))


def show_tables(made: Comparison) -> None:
    """Show what differs between runs."""
    with block():
        heading("Figures", 2)
        plain_table(("figure", *made.runs), [(name, *map(_write, values)) for name, values in made.figures.items()])
    with block():
        heading("Settings that differ", 2)
        if made.settings:
            plain_table(
                ("setting", *made.runs), [(name, *map(_write, values)) for name, values in made.settings.items()]
            )
        else:
            text("None: the runs had the same settings.", "muted")
    with block():
        heading("Candidates in common", 2)
        rows = [(name, *shared) for name, shared in zip(made.runs, made.shared, strict=True)]
        plain_table(("", *made.runs), [*rows, ("in no run before", *made.new)])


def _write(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else write_cell(value)
