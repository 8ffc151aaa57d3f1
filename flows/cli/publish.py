"""The command `publish`: copies finished folders of a workspace to a storage."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from chem_vae.errors import UserError
from flows.cli.command import command, new_group
from flows.cli.json_output import answer
from flows.cli.options import HOW, make_option
from flows.terminal import note, show_progress, suggest_command
from pipeline.workspace.presentation.formatting import count_things
from pipeline.workspace.remote.publishing import VARIABLE, Published, publish_folders
from pipeline.workspace.remote.redaction import redact
from pipeline.workspace.storage.disk_space import format_size

app = new_group()


@command(app)
def publish(
    workspace: Path,
    quiet: bool,
    what: Annotated[
        list[str] | None,
        typer.Argument(metavar="[WHAT]...", help="Datasets, models or runs by name or folder; all that are finished when not given."),
    ] = None,
    to: Annotated[
        str | None,
        make_option(HOW, "--to", metavar="URL", help="A folder of a storage (s3://bucket/chem-vae) or of a disk; CHEM_VAE_PUBLISH when not given."),
    ] = None,
    check: bool = False,
) -> None:  # fmt: skip
    """Copy finished datasets, models and runs to a storage, from where they can be used by their address.

    chem-vae publish --to s3://bucket/chem-vae

    What is there already is not copied again, and what was interrupted goes on. With --publish, the commands that make datasets,
    models and runs do so by themselves.

    Args:
        check: Read every file that is there, and copy those anew whose content is another one.
    """
    address = to or os.environ.get(VARIABLE) or None
    if address is None:
        raise UserError(f"say where: --to s3://bucket/chem-vae, or the environment variable {VARIABLE}")
    done: list[Published] = []
    with show_progress(quiet) as progress:
        for made in publish_folders(workspace, address, what or (), progress, thorough=check):
            print(redact(str(made)))
            done.append(made)
    answer(lambda: [replace(made, address=redact(made.address)) for made in done])
    if not done:
        note(f"nothing in {workspace} is finished yet")
        suggest_command("chem-vae run --data moses-sample --target logp=2.5")
        return
    files, size = sum(made.files for made in done), sum(made.bytes for made in done)
    note(
        f"{count_things(len(done), 'folder', 'is', 'are')} whole at {redact(address)}; {count_things(files, 'file', 'was', 'were')} copied, {format_size(size)}"
    )
    suggest_command("chem-vae verify {}", done[-1].address)
