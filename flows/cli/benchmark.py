"""The command that measures a model, or a user's own samples, as the literature does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from chem_vae.atomic_files import read_json, write_json
from chem_vae.errors import UserError
from flows.cli import options
from flows.cli.command import command, new_group
from flows.cli.export import check_place
from flows.cli.given import Given
from flows.cli.json_output import answer
from flows.cli.setting_option import SettingOption
from flows.terminal import format_table, show_progress, suggest_command
from pipeline.benchmark.config import BenchmarkSettings
from pipeline.benchmark.table import COLUMNS, PUBLISHED

app = new_group("Measure a model beside published ones. Try: chem-vae benchmark moses --model latest --quick")
WHAT, HOW_MUCH = "What to measure", "How much of it"
SETTINGS = (
    *(
        SettingOption(HOW_MUCH, f"--{name.replace('_', '-')}", f"benchmark.{name}")
        for name in (
            "samples", "seeds", "prior", "temperature", "target_temperature", "guidance", "redraws", "reconstructions",
            "targets", "per_value",
        )
    ),
    SettingOption(HOW_MUCH, "--seed", "benchmark.first_seed"),
)  # fmt: skip


@command(app, *SETTINGS)
def moses(
    given: Given,
    workspace: Path,
    quiet: bool,
    model: Annotated[
        str | None,
        options.make_option(
            WHAT, "--model", "-m", metavar="MODEL", help="A model's or run's folder or name, or `latest`."
        ),
    ] = None,
    samples_file: Annotated[
        Path | None,
        options.make_option(
            WHAT, "--samples-file", metavar="FILE",
            help="Score these SMILES instead (csv, smi, txt, also .gz), invalid ones left in: no model is needed.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        options.make_option(
            WHAT, "--output", "-o", metavar="FILE", help="With --samples-file: write the figures as JSON."
        ),
    ] = None,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="A try: 3,000 samples, one seed, 1,000 reconstructions and target vectors."),
    ] = False,
    workers: Annotated[
        int | None,
        options.make_option(
            options.HOW, "--workers", metavar="INT", help="Processes for the chemistry; all cores when not given."
        ),
    ] = None,
) -> None:  # fmt: skip
    """Measure a model with MOSES: distribution, reconstruction, targets, beside the published figures.

    Needs the extra `benchmark` (FCD). The first time, the reference sets are measured: some minutes, kept for later. A
    run that was stopped goes on with the part that it was at.

    chem-vae benchmark moses --model latest --quick

    chem-vae benchmark moses --samples-file mine.csv
    """
    if samples_file is not None:
        if model is not None or quick or given.raw:
            raise UserError(
                "--samples-file is scored as it is; leave out --model and the settings of a model's benchmark"
            )
        if output is not None:
            check_place(output, "figures.json")
        _score_file(samples_file, output, workers, quiet)
    elif output is not None:
        raise UserError("--output goes with --samples-file; a model's results are written to the workspace")
    elif model is None:
        raise UserError("name what is to be measured: --model latest, or --samples-file FILE")
    else:
        _measure_model(model, given.table("benchmark"), quick, workspace, workers, quiet)


def _measure_model(
    name: str, chosen: dict[str, Any], quick: bool, workspace: Path, workers: int | None, quiet: bool
) -> None:
    from pipeline.benchmark.moses import run_benchmark
    from pipeline.models.trained_model import load_model

    settings = replace(BenchmarkSettings().quick() if quick else BenchmarkSettings(), **chosen)
    opened = load_model(name, workspace)
    with show_progress(quiet) as progress:
        folder = run_benchmark(opened, settings, workspace, workers=workers, progress=progress)
    answer(lambda: {"folder": folder, **read_json(folder / "results.json")})
    print((folder / "results.md").read_text(encoding="utf-8"))
    print(f"results: {folder / 'results.json'}")
    if quick:
        suggest_command("chem-vae benchmark moses --model {}", name, workspace=workspace)
    else:
        suggest_command("chem-vae generate --model {} --target logp=2.5 -n 100 -o found.sdf", name, workspace=workspace)


def _score_file(path: Path, output: Path | None, workers: int | None, quiet: bool) -> None:
    from pipeline.benchmark.moses import score_samples  # here: loads torch and rdkit
    from pipeline.benchmark.samples import read_samples

    smiles = read_samples(path)
    with show_progress(quiet) as progress:
        figures = score_samples(smiles, workers=workers, progress=progress)
    answer(lambda: figures)
    published = {name: dict(zip(COLUMNS, values, strict=True)) for name, values in PUBLISHED.items()}
    rows = []
    for name, value in figures.items():
        if name == "samples":
            continue
        fraction, of = (
            (value["fraction"], f"{value['count']:,} of {value['of']:,}") if isinstance(value, dict) else (value, "")
        )
        rows.append((name, fraction, of, *(published[m].get(name) for m in ("Train", "CharRNN", "VAE"))))
    print(format_table(rows, ("metric", "value", "", "Train", "CharRNN", "VAE")))
    if output is not None:
        write_json(output, figures)
    suggest_command("chem-vae benchmark moses --model latest --quick")
