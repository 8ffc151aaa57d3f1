"""The first page: from a dropped file to what was understood of it, to what is wanted, to a run."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import quote

from nicegui import events, ui

from chem_vae.errors import ChemVAEError, UnclearColumnError
from flows.app.context import AppContext
from flows.app.layout import (
    block,
    fail,
    fold,
    frame,
    heading,
    notify_error,
    primary_button,
    quiet_button,
    tell_errors,
    text,
)
from flows.app.new_run.data_card import DataCard
from flows.app.new_run.goal_card import GoalCard
from flows.app.pieces import plain_table
from flows.app.uploads import save_upload
from pipeline.datasets.first_look import FirstLook, look_at
from pipeline.datasets.readers import Hints
from pipeline.workspace.uploads import MOST_BYTES, drop_upload, find_upload
from pipeline.workspace.work.jobs import list_jobs

KINDS = ".csv,.tsv,.txt,.smi,.xlsx,.sdf,.parquet,.gz"
DROP_AREA = """
<div class="drop-area">
  <div class="what">Drop your spreadsheet here</div>
  <div class="kinds">CSV, Excel (.xlsx), SD file, SMILES or Parquet, up to LIMIT MB. One row for each molecule.</div>
  <q-btn unelevated no-caps color="primary" label="Choose a file" icon="upload_file" padding="9px 20px" @click="props.pickFiles" />
  <div inert class="out-of-sight"><q-uploader-add-trigger /></div>
  <q-linear-progress v-if="props.isUploading" :value="props.uploadProgress" aria-label="upload" style="max-width: 320px; height: 8px; border-radius: 4px" />
</div>
"""


def register(context: AppContext) -> None:
    """Register the page that begins, and that of an uploaded file."""

    @ui.page("/")
    def show_start() -> None:
        with frame("Start", "/"):
            heading("Find new molecules")
            text(
                "Give a table of molecules with a value that you measured. The app learns from them, proposes new molecules that reach "
                "your goal, and says how far its predictions can be trusted.",
                "lede",
            )
            show_drop_area(context)
            show_needs()
            show_recent(context)

    @ui.page("/start/{upload_id}")
    async def show_upload(upload_id: str, column: str = "") -> None:
        with frame("New run", "/"):
            try:
                path = find_upload(context.workspace, upload_id)
                look = await asyncio.to_thread(look_at, path, Hints(smiles_column=column or None))
            except UnclearColumnError as error:
                show_columns(upload_id, error)
            except ChemVAEError as error:
                heading("This file cannot be used")
                fail(str(error))
                if column:
                    quiet_button("Another column", lambda: ui.navigate.to(f"/start/{upload_id}"))
                show_drop_area(context)
            else:
                show_file(context, path, look, column)


def show_drop_area(context: AppContext) -> None:
    """Show the place where a file is dropped."""

    @tell_errors
    async def take(event: events.UploadEventArguments) -> None:
        path = await save_upload(context, event)
        try:
            await asyncio.to_thread(look_at, path)
        except UnclearColumnError:
            pass  # the next page asks which one it is
        except ChemVAEError:
            drop_upload(path)
            upload.reset()
            raise
        ui.navigate.to(f"/start/{path.parent.name}")

    def refuse() -> None:
        notify_error(
            f"This file is not taken: it is larger than {MOST_BYTES // 1_000_000} MB, or not one of CSV, TSV, SMI, XLSX, SDF and Parquet. "
            "A larger one has to be split, or read by the command line."
        )

    upload = ui.upload(on_upload=take, on_rejected=refuse, max_file_size=MOST_BYTES, auto_upload=True).classes("drop")
    upload.props(f'accept="{KINDS}" flat')
    upload.add_slot("header", DROP_AREA.replace("LIMIT", str(MOST_BYTES // 1_000_000)))


def show_columns(upload_id: str, error: UnclearColumnError) -> None:
    """Ask which column of a file holds the molecules."""
    heading("Which column holds the molecules?")
    fail(str(error))
    with block(), ui.element("div").classes("line"):
        which = ui.select([*error.columns], value=next(iter(error.columns), None), label="Column of molecules (SMILES)")
        which.props("outlined options-dense").classes("min-w-[260px]")
        primary_button(
            "Read it", lambda: ui.navigate.to(f"/start/{upload_id}?column={quote(str(which.value))}"), "arrow_forward"
        )
        quiet_button("Another file", lambda: ui.navigate.to("/"))


def show_needs() -> None:
    """Show what a table looks like that can be read."""
    with fold("What should be in the file?", "panel"):
        text(
            "A column of SMILES (or drawn structures, in an SD file) and a column of numbers. Other columns may be there and are kept."
        )
        plain_table(
            ("compound", "SMILES", "IC50 (nM)"),
            [
                ("C-001", "CC(=O)Nc1ccc(O)cc1", "120"),
                ("C-002", "CN1CCC(CC1)Oc1ccccc1", "3400"),
                ("C-003", "O=C(O)c1ccccc1O", ">10000"),
            ],
        )
        text("Fifty to some hundred molecules are a good start. A table without a measured column can be used too: then the new molecules "
             "aim at computed properties, such as logP.", "muted small")  # fmt: skip


def show_recent(context: AppContext) -> None:
    """Show the runs that are under way."""
    running = [job for job in list_jobs(context.workspace, ("run", "optimize")) if job.state == "running"]
    if running:
        with block():
            heading("Under way", 2)
            for job in running:
                ui.link(job.name, f"/job/{job.id}")


def show_file(context: AppContext, path: Path, look: FirstLook, column: str = "") -> None:
    """Show what was understood of a file, and ask what is wanted.

    Args:
        context: What all pages share.
        path: The file.
        look: What its first rows tell.
        column: The column of molecules, where the person chose it.
    """
    with ui.element("div").classes("between"):
        heading(path.name)
        quiet_button("Another file", lambda: ui.navigate.to("/"))
    goal: list[GoalCard] = []

    def take_dataset(found: Any) -> None:
        goal[0].show(found)

    DataCard(context, path, look, take_dataset, column)
    goal.append(GoalCard(context, path))
