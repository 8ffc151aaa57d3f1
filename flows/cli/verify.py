"""The command `verify`: compares all files with what was written."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.command import command, new_group
from flows.cli.json_output import answer
from flows.terminal import note, show_progress, suggest_command
from pipeline.workspace.remote.redaction import redact

app = new_group()


@command(app)
def verify(
    workspace: Path,
    quiet: bool,
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[WHAT]...",
            help="Datasets, models or runs by name or folder, or the address of what was published (s3://...); everything when not given.",
        ),
    ] = None,
) -> None:
    """Compare every file with the size and SHA-256 that it was written with.

    Datasets, models, runs and unfinished work of the workspace, what came with the installation, and downloads. Of an address each
    file is read from the storage; the address that was published to stands for all that is there.

    chem-vae verify --workspace workspace
    """
    from pipeline.workflows.upkeep.verify import verify as verify_all  # here: --help does without the work

    with show_progress(quiet) as progress:
        found = verify_all(workspace, what or (), progress)
    answer(lambda: [{"name": e.name, "state": e.state, "text": redact(e.text)} for e in found])
    for entry in found:
        print(redact(f"{entry.state:10}  {entry.name}: {entry.text}"))
    damaged = sum(entry.state == "damaged" for entry in found)
    if damaged:
        note(f"{damaged:,} of {len(found):,} {'is' if damaged == 1 else 'are'} damaged; what to do stands behind each")
        raise typer.Exit(1)
    note(f"{len(found):,} verified, none is damaged")
    suggest_command("chem-vae runs", workspace=workspace)
