"""The commands that do one step each: ingest, train, generate; and serve, which keeps any of them on a schedule."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from flows.cli import inspect, options
from flows.terminal import next_command, note, progress_shown, where

app = typer.Typer()


@app.command()
def ingest(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="[SOURCE]", help="A file, a URL, or a name from `chem-vae datasets`.", show_default=False
        ),
    ] = None,
    smiles_column: options.SmilesColumn = None,
    properties: options.Properties = None,
    compute: options.Compute = None,
    limit: options.Limit = None,
    config: options.Config = None,
    settings: options.Settings = None,
    workspace: options.Workspace = options.WORKSPACE,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Read, standardize and encode molecules into a dataset folder.

    chem-vae ingest my.csv --smiles-column SMILES --property pIC50
    """
    from flows.cli.overrides import overrides
    from pipeline.config import load_config

    given = overrides(
        data=source,
        smiles_column=smiles_column,
        properties=properties,
        compute=compute,
        limit=limit,
        settings=settings,
    )
    whole = load_config(config, given)
    from pipeline.datasets.ingest import ingest as ingest_source

    with progress_shown(quiet) as progress:
        dataset = ingest_source(whole.ingest, workspace, progress)
    note("reused: it was ingested before with the same settings" if dataset.reused else "ingested")
    print(dataset.summary())
    print(f"dataset: {dataset.folder}")
    next_command(f"chem-vae train --dataset {dataset.folder.name}{where(workspace)}")


@app.command()
def train(
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset",
            metavar="FOLDER|NAME",
            help="A dataset folder, or a name in the workspace; the latest when neither this nor --data is given.",
            rich_help_panel=options.SOURCE,
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            "--source",
            metavar="SOURCE",
            help="Instead: a file, a URL or a name from `chem-vae datasets`, ingested first where that is not done yet.",
            rich_help_panel=options.SOURCE,
        ),
    ] = None,
    smiles_column: options.SmilesColumn = None,
    properties: options.Properties = None,
    compute: options.Compute = None,
    limit: options.Limit = None,
    start: options.Start = None,
    epochs: options.Epochs = None,
    config: options.Config = None,
    seed: options.Seed = None,
    settings: options.Settings = None,
    workspace: options.Workspace = options.WORKSPACE,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Train a model on a dataset, or teach a finished one (--from). Interrupt it when you must: the same command goes on.

    chem-vae train --dataset moses-sample --epochs 20 --set train.model.latent_size=128

    chem-vae train --from moses --data my.csv --property pIC50
    """
    from chem_vae.errors import UserError
    from flows.cli.overrides import overrides
    from pipeline.config import load_config

    ingested = {"smiles_column": smiles_column, "properties": properties, "compute": compute, "limit": limit}
    if data is None and (given := [name for name, value in ingested.items() if value]):
        option = {"properties": "property"}.get(given[0], given[0].replace("_", "-"))
        raise UserError(f"--{option} says how a source is read: give the source too, as in --data my.csv")
    if data is not None and dataset is not None:
        raise UserError("give --data (a source to ingest) or --dataset (ingested before), not both")
    whole = load_config(
        config,
        overrides(
            data=data,
            smiles_column=smiles_column,
            properties=properties,
            compute=compute,
            limit=limit,
            start=start,
            epochs=epochs,
            seed=seed,
            settings=settings,
        ),
    )
    from pipeline.datasets.dataset import Dataset
    from pipeline.datasets.ingest import ingest as ingest_source
    from pipeline.workspace.lookup import find_dataset, find_model

    if whole.train.base:  # a name that is not there is said before the work
        find_model(whole.train.base, workspace)
    opened = None if data else Dataset.open(find_dataset(dataset or "latest", workspace))
    from pipeline.training.train import train as train_on

    with progress_shown(quiet) as progress:
        model = train_on(opened or ingest_source(whole.ingest, workspace, progress), whole.train, workspace, progress)
    note("reused: it was trained before with the same data and settings" if model.reused else "trained")
    print(model.summary())
    print(f"model: {model.folder}")
    aim = f"{model.conditions[0]}=..." if model.conditions and "logp" not in model.conditions else "logp=2.5"
    next_command(f"chem-vae generate --model {model.folder.name}{where(workspace)} --target {aim} -n 100 -o found.csv")


@app.command()
def generate(
    model: options.Model = "latest",
    targets: options.Targets = None,
    tolerances: options.Tolerances = None,
    maximize: options.Maximize = None,
    minimize: options.Minimize = None,
    ranges: options.Ranges = None,
    n: options.Number = None,
    samples: options.Samples = None,
    strategy: options.Strategy = None,
    output: options.Output = None,
    config: options.Config = None,
    seed: options.Seed = None,
    name: options.Name = None,
    settings: options.Settings = None,
    workspace: options.Workspace = options.WORKSPACE,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Generate candidates with a model that is trained already, and report on them.

    chem-vae generate --model moses --target logp=2.5 --maximize qed -n 100 -o found.sdf
    """
    from flows.cli.overrides import overrides
    from pipeline.config import load_config

    given = overrides(
        targets=targets,
        tolerances=tolerances,
        maximize=maximize,
        minimize=minimize,
        ranges=ranges,
        n=n,
        samples=samples,
        strategy=strategy,
        seed=seed,
        name=name or (None if config else "generate"),
        settings=settings,
    )
    whole = load_config(config, given)
    from flows.cli.export import check_output, export

    if output is not None:
        check_output(output)
    from pipeline.models.trained_model import TrainedModel
    from pipeline.workflows.generate_run import generate_run
    from pipeline.workspace.lookup import find_model

    trained = TrainedModel.open(find_model(model, workspace), workspace=workspace)
    with progress_shown(quiet) as progress:
        made = generate_run(trained, None, whole.generate, workspace, whole.name, progress)
    inspect.show_run(made.folder)
    if output is not None:
        count = export(made.folder, output)
        print(f"{count} candidates: {output}")
    next_command(f"chem-vae report {made.folder.name} --open{where(workspace)}")


