"""The command `screen`: the molecules of a given library that are worth measuring."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from chem_vae.errors import UserError
from flows.cli import inspect, options
from flows.cli.answers import describe_run
from flows.cli.command import command, new_group
from flows.cli.export import check_output, export
from flows.cli.given import Given
from flows.cli.json_output import answer
from flows.cli.setting_option import SettingOption
from flows.environment import start_prefect
from flows.terminal import log, show_progress, suggest_command
from pipeline.workflows.checks.require_hits import require_hits
from pipeline.workspace.presentation.formatting import count_things
from pipeline.workspace.remote.publishing import publish_to
from pipeline.workspace.work.cluster import use_cluster

app = new_group()
LIBRARY = "How the library is read"
READ = (
    SettingOption(LIBRARY, "--smiles-column", "screen.smiles_column", "NAME"),
    SettingOption(LIBRARY, "--delimiter", "screen.delimiter", "CHARACTER", "';'"),
    SettingOption(LIBRARY, "--encoding", "screen.encoding", "NAME", "windows-1252"),
    SettingOption(LIBRARY, "--sheet", "screen.sheet", "NAME", "'In stock'"),
    SettingOption(LIBRARY, "--header/--no-header", "screen.header"),
    SettingOption(LIBRARY, "--limit", "screen.limit", "", "10000"),
)
"""How the library is read."""
CHOOSE = (
    options.ENUMERATE_STEREO,
    SettingOption(options.MUST, "--outside-domain", "generate.measured.outside_domain"),
    SettingOption(options.SEARCH, "--keep", "screen.keep"),
    SettingOption(options.HOW, "--workers", "screen.workers"),
    SettingOption(options.HOW, "--seed", "generate.seed"),
)


@command(
    app,
    *READ,
    *options.make_aims("generate"),
    *options.make_constraints("generate"),
    *options.make_novelty("generate"),
    *CHOOSE,
    options.NAME,
    options.DASK,
    options.FAIL_UNDER,
    options.PUBLISH,
    options.SET,
)
def screen(
    given: Given,
    model: str | None,
    output: Path | None,
    config: Path | None,
    workspace: Path,
    prefect: bool,
    quiet: bool,
    debug: bool,
    library: Annotated[
        str | None,
        typer.Argument(
            metavar="[LIBRARY]",
            help="The molecules to choose from: a file (csv, tsv, smi, sdf, parquet, each also .gz; xlsx), a URL, or a name from "
            "`chem-vae datasets`.",
        ),
    ] = None,
) -> None:
    """Choose the molecules of a library that are worth measuring, and report on them.

    chem-vae screen catalogue.sdf.gz --model my-run --maximize pIC50 -n 50 -o order.csv

    The library is a vendor's catalogue or any file of molecules; its own columns (number, name, price) stand in the candidates' table.
    What is chosen is unlike each other, within the domain of the predictor, and not measured before. With conditions:

    chem-vae screen zinc250k --model my-run --maximize pIC50 --within mw=:450 --without-alerts PAINS,BRENK -n 50

    The rows of the library that are no molecules are listed in the run's folder, each with its number and the reason.
    """
    options.add_similarity(given, "generate")
    whole = given.load(config, {"screen.library": library} if library else {}, name="screen")
    if whole.screen is None:
        raise UserError(
            "name the library to choose from: chem-vae screen catalogue.csv --model my-run --maximize pIC50"
        )
    if output is not None:
        check_output(output)
    if prefect:
        start_prefect(quiet, debug)
        from flows.screen import screen as flow  # here: loads prefect and rdkit

        places: dict[str, Any] = {"candidate_library": whole.library, "dask": whole.dask, "publish": whole.publish}
        folder = Path(flow(whole.screen, whole.generate, model, workspace, whole.name, **places))
    else:
        from pipeline.models.trained_model import load_model  # here: loads torch and rdkit
        from pipeline.workflows.screen_run import screen_run

        trained = load_model(model, workspace)
        with (
            publish_to(whole.publish, workspace, log),
            use_cluster(whole.dask, workspace),
            show_progress(quiet) as progress,
        ):
            made = screen_run(
                trained, None, whole.generate, whole.screen, workspace, whole.name, progress, library=whole.library,
                overall=whole.list_overall(),
            )  # fmt: skip
        folder = made.folder
    inspect.show_run(folder)
    answer(lambda: describe_run(folder))
    if output is not None:
        print(f"{count_things(export(folder, output), 'candidate')}: {output}")
    suggest_command("chem-vae report {} --open", folder.name, workspace=workspace)
    require_hits(folder, whole.fail_under)
