"""The command `tune`: a sweep over the settings that matter."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from flows.cli import options
from flows.cli.command import command, new_group
from flows.cli.given import Given
from flows.cli.json_output import answer
from flows.cli.setting_option import SettingOption
from flows.terminal import format_table, note, show_progress, suggest_command
from pipeline.workspace.lookup import find_dataset

app = new_group()
SWEEP = "The sweep"
SETTINGS = (
    SettingOption(SWEEP, "--vary", "tune.vary", "NAME[=LOW:HIGH|=A,B]", "beta=0.01:0.2", many=True),
    SettingOption(SWEEP, "--epochs", "tune.epochs"),
    SettingOption(SWEEP, "--molecules", "tune.molecules"),
    SettingOption(SWEEP, "--reconstruction-weight", "tune.reconstruction_weight", "W"),
    SettingOption(SWEEP, "--kl-price", "tune.kl_price", "K"),
    SettingOption(
        options.HOW, "--seed", "tune.seed", "INT", "",
        lambda option, seed: [(key, seed) for key in (option.key, "train.training.seed", "generate.seed")],
    ),
    options.SET,
)  # fmt: skip


@command(app, *SETTINGS)
def tune(
    given: Given,
    config: Path | None,
    workspace: Path,
    quiet: bool,
    dataset: Annotated[
        str | None,
        options.make_option(
            options.LEARN, "--dataset", metavar="FOLDER|NAME",
            help="A dataset folder, or a name in the workspace; the embedded sample when not given.",
        ),
    ] = None,
    trials: Annotated[
        int,
        options.make_option(
            SWEEP, "--trials", "-n", min=1, metavar="INT",
            help="How many trials the study shall have in all; those it has already count.",
        ),
    ] = 20,
    name: Annotated[
        str | None,
        options.make_option(
            options.HOW, "--name", metavar="NAME",
            help="The study's name; from the dataset and the settings when not given.",
        ),
    ] = None,
) -> None:  # fmt: skip
    """Find good settings by many short trainings. After an interrupt the same command goes on.

    A trial is judged on held-out molecules by one number, nats per molecule,
    lower is better: how well it generates without z (the mean of -log p(x|c)
    and -log p(x)), W times how well it reconstructs (-log p(x|z,c)), and K
    times the KL. Trials that fall behind the median are ended early. All see
    equally many molecules; the table says how many seconds each took.

    chem-vae tune --trials 20 --vary learning_rate --vary beta=0.01:0.2
    """
    whole = given.load(config)
    from pipeline.training.tuning.study import rank_trials  # here and below: --help does without what does the work
    from pipeline.training.tuning.tune import build_tune_config
    from pipeline.training.tuning.tune import tune as sweep

    asked = build_tune_config(**given.table("tune"))
    with show_progress(quiet) as progress:
        if dataset is None:
            from pipeline.datasets.ingest import ingest  # here: loads rdkit and pandas

            opened = ingest(whole.ingest, workspace, progress)
        else:
            from pipeline.datasets.dataset import Dataset  # here: loads pandas and pyarrow

            opened = Dataset.open(find_dataset(dataset, workspace))
        study = sweep(opened, whole.train, asked, workspace, trials=trials, name=name, progress=progress)
    rows, head = rank_trials(study.trials, study.varied)
    print(format_table(rows, head))
    best = study.folder / "best.toml"
    answer(lambda: {"folder": study.folder, "best": best, "varied": study.varied, "trials": study.trials})
    states = study.trials["state"].value_counts()
    note(
        ", ".join(f"{states.get(s, 0)} of {len(study.trials)} {s}" for s in ("complete", "pruned", "failed"))
        + f"; all of them: {study.folder / 'study.csv'}; figure: {study.folder / 'study.png'}"
    )
    print(f"best settings: {best}")
    suggest_command("chem-vae train --dataset {} --config {}", opened.folder.name, best, workspace=workspace)