@app.command()
def serve(
    config: options.Config = None,
    cron: Annotated[
        str | None,
        typer.Option("--cron", metavar="CRON", help='When to run: minute hour day month weekday, e.g. "0 2 * * *".'),
    ] = None,
    interval: Annotated[
        float | None,
        typer.Option("--interval", metavar="SECONDS", help="Or: every so many seconds, e.g. --interval 3600."),
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option(
            "--timezone", metavar="ZONE", help="Of the schedule, e.g. Europe/Berlin; the machine's when not given."
        ),
    ] = None,
    flow: Annotated[
        str, typer.Option("--flow", metavar="NAME", help="campaign, ingest, train, generate, optimize or update.")
    ] = "campaign",
    dataset: Annotated[
        str, typer.Option("--dataset", metavar="FOLDER|NAME", help="What the flow train trains on.")
    ] = "latest",
    model: Annotated[
        str,
        typer.Option(
            "--model",
            metavar="RUN|FOLDER",
            help="What generate and optimize work with; the run that update goes on from.",
        ),
    ] = "latest",
    data: Annotated[
        str | None,
        typer.Option("--data", metavar="FILE", help="For update: the file (or URL) of the new measurements."),
    ] = None,
    name: options.Name = None,
    settings: options.Settings = None,
    workspace: options.Workspace = options.WORKSPACE,
    debug: options.Debug = False,
) -> None:
    """Keep a flow on a schedule with Prefect, every night for one, until interrupted.

    chem-vae serve --config nightly.toml --cron "0 2 * * *" --timezone Europe/Berlin

    chem-vae serve --flow update --data measured.csv --cron "0 6 * * 1"
    """
    from chem_vae.errors import UserError
    from flows.cli.overrides import overrides
    from flows.deploy import serve as keep_serving
    from pipeline.config import load_config

    if flow == "update" and config is not None:
        raise UserError(
            "update goes by its run's own settings: leave out --config, and say with --set what is to differ"
        )
    if flow != "update" and data is not None:
        raise UserError("--data is for --flow update; say what to ingest in the file, or by --set ingest.source=my.csv")
    given = overrides(settings=settings)
    whole = load_config(config, given)
    if debug:
        os.environ["CHEM_VAE_DEBUG"] = "1"  # for the runs, which are processes of their own
    keep_serving(
        whole,
        workspace,
        flow_name=flow,
        cron=cron,
        interval=interval,
        timezone=timezone,
        name=name,
        dataset=dataset,
        model=model,
        data=data,
        settings=given,
    )
    next_command("chem-vae serve with the same options goes on with the schedule")
