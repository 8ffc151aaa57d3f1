"""Writes the files that a browser sends into the workspace."""

from __future__ import annotations

import asyncio
from pathlib import Path

from nicegui import events

from chem_vae.errors import ChemVAEError
from flows.app.context import AppContext
from pipeline.workspace.uploads import MOST_BYTES, drop_upload, keep_upload, make_upload


async def save_upload(context: AppContext, event: events.UploadEventArguments) -> Path:
    """Write an uploaded file into the workspace, part by part.

    Raises:
        UserError: The workspace cannot be written to.
        ChemVAEError: The file is too large.
    """
    path = make_upload(context.workspace, event.file.name)
    partial = path.with_name(f".{path.name}.partial")
    size = 0
    try:
        with partial.open("wb") as file:
            async for part in event.file.iterate():
                size += len(part)
                if size > MOST_BYTES:
                    raise ChemVAEError(
                        f"the file is larger than {MOST_BYTES // 1_000_000} MB; split it, or read it by the command line"
                    )
                await asyncio.to_thread(file.write, part)
    except BaseException:
        drop_upload(path)
        raise
    return keep_upload(partial, path)
