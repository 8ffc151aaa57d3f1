"""The command that measures a model, or a user's own samples, as the literature does."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from flows.cli import options

app = typer.Typer(help="Measure a model beside published ones. Try: chem-vae benchmark moses --model latest --quick")


@app.command()
def moses(
    model: Annotated[
        str | None,
        typer.Option(
            "--model", "-m", metavar="MODEL", help="A model's or run's folder or name, or `latest`.", show_default=False
        ),
    ] = None,
    samples_file: Annotated[
        Path | None,
        typer.Option(
            "--samples-file",
            metavar="FILE",
            help="Score these SMILES instead (csv, smi, txt, also .gz), invalid ones left in: no model is needed.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="With --samples-file: write the figures as JSON."),
    ] = None,
    samples: Annotated[int | None, typer.Option(metavar="INT", help="Molecules for each seed (30,000).")] = None,
    seeds: Annotated[int | None, typer.Option(metavar="INT", help="How many sets of samples (3).")] = None,
    first_seed: Annotated[int | None, typer.Option("--seed", metavar="INT", help="The first seed (0).")] = None,
    prior: Annotated[
        str | None, typer.Option(metavar="NAME", help="Where z comes from: none (no z), ancestral, normal.")
    ] = None,
    temperature: Annotated[float | None, typer.Option(metavar="FLOAT", help="Of the samples (1.0).")] = None,
    target_temperature: Annotated[
        float | None, typer.Option(metavar="FLOAT", help="Of the samples with targets (0.7).")
    ] = None,
    guidance: Annotated[
        float | None, typer.Option(metavar="FLOAT", help="How much more closely targets are followed than learned (0).")
    ] = None,
    redraws: Annotated[
        int | None,
        typer.Option(
            metavar="INT", help="How often a molecule is drawn again that is not spelled canonically (4); 0: never."
        ),
    ] = None,
    reconstructions: Annotated[
        int | None, typer.Option(metavar="INT", help="Test molecules to encode and decode again (10,000).")
    ] = None,
    targets: Annotated[int | None, typer.Option(metavar="INT", help="Target vectors of protocol B (10,000).")] = None,
    per_value: Annotated[
        int | None, typer.Option(metavar="INT", help="Molecules for each value of a single target (500).")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="A try: 3,000 samples, one seed, 1,000 reconstructions and target vectors.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option(metavar="INT", help="Processes for the chemistry; all cores when not given.")
    ] = None,
    workspace: options.Workspace = options.WORKSPACE,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Measure a model with MOSES: distribution, reconstruction, targets, beside the published figures.

    Needs the extra `benchmark` (FCD). The first time, the reference sets are measured: some minutes, kept for later. A
    run that was stopped goes on with the part that it was at.

    chem-vae benchmark moses --model latest --quick

    chem-vae benchmark moses --samples-file mine.csv
    """
    given = {
        "samples": samples,
        "seeds": seeds,
        "first_seed": first_seed,
        "prior": prior,
        "temperature": temperature,
        "target_temperature": target_temperature,
        "guidance": guidance,
        "redraws": redraws,
        "reconstructions": reconstructions,
        "targets": targets,
        "per_value": per_value,
    }
    chosen = {name: value for name, value in given.items() if value is not None}
    from chem_vae.errors import UserError

    if samples_file is not None:
        if model is not None or quick or chosen:
            raise UserError(
                "--samples-file is scored as it is; leave out --model and the settings of a model's benchmark"
            )
        _score_file(samples_file, output, workers, quiet)
    elif output is not None:
        raise UserError("--output goes with --samples-file; a model's results are written to the workspace")
    elif model is None:
        raise UserError("name what is to be measured: --model latest, or --samples-file FILE")
    else:
        _measure_model(model, chosen, quick, workspace, workers, quiet)


def _measure_model(
    asked: str, chosen: dict[str, Any], quick: bool, workspace: Path, workers: int | None, quiet: bool
) -> None:
    from dataclasses import asdict

    from flows.terminal import next_command, progress_shown, where
    from pipeline.benchmark.moses import BenchmarkSettings, moses_benchmark
    from pipeline.models.trained_model import load_model

    settings = BenchmarkSettings().quick() if quick else BenchmarkSettings()
    settings = BenchmarkSettings(**{**asdict(settings), **chosen})
    opened = load_model(asked, workspace)
    with progress_shown(quiet) as progress:
        folder = moses_benchmark(opened, settings, workspace, workers=workers, progress=progress)
    print((folder / "results.md").read_text(encoding="utf-8"))
    print(f"results: {folder / 'results.json'}")
    next_command(
        f"chem-vae generate --model {asked} --target logp=2.5 -n 100 -o found.sdf{where(workspace)}"
        if not quick
        else f"chem-vae benchmark moses --model {asked}{where(workspace)}"
    )


def _score_file(path: Path, output: Path | None, workers: int | None, quiet: bool) -> None:
    from chem_vae.atomic_files import write_json
    from flows.terminal import next_command, progress_shown, table
    from pipeline.benchmark.moses import score_samples
    from pipeline.benchmark.samples import read_samples
    from pipeline.benchmark.table import COLUMNS, PUBLISHED

    smiles = read_samples(path)
    with progress_shown(quiet) as progress:
        figures = score_samples(smiles, workers=workers, progress=progress)
    published = {name: dict(zip(COLUMNS, values, strict=True)) for name, values in PUBLISHED.items()}
    rows = []
    for name, value in figures.items():
        if name == "samples":
            continue
        fraction, of = (
            (value["fraction"], f"{value['count']:,} of {value['of']:,}") if isinstance(value, dict) else (value, "")
        )
        rows.append((name, fraction, of, *(published[m].get(name) for m in ("Train", "CharRNN", "VAE"))))
    print(table(rows, ("metric", "value", "", "Train", "CharRNN", "VAE")))
    if output is not None:
        write_json(output, figures)
    next_command("chem-vae benchmark moses --model latest --quick")
