"""The command `repeat`: makes a finished run again from its folder, and says whether the result is the same."""

from __future__ import annotations

from pathlib import Path

import typer

from flows.cli import inspect
from flows.cli.answers import describe_run
from flows.cli.command import command, new_group
from flows.cli.json_output import answer
from flows.terminal import note, show_progress, suggest_command

app = new_group()


@command(app)
def repeat(run: str, workspace: Path, quiet: bool) -> None:
    """Repeat a finished run from its folder: same model, data, settings, seed and excluded molecules.

    chem-vae repeat latest

    It ends with exit code 1 where the candidates are not the same.

    Args:
        run: The run to repeat: its id, name or folder, or latest.
    """
    from pipeline.workflows.repeat import repeat as repeat_run  # here: loads torch and rdkit
    from pipeline.workspace.runs import Run

    opened = Run.open(run, workspace)
    with show_progress(quiet) as progress:
        made = repeat_run(opened, workspace, progress)
    inspect.show_run(made.run.folder)
    answer(lambda: describe_run(made.run.folder, repeated=opened.id, same=made.same, comparison=made.text))
    note(made.text)
    suggest_command("chem-vae compare {} {}", opened.id, made.run.id, workspace=workspace)
    if not made.same:
        raise typer.Exit(1)
