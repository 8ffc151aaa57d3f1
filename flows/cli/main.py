"""The command line. Only typer is imported at the top, so that --help answers at once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.cli import benchmark, inspect, optimize, options, space, steps, tune, update
from flows.terminal import next_command, note, progress_shown, show_own_warnings, where

app = typer.Typer(
    name="chem-vae",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["--help", "-h"]},
)
app.add_typer(steps.app)
app.add_typer(optimize.app)
app.add_typer(inspect.app)
app.add_typer(benchmark.app, name="benchmark")
app.add_typer(space.app)
app.add_typer(tune.app)
app.add_typer(update.app)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"chem-vae {version('chem-vae')}")
        except PackageNotFoundError:
            print("chem-vae (from a checkout)")
        raise typer.Exit


@app.callback()
def chem_vae(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """New molecules to your targets: SMILES in, ranked and validated candidates and an honest report out.

    Start with: chem-vae run --data moses-sample --target logp=2.5 --maximize qed
    """


@app.command()
def run(
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            "--source",
            metavar="SOURCE",
            rich_help_panel=options.SOURCE,
            help="A file (csv, tsv, smi, txt, sdf, parquet, each also .gz), a URL, or a name from `chem-vae datasets`.",
        ),
    ] = None,
    smiles_column: options.SmilesColumn = None,
    properties: options.Properties = None,
    compute: options.Compute = None,
    limit: options.Limit = None,
    start: options.Start = None,
    epochs: options.Epochs = None,
    targets: options.Targets = None,
    tolerances: options.Tolerances = None,
    maximize: options.Maximize = None,
    minimize: options.Minimize = None,
    ranges: options.Ranges = None,
    n: options.Number = None,
    samples: options.Samples = None,
    strategy: options.Strategy = None,
    config: options.Config = None,
    seed: options.Seed = None,
    name: options.Name = None,
    settings: options.Settings = None,
    workspace: options.Workspace = options.WORKSPACE,
    prefect: options.Prefect = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Do the whole job: ingest, train, generate, report. What is already done is reused.

    chem-vae run --data my.csv --property pIC50 --maximize pIC50 --range mw=300:450

    With fewer than 5,000 measured molecules it goes on from a model that knows chemistry, as --from moses does with any:

    chem-vae run --from moses --data my.csv --property pIC50 --target pIC50=8

    Unless it is to learn from yours alone, which takes more of them:

    chem-vae run --from nothing --data my.csv --property pIC50
    """
    from flows.cli.overrides import overrides
    from pipeline.config import load_config

    given = overrides(
        data=data,
        smiles_column=smiles_column,
        properties=properties,
        compute=compute,
        limit=limit,
        start=start,
        epochs=epochs,
        targets=targets,
        tolerances=tolerances,
        maximize=maximize,
        minimize=minimize,
        ranges=ranges,
        n=n,
        samples=samples,
        strategy=strategy,
        seed=seed,
        name=name,
        settings=settings,
    )
    whole = load_config(config, given)
    from pipeline.workflows.preflight import check_request

    check_request(whole)
    if prefect:
        from flows.environment import start_prefect

        start_prefect(quiet, debug)
        from flows.campaign import campaign as flow

        folder = Path(flow(whole, workspace))
    else:
        from pipeline.workflows.campaign import campaign

        with progress_shown(quiet) as progress:
            folder = campaign(whole, workspace, progress).folder
    inspect.show_run(folder)
    next_command(f"chem-vae report {folder.name} --open{where(workspace)}")


def main() -> None:
    """The console script `chem-vae`: every error becomes a sentence on standard error and an exit code."""
    import gc

    from flows.exit_codes import INTERRUPTED, ending

    gc.set_threshold(
        100_000, 20, 50
    )  # loading torch and RDKit alone makes so many objects, and none of them is garbage
    debug = "--debug" in sys.argv[1:]
    if not debug:  # which shows all warnings, with their places in the code
        show_own_warnings()
    try:
        code: Any = app(prog_name="chem-vae", standalone_mode=False)
        if code == 130:  # Typer's answer to a Ctrl-C within a command
            note(INTERRUPTED)
    except BaseException as error:
        if debug and not isinstance(error, KeyboardInterrupt):
            import traceback

            traceback.print_exc()
        message, code = ending(error)
        if message:
            note(message)
    gc.freeze()  # nor is it worth half a second to look for any before the process ends
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
