"""The command `update`: the next round of a campaign on measured values."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.cli import inspect, options
from flows.terminal import next_command, progress_shown, where

app = typer.Typer()


@app.command()
def update(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN", help="The run to go on from: its id, name or folder, or latest.", show_default=False
        ),
    ],
    data: Annotated[
        str,
        typer.Option(
            "--data",
            "--source",
            metavar="SOURCE",
            rich_help_panel=options.SOURCE,
            help="The new measurements: a file with SMILES and the measured column, under the name that it had in the run.",
        ),
    ],
    smiles_column: options.SmilesColumn = None,
    targets: options.Targets = None,
    tolerances: options.Tolerances = None,
    maximize: options.Maximize = None,
    minimize: options.Minimize = None,
    ranges: options.Ranges = None,
    n: options.Number = None,
    samples: options.Samples = None,
    name: options.Name = None,
    seed: options.Seed = None,
    settings: options.Settings = None,
    workspace: options.Workspace = options.WORKSPACE,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Add new measurements to a run and propose the next batch: what was measured or proposed before is not proposed again.

    The model is trained again on all measurements, from where the run's own started. What was aimed at stays as it was,
    unless you say otherwise.

    chem-vae update latest --data round-2.csv -n 50
    """
    from flows.cli.overrides import overrides
    from pipeline.config import load_config
    from pipeline.workflows.update import update as next_round
    from pipeline.workspace.runs import Run

    opened = Run.open(run, workspace, optimization=False)
    given = overrides(
        targets=targets,
        tolerances=tolerances,
        maximize=maximize,
        minimize=minimize,
        ranges=ranges,
        n=n,
        samples=samples,
        seed=seed,
        name=name,
        settings=settings,
    )
    whole = load_config(opened.folder / "config.json", given)
    with progress_shown(quiet) as progress:
        made = next_round(opened, data, workspace, smiles_column=smiles_column, config=whole, progress=progress)
    inspect.show_run(made.run.folder)
    print(f"new measurements: {made.new}")
    for check in made.checks:
        print(f"  {check}")
    next_command(f"chem-vae update {made.run.id} --data MEASURED.csv{where(workspace)}")
