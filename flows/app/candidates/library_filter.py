"""The part of the library's page that asks which molecules to show: status, structure, likeness, and sliders over the values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui import ui

from flows.app.editor import open_editor
from flows.app.layout import block, fold, primary_button, quiet_button, text
from flows.app.pieces import choose_step, range_slider
from pipeline.chemistry.drawn_query import make_query
from pipeline.library.schema import STATUSES
from pipeline.library.search.extents import FieldExtent
from pipeline.library.search.fields import Range
from pipeline.library.search.queries import LibraryQuery
from pipeline.workspace.presentation.formatting import format_plain

SORTS = {"score": "best score", "hit_probability": "best chance of a hit", "date": "newest", "id": "id"}
MOST_SLIDERS = 12
"""The fields that get a slider; the others are asked for as text."""


class LibraryFilter:
    """Shows the controls, and makes a query of them."""

    def __init__(self, extents: list[FieldExtent], search: Callable[[], Any]) -> None:
        """Take the fields that the library has, and what is called when something was changed."""
        self.extents, self.search = [e for e in extents if e.low < e.high][:MOST_SLIDERS], search
        self.chosen: dict[str, tuple[float, float]] = {}
        self.column: str | None = None
        self.ascending = False

    def show(self) -> None:
        """Show the controls."""
        with block():
            with ui.element("div").classes("line"):
                self.status = ui.select([*STATUSES], multiple=True, label="Status").props(
                    "outlined dense options-dense use-chips"
                )
                self.status.classes("min-w-[190px]")
                self.sort = ui.select(SORTS, value="score", label="Order", on_change=self._forget_column)
                self.sort.props("outlined dense options-dense").classes("min-w-[190px]")
            with ui.element("div").classes("line"):
                self.smarts = ui.input("Contains (SMARTS)").props("outlined dense").classes("grow min-w-[200px]")
                quiet_button(
                    "Draw it",
                    lambda: open_editor(self._take_fragment, title="Draw the part that must be there"),
                    "draw",
                )
                self.similar = (
                    ui.input("Like this molecule (SMILES)").props("outlined dense").classes("grow min-w-[200px]")
                )
                quiet_button(
                    "Draw it", lambda: open_editor(self._take_similar, self.similar.value or ""), "draw"
                ).props["aria-label"] = "Draw the molecule to be like"
            with fold("Values"):
                self._show_sliders()
            for field in (self.ranges, self.smarts, self.similar):
                field.on("keydown.enter", self.search)
            with ui.element("div").classes("line"):
                primary_button("Search", self.search, "search")
                quiet_button("Clear", lambda: ui.navigate.to("/library"))

    def _show_sliders(self) -> None:
        with ui.element("div").classes("sliders"):
            for extent in self.extents:
                self._show_slider(extent)
        self.ranges = ui.input("Further values as text, such as pIC50_predicted>7, mw=300:450").props("outlined dense")
        self.ranges.classes("w-full")

    def _show_slider(self, extent: FieldExtent) -> None:
        step = choose_step(extent.low, extent.high)
        low, high = round(extent.low // step * step, 12), round(-(-extent.high // step) * step, 12)
        name = describe_field(extent)

        def take(first: float, last: float) -> None:
            ends = first, last
            if ends == (low, high):
                self.chosen.pop(extent.name, None)
                told.set_text(f"any of {format_plain(extent.low)} to {format_plain(extent.high)}")
            else:
                self.chosen[extent.name] = ends
                told.set_text(f"{format_plain(ends[0])} to {format_plain(ends[1])}")

        with ui.element("div").classes("slider"):
            with ui.element("div").classes("between"):
                text(name, "small")
                told = text("", "small muted")
            slider = range_slider(name, low, high, step, (low, high), take)
            slider.on("change", self.search)  # when the hand lets go, or a key was pressed
            take(low, high)

    async def _take_fragment(self, smiles: str) -> None:
        self.smarts.set_value(make_query(smiles))
        await self.search()

    async def _take_similar(self, smiles: str) -> None:
        self.similar.set_value(smiles)
        await self.search()

    def _forget_column(self) -> None:
        self.column = None

    def sort_by(self, column: str) -> None:
        """Sort by a column of the table; a second time the other way round."""
        self.ascending = not self.ascending if self.column == column else False
        self.column = column

    def make_query(self, limit: int) -> LibraryQuery:
        """Make the query of what is asked for.

        Raises:
            UserError: A condition cannot be read.
        """
        conditions = [part.strip() for part in (self.ranges.value or "").split(",") if part.strip()]
        sliders = [Range(name, low, high) for name, (low, high) in self.chosen.items()]
        usual = None if self.similar.value else self.sort.value
        return LibraryQuery(
            smarts=(self.smarts.value or "").strip() or None,
            similar_to=(self.similar.value or "").strip() or None,
            ranges=(*sliders, *map(Range.parse, conditions)),
            status=tuple(self.status.value or ()),
            sort=self.column or usual,
            ascending=self.ascending if self.column else False,
            limit=limit,
        )


def describe_field(extent: FieldExtent) -> str:
    """Name a field for a person: its property, unit and basis."""
    unit = f" [{extent.unit}]" if extent.unit else ""
    return f"{extent.label}{unit}{f', {extent.basis}' if extent.basis else ''}"
