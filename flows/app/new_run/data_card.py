"""The part of the start page that shows what was understood of a file: columns, rows, rejects, warnings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nicegui import ui

from chem_vae.errors import ChemVAEError
from flows.app.context import AppContext
from flows.app.jobs.job_view import KILLED, show_stages
from flows.app.layout import block, fail, fold, heading, press_once, quiet_button, tell_errors, text, tile
from flows.app.pieces import list_sentences, picture, plain_table
from flows.app.remedies import OPTIONS, Remedy, apply_remedies
from pipeline.datasets.dataset import Dataset
from pipeline.datasets.exports import list_rejected
from pipeline.datasets.first_look import FirstLook, suggest_ingest
from pipeline.datasets.labels.label_checks import Finding, find_label_problems
from pipeline.workspace.lookup import find_dataset
from pipeline.workspace.presentation.csv_tables import format_csv
from pipeline.workspace.presentation.formatting import count_things
from pipeline.workspace.work.jobs import Job, list_jobs, make_job

SHOWN = 6
NOTHING = "none: aim at computed properties"


@dataclass
class Understood:
    """A file as it was read: the dataset, and with which settings."""

    dataset: Dataset
    settings: dict[str, Any]
    measured: str | None
    """The name of the learned property; None where none was measured."""
    findings: list[Finding] = field(default_factory=list)
    """Problems that were found in its values."""


class DataCard:
    """Shows what was understood of a file, and reads it again when the person corrects it."""

    def __init__(
        self,
        context: AppContext,
        path: Path,
        look: FirstLook,
        take: Callable[[Understood | None], None],
        smiles_column: str = "",
    ) -> None:
        """Show the first look at once, and read the whole file in a process of its own.

        Args:
            context: What all pages share.
            path: The file.
            look: What its first rows tell.
            take: Told what was understood, and None while the file is read.
            smiles_column: The column of molecules, where the person chose it.
        """
        self.smiles_column = smiles_column
        self.context, self.path, self.look, self.take = context, path, look, take
        names = [column.name for column in look.measured]
        self.column: str | None = names[0] if names else None
        self.log = bool(names) and look.measured[0].is_raw_potency
        self.changes: dict[str, Remedy] = {}
        """The remedies that the person chose, by the settings that they change."""
        with block():
            with ui.element("div").classes("line"):
                text("1", "step").style("margin: 0")
                heading("This is what was understood", 2)
            self._show_columns(names)
            self.result = ui.element("div").classes("w-full").style("display: flex; flex-direction: column; gap: 14px")
        ui.timer(0.1, self.read, once=True)

    def _show_columns(self, names: list[str]) -> None:
        look = self.look
        where = "in the first column"
        if look.smiles_column is not None:
            where = f"in the column {look.smiles_column}"
        elif look.format == "sdf":
            where = "the drawn structures"
        text(f"The molecules are {where}. The first ones:", "muted")
        with ui.element("div").classes("mols").style("grid-template-columns: repeat(auto-fill, minmax(130px, 1fr))"):
            for smiles in look.smiles[:SHOWN]:
                with ui.element("div").classes("mol-card"):
                    picture(smiles, 150, 100)
        with ui.element("div").classes("line"):
            choices = {**{name: name for name in names}, "": NOTHING}
            ui.select(
                choices, value=self.column or "", label="The measured value", on_change=self._choose_column
            ).props("outlined options-dense").classes("min-w-[260px]")
            self.log_switch = ui.switch(
                "learn its logarithm (as for IC50, Ki, EC50)", value=self.log, on_change=self._choose
            )
            self.log_switch.set_visibility(self.column is not None)
        others = [c for c in look.columns if c.name != self.column]
        if others:
            with fold(count_things(len(others), "other column")):
                plain_table(
                    ("column", "holds", "unit", "first cells"),
                    [(c.name, c.kind, c.unit, ", ".join(e[:40] for e in c.examples)) for c in others[:50]],
                )

    def _forget(self) -> None:
        """Forget changes of the learned property, which was chosen anew."""
        for key in ("ingest.properties", "ingest.log"):
            self.changes.pop(key, None)

    async def _choose_column(self, event: Any) -> None:
        self._forget()
        self.column = event.value or None
        self.log_switch.set_visibility(self.column is not None)
        log = any(column.is_raw_potency for column in self.look.columns if column.name == self.column)
        if log != self.log_switch.value:
            self.log = log
            self.log_switch.set_value(log)  # which reads the file again
        else:
            await self.read()

    async def _choose(self, event: Any) -> None:
        self._forget()
        self.log = bool(event.value)
        await self.read()

    def make_settings(self) -> dict[str, Any]:
        """Make the settings by which the file is read."""
        found = suggest_ingest(str(self.path), self.column, self.log)
        if self.smiles_column:
            found["smiles_column"] = self.smiles_column
        asked = apply_remedies({"ingest": found}, self.changes.values(), "ingest")
        whole: dict[str, Any] = self.context.complete({"ingest": asked["ingest"]})["ingest"]
        return whole

    @tell_errors
    async def read(self, *, anew: bool = False) -> None:
        """Read the whole file, unless that was done before with the same settings.

        Args:
            anew: Read it even so.
        """
        await self._read(anew=anew)

    async def _read(self, *, anew: bool = False) -> None:
        self.take(None)
        settings = self.make_settings()
        known = [] if anew else list_jobs(self.context.workspace, ("ingest",))
        job = next(
            (job for job in known if job.settings == {"ingest": settings} and job.state in ("running", "finished")),
            None,
        )
        is_known = job is not None
        if job is None:
            job = make_job(self.context.workspace, "ingest", self.path.stem, [], {"ingest": settings})
            await asyncio.to_thread(job.start)
        self.result.clear()
        with self.result:
            show_stages(job, lambda: self._show_result(job, settings, is_known), "Reading the file …")

    async def _show_result(self, job: Job, settings: dict[str, Any], is_known: bool) -> None:
        if settings != self.make_settings():
            return  # the person has chosen something else meanwhile
        self.result.clear()
        with self.result:
            if job.state != "finished":
                self._show_failure(job)
                return
            try:
                found = await asyncio.to_thread(self._open, job, settings)
            except ChemVAEError as error:
                if is_known:  # its dataset was deleted or damaged since
                    await self.read(anew=True)
                else:
                    fail(str(error))
                return
            self._show_account(found)
            self.take(found)

    def _open(self, job: Job, settings: dict[str, Any]) -> Understood:
        dataset = Dataset.open(find_dataset(str(job.end.get("dataset", "")), self.context.workspace))
        measured = next((p.name for p in dataset.properties if p.kind == "measured"), None)
        return Understood(dataset, settings, measured, find_label_problems(dataset) if measured else [])

    def _show_failure(self, job: Job) -> None:
        list_sentences(
            "",
            [job.read_error() or (KILLED if job.was_killed else "reading the file was stopped")],
            "fail",
            offer=self._offer,
        )
        with ui.element("div").classes("line"):
            press_once(quiet_button("Try again"), self._read)
        self._show_changes()

    def _offer(self, changes: tuple[Remedy, ...]) -> Callable[[], Any] | None:
        """Return what reads the file again with changes; None where they are none of reading."""
        if any(not OPTIONS[change.name].key.startswith("ingest.") for change in changes):
            return None

        async def apply() -> None:
            self.changes |= {_name_change(change): change for change in changes}
            await self.read()

        return apply

    def _show_changes(self) -> None:
        """Show what was changed, and let the person take it back."""

        async def take_back(key: str) -> None:
            del self.changes[key]
            await self.read()

        if self.changes:
            with ui.element("div").classes("line"):
                text("Read with:", "muted small")
                for key, change in self.changes.items():
                    button = quiet_button(change.label, lambda key=key: take_back(key), "close")
                    button.props["aria-label"] = f"read without: {change.label}"

    def _show_account(self, found: Understood) -> None:
        counts, dataset = found.dataset.counts, found.dataset
        with ui.element("div").classes("tiles"):
            tile("rows of the file", f"{counts['rows']:,}")
            tile(
                "molecules",
                f"{counts['accepted']:,}",
                f"{count_things(counts['duplicates'], 'duplicate')} merged"
                if counts["duplicates"]
                else "no duplicates",
            )
            tile("rejected rows", f"{counts['rejected']:,}", "each with its reason" if counts["rejected"] else "")
            if found.measured:
                label = dataset.labels.get(found.measured, {})
                bounds = f"and {count_things(label['bounds'], 'bound')} (such as >10)" if label.get("bounds") else ""
                tile(f"values of {found.measured}", f"{label.get('exact', 0):,}", bounds)
        list_sentences("Look at this first", dataset.warnings, "warn", offer=self._offer)
        problems = [finding.text for finding in found.findings if finding.stops]
        list_sentences("Nothing can be learned from these values", problems, "fail", offer=self._offer)
        self._show_changes()
        list_sentences("", dataset.notes, "note", 2, offer=self._offer)
        if counts["rejected"]:
            self._show_rejected(dataset)

    def _show_rejected(self, dataset: Dataset) -> None:
        table = list_rejected(dataset)
        with fold(f"{count_things(len(table), 'rejected row')} with the reason"):
            shown = [c for c in ("row", "line", "record", "input", "stage", "reason") if c in table.columns] or list(
                table.columns
            )[:5]
            plain_table(shown, [[str(v)[:80] for v in row] for row in table[shown].head(20).itertuples(index=False)])
            with ui.element("div").classes("line").style("margin-top: 10px"):
                quiet_button(
                    "Download all as CSV",
                    lambda: ui.download.content(format_csv(table).encode(), f"{self.path.stem}-rejected.csv"),
                    "download",
                )


def _name_change(change: Remedy) -> str:
    """Name what a change changes: its setting, and the value too where a setting takes several that are chosen one by one."""
    option = OPTIONS[change.name]
    return f"{option.key}={change.value}" if option.many and option.key != "ingest.properties" else option.key
