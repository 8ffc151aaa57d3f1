"""The whole job (run), and the commands that do one step of it each: ingest, train, generate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chem_vae.errors import UserError
from flows.cli import inspect, options, quickstart
from flows.cli.answers import describe_dataset, describe_model, describe_run
from flows.cli.command import command, new_group
from flows.cli.export import check_output, export
from flows.cli.given import Given
from flows.cli.json_output import answer, wants_json
from flows.environment import start_prefect
from flows.terminal import log, note, show_progress, suggest_command, write_command
from pipeline.workflows.checks.require_hits import require_hits
from pipeline.workspace.lookup import find_dataset
from pipeline.workspace.presentation.formatting import count_things
from pipeline.workspace.remote.publishing import publish_to
from pipeline.workspace.work.cluster import use_cluster

app = new_group()


@command(
    app, options.SOURCE, *options.READ, *options.LEARNING, *options.make_aims("generate"), *options.make_constraints("generate"),
    *options.make_scaffold("generate"), *options.make_novelty("generate"), options.SAMPLES, options.STRATEGY, options.ENUMERATE_STEREO, options.SEED,
    options.NAME, options.FAIL_UNDER, options.DASK, options.PUBLISH, options.SET,
)  # fmt: skip
def run(given: Given, config: Path | None, workspace: Path, prefect: bool, quiet: bool, debug: bool) -> None:
    """Do the whole job: ingest, train, generate, report. What is already done is reused.

    chem-vae run --data my.csv --property pIC50 --maximize pIC50 --range mw=300:450

    With fewer than 5,000 measured molecules it fine-tunes the shipped model that fits them best; --from does so with any number:

    chem-vae run --from moses --data my.csv --property pIC50 --target pIC50=8

    To train on your molecules alone, which takes more of them:

    chem-vae run --from nothing --data my.csv --property pIC50

    Without options it asks what it needs to know, as chem-vae quickstart does.
    """
    if config is None and not given.raw and not prefect and not wants_json() and quickstart.is_interactive():
        return quickstart.ask_and_run(workspace)  # whoever says nothing is asked
    options.add_similarity(given, "generate")
    whole = given.load(config)
    from pipeline.workflows.checks.preflight import check_request  # here and below: --help does without the work

    check_request(whole)
    if (
        "source" not in whole.ingest.model_fields_set
    ):  # the default is a large data set, on which a training takes most of an hour
        raise UserError(
            "say what to learn from. Your own molecules: chem-vae run --data my.csv --property pIC50 --maximize pIC50. "
            "For a first try: chem-vae run --data moses-sample --target logp=2.5, or chem-vae quickstart, which asks"
        )
    if prefect:
        start_prefect(quiet, debug)
        from flows.campaign import campaign as flow  # here: loads prefect and rdkit

        folder = Path(flow(whole, workspace))
    else:
        from pipeline.workflows.campaign import campaign  # here: loads torch and rdkit

        with (
            publish_to(whole.publish, workspace, log),
            use_cluster(whole.dask, workspace),
            show_progress(quiet) as progress,
        ):
            folder = campaign(whole, workspace, progress, log).folder
    inspect.show_run(folder)
    answer(lambda: describe_run(folder))
    if inspect.list_measured_aims(folder):
        update = write_command("chem-vae update {} --data MEASURED.csv", folder.name, workspace=workspace)
        note(f"when the candidates are measured: {update}")
    suggest_command("chem-vae report {} --open", folder.name, workspace=workspace)
    require_hits(folder, whole.fail_under)


@command(app, *options.READ, options.DASK, options.PUBLISH, options.SET)
def ingest(
    given: Given,
    config: Path | None,
    workspace: Path,
    quiet: bool,
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="[SOURCE]",
            help="A file, a URL (also s3:// and others), a pattern of files, or a name from `chem-vae datasets`.",
        ),
    ] = None,
) -> None:
    """Read, standardize and encode molecules into a dataset folder.

    chem-vae ingest my.csv --smiles-column SMILES --property pIC50
    """
    whole = given.load(config, {"ingest.source": source} if source else {})
    from pipeline.datasets.ingest import ingest as ingest_source  # here: loads rdkit and pandas

    with (
        publish_to(whole.publish, workspace, log),
        use_cluster(whole.dask, workspace),
        show_progress(quiet) as progress,
    ):
        dataset = ingest_source(whole.ingest, workspace, progress)
    note("reused: it was ingested before with the same settings" if dataset.reused else "ingested")
    print(dataset.summary(warnings=False))  # they were raised, so they stand on standard error
    print(f"dataset: {dataset.folder}")
    answer(lambda: describe_dataset(dataset))
    suggest_command("chem-vae train --dataset {}", dataset.folder.name, workspace=workspace)


@command(app, options.SOURCE, *options.READ, *options.LEARNING, options.SEED, options.PUBLISH, options.SET)
def train(
    given: Given,
    config: Path | None,
    workspace: Path,
    quiet: bool,
    dataset: Annotated[
        str | None,
        options.make_option(
            options.LEARN, "--dataset", metavar="FOLDER|NAME|URL",
            help="A dataset folder, the address of a published one, or a name in the workspace; the latest when neither this nor --data is given.",
        ),
    ] = None,
) -> None:  # fmt: skip
    """Train a model on a dataset, or fine-tune a finished one (--from). After an interrupt the same command goes on.

    chem-vae train --dataset moses-sample --epochs 20 --set train.model.latent_size=128

    chem-vae train --from moses --data my.csv --property pIC50
    """
    has_source = "--data" in given.raw
    if not has_source and (unread := [option.name for option in options.READ if option.name in given.raw]):
        raise UserError(f"{unread[0]} says how a source is read: give the source too, as in --data my.csv")
    if has_source and dataset is not None:
        raise UserError("give --data (a source to ingest) or --dataset (ingested before), not both")
    whole = given.load(config)
    from pipeline.datasets.dataset import Dataset  # here: loads rdkit and pandas
    from pipeline.datasets.ingest import ingest as ingest_source
    from pipeline.workflows.checks.preflight import check_start

    check_start(whole, workspace)
    opened = None if has_source else Dataset.open(find_dataset(dataset or "latest", workspace))
    from pipeline.training.train import train as train_on  # here: loads torch

    with publish_to(whole.publish, workspace, log), show_progress(quiet) as progress:
        model = train_on(opened or ingest_source(whole.ingest, workspace, progress), whole.train, workspace, progress)
    note("reused: it was trained before with the same data and settings" if model.reused else "trained")
    print(model.summary())
    print(f"model: {model.folder}")
    answer(lambda: describe_model(model))
    aim = f"{model.conditions[0]}=..." if model.conditions and "logp" not in model.conditions else "logp=2.5"
    suggest_command(
        "chem-vae generate --model {} --target {} -n 100 -o found.csv", model.folder.name, aim, workspace=workspace
    )


@command(
    app, *options.make_aims("generate"), *options.make_constraints("generate"), *options.make_scaffold("generate"),
    *options.make_novelty("generate"), options.SAMPLES, options.STRATEGY, options.ENUMERATE_STEREO, options.SEED, options.NAME, options.FAIL_UNDER,
    options.DASK, options.PUBLISH, options.SET,
)  # fmt: skip
def generate(
    given: Given, model: str | None, output: Path | None, config: Path | None, workspace: Path, quiet: bool
) -> None:
    """Generate candidates with a trained model, and report on them.

    chem-vae generate --target logp=2.5 --maximize qed -n 100 -o found.sdf

    With a model of your choice (chem-vae models):

    chem-vae generate --model moses --target logp=2.5 -n 100

    Only molecules that meet conditions:

    chem-vae generate --within mw=300: --without-alerts PAINS,BRENK --must-contain c1ccncc1
    """
    options.add_similarity(given, "generate")
    whole = given.load(config, name="generate")
    if output is not None:
        check_output(output)
    from pipeline.models.trained_model import load_model  # here: loads torch and rdkit
    from pipeline.workflows.generate_run import generate_run

    trained = load_model(model, workspace)
    with (
        publish_to(whole.publish, workspace, log),
        use_cluster(whole.dask, workspace),
        show_progress(quiet) as progress,
    ):
        made = generate_run(
            trained, None, whole.generate, workspace, whole.name, progress, library=whole.library,
            overall=whole.list_overall(),
        )  # fmt: skip
    inspect.show_run(made.folder)
    answer(lambda: describe_run(made.folder))
    if output is not None:
        print(f"{count_things(export(made.folder, output), 'candidate')}: {output}")
    suggest_command("chem-vae report {} --open", made.folder.name, workspace=workspace)
    require_hits(made.folder, whole.fail_under)
