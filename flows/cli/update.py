"""The command `update`: the next round of a campaign on measured values."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from flows.cli import inspect, options
from flows.cli.answers import describe_run
from flows.cli.command import command, new_group
from flows.cli.given import Given
from flows.cli.json_output import answer
from flows.terminal import log, show_progress, suggest_command
from pipeline.workflows.checks.require_hits import require_hits
from pipeline.workspace.remote.publishing import publish_to
from pipeline.workspace.work.cluster import use_cluster

app = new_group()


@command(
    app, options.SMILES_COLUMN, *options.FILE_LAYOUT, *options.make_aims("generate"), *options.make_constraints("generate"),
    *options.make_novelty("generate"), options.SAMPLES, options.SEED, options.NAME, options.FAIL_UNDER, options.DASK, options.PUBLISH,
    options.SET,
)  # fmt: skip
def update(
    run: str,
    data: Annotated[
        str,
        options.make_option(
            options.LEARN,
            "--data",
            "--source",
            metavar="SOURCE",
            help="The new measurements: a file with SMILES and the measured column, under the name that it had in the run; or library "
            "for those that the candidate library has.",
        ),
    ],
    given: Given,
    workspace: Path,
    quiet: bool,
) -> None:
    """Add new measurements to a run and propose the next batch, without molecules that were measured or proposed before.

    The model is trained again on all measurements, from the same start as the run's own. The objectives of the run hold, unless
    you give others; its constraints hold, and those that you give are added.

    chem-vae update latest --data round-2.csv -n 50

    Args:
        run: The run to go on from: its id, name or folder, or latest.
    """
    from pipeline.workflows.new_measurements import OTHER_FILE  # here: --help does without the work
    from pipeline.workflows.update import update as next_round
    from pipeline.workspace.runs import Run

    opened = Run.open(run, workspace, optimization=False)
    smiles_column = given.settings.pop("ingest.smiles_column", None)
    options.add_similarity(given, "generate")
    whole = given.load(opened.folder / "config.json", OTHER_FILE)
    with (
        publish_to(whole.publish, workspace, log),
        use_cluster(whole.dask, workspace),
        show_progress(quiet) as progress,
    ):
        made = next_round(opened, data, workspace, smiles_column=smiles_column, config=whole, progress=progress)
    inspect.show_run(made.run.folder)
    answer(lambda: describe_run(made.run.folder, new_measurements=made.new, checks=made.checks))
    print(f"new measurements: {made.new}")
    for check in made.checks:
        print(f"  {check}")
    suggest_command("chem-vae update {} --data MEASURED.csv", made.run.id, workspace=workspace)
    require_hits(made.run.folder, whole.fail_under)
