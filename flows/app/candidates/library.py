"""The page of the candidate library: find molecules, decide on them, take them along, and bring measurements back."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from nicegui import events, ui

from chem_vae.errors import ChemVAEError
from flows.app.candidates.library_filter import LibraryFilter
from flows.app.candidates.library_molecule import show_molecule
from flows.app.candidates.library_rows import show_cards, show_table
from flows.app.context import AppContext
from flows.app.layout import (
    block,
    fail,
    fold,
    frame,
    heading,
    quiet_button,
    say_empty,
    tell_errors,
    text,
)
from flows.app.pieces import list_sentences, plain_table
from flows.app.uploads import save_upload
from pipeline.library.candidate_library import CandidateLibrary, LibraryPage, open_library
from pipeline.library.laboratory.measurements import ImportedMeasurements
from pipeline.library.schema import STATUSES
from pipeline.library.search.queries import LibraryQuery
from pipeline.workspace.presentation.formatting import count_things
from pipeline.workspace.uploads import MOST_BYTES

PAGE = 24
"""The molecules of a page."""
CARDS, TABLE = "cards", "table"


def register(context: AppContext) -> None:
    """Register the pages of the library and of one molecule."""

    @ui.page("/library")
    async def show_library() -> None:
        with frame("Library", "/library"):
            heading("Library")
            try:
                number = await asyncio.to_thread(
                    _use, context, lambda library: (library.add_missing_runs(), library.count())[1]
                )
            except ChemVAEError as error:
                fail(str(error))
                return
            if not number:
                say_empty("No molecule yet", "Every finished run puts its candidates here.", "Begin with a file", "/")
                return
            text(
                f"{count_things(number, 'molecule')} that were proposed so far. Choose what to make, and bring back what was measured.",
                "lede",
            )
            await LibraryView(context).show()

    @ui.page("/library/{molecule}")
    async def show_one(molecule: str) -> None:
        with frame(molecule, "/library"):
            try:
                known = await asyncio.to_thread(_use, context, lambda library: library.describe(molecule))
            except ChemVAEError as error:
                heading("No such molecule")
                fail(str(error))
            else:
                show_molecule(known)
            with ui.element("div").classes("line"):
                quiet_button("The whole library", lambda: ui.navigate.to("/library"))


def _use(context: AppContext, work: Any) -> Any:
    """Open the library for a piece of work in a thread."""
    with open_library(context.workspace, context.library) as library:
        return work(library)


class LibraryView:
    """Shows molecules of the library by what is asked for, and what can be done with those that are ticked."""

    def __init__(self, context: AppContext) -> None:
        """Begin with all molecules, the best first."""
        self.context = context
        self.query = LibraryQuery(limit=PAGE)
        self.chosen: set[str] = set()

    async def show(self) -> None:
        """Show the filter, the molecules, and what can be done."""
        extents = await asyncio.to_thread(_use, self.context, lambda library: library.list_extents())
        self.filter = LibraryFilter(extents, self.search)
        self.filter.show()
        self._show_actions()
        with ui.element("div").classes("line"):
            self.view = ui.toggle(
                {CARDS: "cards", TABLE: "table"}, value=CARDS, on_change=lambda: self.turn(self.query.offset)
            )
            self.view.props("no-caps unelevated toggle-color=primary color=grey-3 text-color=dark").classes("view")
        self.place = ui.element("div").style("display: flex; flex-direction: column; gap: 14px")
        await self.search()

    def _show_actions(self) -> None:
        with block():
            with ui.element("div").classes("line"):
                self.told = text("Nothing is ticked.", "muted")
                self.note = ui.input("Note, such as the reason").props("outlined dense").classes("grow min-w-[200px]")
                quiet_button("Shortlist", lambda: self.decide("shortlisted"), "star")
                quiet_button("Reject", lambda: self.decide("rejected"), "block")
                with ui.button("Other status", icon="expand_more").props("flat color=accent no-caps"), ui.menu():
                    for status in STATUSES:
                        ui.menu_item(status, lambda status=status: self.decide(status))
            with ui.element("div").classes("line"):
                text("Order list of what the search shows:", "muted small")
                for kind in ("xlsx", "sdf", "csv"):
                    quiet_button(kind.upper(), lambda kind=kind: self.export(kind), "download")
            with fold("Bring back measurements"):
                text(
                    "A table or SD file with the id, the SMILES or the InChIKey of each molecule, and the measured value.",
                    "muted small",
                )
                upload = ui.upload(
                    on_upload=self.take_measurements,
                    auto_upload=True,
                    max_file_size=MOST_BYTES,
                    label="Choose or drop a file",
                )
                upload.props("flat bordered color=accent")
                self.unknown = ui.switch("also add molecules that the library does not know")
                self.replicates = ui.switch("values that equal those of another file were measured again, and count")
                self.imported = ui.element("div")

    @tell_errors
    async def search(self) -> None:
        """Search from the first page on."""
        await self._find(self.filter.make_query(PAGE))

    @tell_errors
    async def turn(self, offset: int) -> None:
        """Show the page that begins at a place."""
        await self._find(replace(self.query, offset=max(0, offset)))

    async def _find(self, query: LibraryQuery) -> None:
        """Show what a query finds, which is the one that is shown from then on; one that cannot be read is not."""
        page: LibraryPage = await asyncio.to_thread(_use, self.context, lambda library: library.query(query))
        self.query = query
        if query.offset and not page.rows:  # its last molecule has left it, by another status
            await self.turn(query.offset - PAGE)
            return
        self.place.clear()
        with self.place:
            if not page.rows:
                text("No molecule of the library is like that.", "muted")
            if self.view.value == CARDS:
                show_cards(page.rows, self.chosen, self._tick)
            elif page.rows:
                by, ascending = self.filter.column or query.sort or "", self.filter.ascending
                show_table(page.rows, self.chosen, self._tick, self.sort, by, ascending)
            if page.more or query.offset:
                with ui.element("div").classes("line"):
                    back = quiet_button("Back", lambda: self.turn(query.offset - PAGE), "chevron_left")
                    back.set_enabled(query.offset > 0)
                    text(f"{query.offset + 1:,} to {query.offset + len(page.rows):,}", "muted small")
                    further = quiet_button("Further", lambda: self.turn(query.offset + PAGE), "chevron_right")
                    further.set_enabled(page.more)

    async def sort(self, column: str) -> None:
        """Sort by a column of the table."""
        self.filter.sort_by(column)
        await self.search()

    def _tick(self, molecule: str, ticked: bool) -> None:
        self.chosen = self.chosen | {molecule} if ticked else self.chosen - {molecule}
        self.told.set_text(
            f"{count_things(len(self.chosen), 'molecule')} ticked." if self.chosen else "Nothing is ticked."
        )

    @tell_errors
    async def decide(self, status: str) -> None:
        """Set the status of the molecules that are ticked, with the note."""
        if not self.chosen:
            ui.notify("Tick the molecules first.", position="top")
            return
        ids, why = sorted(self.chosen), (self.note.value or "").strip()
        await asyncio.to_thread(_use, self.context, lambda library: library.set_status(ids, status, why=why))
        ui.notify(f"{count_things(len(ids), 'molecule')} {status}.", type="positive", position="top")
        self.chosen = set()
        self._tick("", False)
        self.note.set_value("")
        await self.turn(self.query.offset)

    @tell_errors
    async def export(self, kind: str) -> None:
        """Download all molecules of the search that is shown: what was typed since is not searched for yet."""
        query = self.query

        def write(library: CandidateLibrary) -> bytes:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / f"order-list.{kind}"
                library.export(query, path)
                return path.read_bytes()

        ui.download.content(await asyncio.to_thread(_use, self.context, write), f"order-list.{kind}")

    @tell_errors
    async def take_measurements(self, event: events.UploadEventArguments) -> None:
        """Import the measurements of a file."""
        path = await save_upload(self.context, event)
        adds, again = bool(self.unknown.value), bool(self.replicates.value)
        made: ImportedMeasurements = await asyncio.to_thread(
            _use, self.context, lambda library: library.import_measurements(path, add_unknown=adds, replicates=again)
        )
        self.imported.clear()
        with self.imported:
            with ui.element("div").classes("okay").props("role=status"):
                text(f"{count_things(made.rows, 'row')} read: {count_things(made.added, 'new measurement')} of {count_things(made.molecules, 'molecule')}, "
                     f"{made.repeated:,} known already, {made.new_molecules:,} molecules added.")  # fmt: skip
            same = [f"{name}: {count_things(count, 'value')}" for name, count in made.taken_for_same.items()]
            list_sentences(
                "Equal to those of another file, and taken for the same (the switch above counts them)", same, "note"
            )
            list_sentences("Rows that contradict", made.contradictions, "warn")
            list_sentences("", made.notes, "note", 3)
            if made.unmatched:
                with fold(f"{count_things(len(made.unmatched), 'row')} without a molecule of the library, kept aside"):
                    plain_table(("row", "molecule", "reason"), made.unmatched[:100])
        await self.turn(self.query.offset)
