"""The command tune: a sweep over the settings that matter."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.cli import options

app = typer.Typer()
TRIALS = "The sweep"


@app.command()
def tune(
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset",
            metavar="FOLDER|NAME",
            rich_help_panel=options.SOURCE,
            help="A dataset folder, or a name in the workspace; the embedded sample when not given.",
        ),
    ] = None,
    trials: Annotated[
        int,
        typer.Option(
            "--trials",
            "-n",
            min=1,
            metavar="INT",
            rich_help_panel=TRIALS,
            help="How many trials the study shall have in all; those it has already count.",
        ),
    ] = 20,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            "--vary",
            metavar="NAME[=LOW:HIGH|=A,B]",
            rich_help_panel=TRIALS,
            help="Only these settings, e.g. --vary beta=0.01:0.2 --vary decoder_size=256,512. Repeatable. Else "
            "learning_rate, beta, batch_size, latent_dropout, condition_dropout, decoder_size, latent_size.",
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            "--epochs",
            metavar="INT",
            rich_help_panel=TRIALS,
            help="Passes of each trial over its molecules; 3 when not given.",
        ),
    ] = None,
    molecules: Annotated[
        int | None,
        typer.Option(
            "--molecules",
            metavar="INT",
            rich_help_panel=TRIALS,
            help="Training molecules of each trial; 10,000 when not given.",
        ),
    ] = None,
    reconstruction_weight: Annotated[
        float | None,
        typer.Option(
            "--reconstruction-weight",
            metavar="W",
            rich_help_panel=TRIALS,
            help="What reconstruction counts beside generation; 1 when not given, 0 for generation alone.",
        ),
    ] = None,
    kl_price: Annotated[
        float | None,
        typer.Option(
            "--kl-price",
            metavar="K",
            rich_help_panel=TRIALS,
            help="What a nat of KL costs; 0.1 when not given. The best beta will lie near it.",
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            metavar="NAME",
            rich_help_panel=options.HOW,
            help="Of the study; from the dataset and the settings when not given.",
        ),
    ] = None,
    config: options.Config = None,
    seed: options.Seed = None,
    settings: options.Settings = None,
    workspace: options.Workspace = options.WORKSPACE,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Find good settings by many short trainings. Interrupt it when you must: the same command goes on from there.

    A trial is judged on held-out molecules by one number, nats per molecule,
    lower is better: how well it generates without z (the mean of -log p(x|c)
    and -log p(x)), W times how well it reconstructs (-log p(x|z,c)), and K
    times the KL. Trials that fall behind the median are ended early. All see
    equally many molecules; the table says how many seconds each took.

    chem-vae tune --trials 20 --vary learning_rate --vary beta=0.01:0.2
    """
    from flows.cli.overrides import overrides
    from flows.terminal import next_command, note, progress_shown, where
    from pipeline.config import load_config

    whole = load_config(config, overrides(seed=seed, settings=settings))
    from pipeline.training.study import rank_trials
    from pipeline.training.tune import tune as sweep
    from pipeline.training.tune import tune_config
    from pipeline.workspace.lookup import find_dataset

    asked = tune_config(
        epochs=epochs,
        molecules=molecules,
        reconstruction_weight=reconstruction_weight,
        kl_price=kl_price,
        vary=tuple(vary) if vary else None,
        seed=seed,
    )
    with progress_shown(quiet) as progress:
        if dataset is None:
            from pipeline.datasets.ingest import ingest

            opened = ingest(whole.ingest, workspace, progress)
        else:
            from pipeline.datasets.dataset import Dataset

            opened = Dataset.open(find_dataset(dataset, workspace))
        study = sweep(opened, whole.train, asked, workspace, trials=trials, name=name, progress=progress)
    from flows.terminal import table

    rows, head = rank_trials(study.trials, study.varied)
    print(table(rows, head))
    best = study.folder / "best.toml"
    states = study.trials["state"].value_counts()
    note(
        ", ".join(f"{states.get(s, 0)} of {len(study.trials)} {s}" for s in ("complete", "pruned", "failed"))
        + f"; all of them: {study.folder / 'study.csv'}; figure: {study.folder / 'study.png'}"
    )
    print(f"best settings: {best}")
    next_command(f"chem-vae train --dataset {opened.folder.name} --config {best}{where(workspace)}")
