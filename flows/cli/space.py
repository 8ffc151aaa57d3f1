"""The commands of `chem-vae explore` that look at the whole space: map, dimensions, calibration, robustness."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.cli.command import command
from flows.cli.explore import app
from flows.cli.explore_output import (
    EITHER,
    FILES,
    Figure,
    Output,
    Seed,
    SmilesColumn,
    open_model,
    print_table,
    write_molecules,
    write_table,
)
from flows.cli.json_output import answer
from flows.cli.setting_option import split_numbers
from flows.terminal import note, suggest_command
from pipeline.workspace.presentation.formatting import count_of, count_things

Color = Annotated[
    str | None,
    typer.Option(
        "--color", metavar="NAME", help="The property that colors the training molecules; the first when not given."
    ),
]


@command(app, name="map")
def map_(
    molecules: list[str] | None,
    model: str | None,
    workspace: Path,
    quiet: bool,
    method: str = "pca",
    color: Color = None,
    most: int = 3000,
    smiles_column: SmilesColumn = None,
    output: Figure = None,
    seed: Seed = 0,
) -> None:
    """Draw the latent space in two dimensions, with molecules of yours on it where you give some.

    chem-vae explore map candidates.csv --method tsne --color logp -o map.png

    Args:
        method: pca, tsne, or umap (pip install 'chem-vae[umap]').
        most: Training molecules to show at most.
    """
    with open_model(model, workspace, output, EITHER, quiet) as (trained, progress):
        from pipeline.explore.inputs import read_molecules  # here: loads torch and rdkit
        from pipeline.explore.maps import latent_map

        smiles = read_molecules(molecules, smiles_column=smiles_column) if molecules else []
        made = latent_map(trained, method, color, smiles=smiles, most=most, seed=seed, progress=progress)
        if output is not None:
            made.save(output)
    answer(lambda: made.frame)
    own = made.frame[made.frame["kind"] == "own"]
    training = len(made.frame) - len(own)
    placed = count_of(int(own["x"].notna().sum()), len(own), "given molecule")
    print(f"{count_things(training, 'training molecule')}, {placed} placed")
    if len(made.explained) == 1:
        note("the latent space of the model has one dimension: the map is a line")
    elif made.explained:
        print(f"the two directions hold {sum(made.explained):.1%} of the variance")
    missing = own[own["x"].isna()]
    _warn("not on the map", missing[["number", "input", "reason"]].values.tolist())
    if output is not None:
        print(f"written: {output}")
    suggest_command("chem-vae explore disentangle -o dimensions.png", model=model, workspace=workspace)


@command(app)
def traverse(
    molecule: str,
    model: str | None,
    workspace: Path,
    quiet: bool,
    along: str = "axes",
    which: Annotated[
        str | None,
        typer.Option(
            "--which", metavar="NUMBERS", help="Their numbers from 0, e.g. --which 0,3,5; four when not given."
        ),
    ] = None,
    steps: int = 7,
    reach: float = 3.0,
    output: Output = None,
) -> None:
    """Move a molecule along single directions of the latent space, a row of the drawing each.

    chem-vae explore traverse 'CC(=O)Nc1ccc(O)cc1' --along axes -o traversal.svg

    Args:
        along: axes (principal, widest first) or dimensions (the model's own).
        steps: Molecules in a row, an odd number.
        reach: Standard deviations of the training data to either side.
    """
    numbers = split_numbers("--which", which, "0,3,5", int) if which else None
    with open_model(model, workspace, output, FILES, quiet) as (trained, _):
        from pipeline.explore.dimensions import traverse as move  # here: loads torch and rdkit

        frame = move(trained, molecule, along=along, which=numbers, steps=steps, reach=reach)
    write_molecules(frame, output, ["direction", "offset"], columns=steps)
    suggest_command("chem-vae explore disentangle -o dimensions.png", model=model, workspace=workspace)


@command(app)
def disentangle(
    model: str | None,
    workspace: Path,
    quiet: bool,
    method: str = "mi",
    properties: Annotated[
        list[str] | None,
        typer.Option("--property", "-p", metavar="NAME", help="Only this one. Repeatable; all when not given."),
    ] = None,
    output: Figure = None,
    seed: Seed = 0,
) -> None:
    """Show how much each latent dimension tells of each property, and whether one dimension tells it alone.

    chem-vae explore disentangle --method mi -o dimensions.png

    Args:
        method: mi, mutual information; r2, a line in one dimension (faster).
    """
    with open_model(model, workspace, output, EITHER, quiet) as (trained, progress):
        from pipeline.explore.dimensions import disentangle as untangle  # here: loads torch and rdkit

        made = untangle(trained, method, properties=properties, seed=seed, progress=progress)
        if output is not None:
            made.save(output)
    summary = made.summary()
    answer(lambda: summary)
    print_table(summary, list(summary.columns))
    unit = "nats; gap: share of the entropy (MIG)" if method == "mi" else "share of the variance"
    note(f"values in {unit}; {made.molecules:,} training molecules, {len(made.values)} dimensions")
    if output is not None:
        print(f"written: {output}")
    suggest_command(
        "chem-vae explore traverse SMILES --along dimensions -o traversal.svg", model=model, workspace=workspace
    )


@command(app)
def calibration(
    model: str | None, workspace: Path, quiet: bool, n: int = 2000, output: Figure = None, seed: Seed = 0
) -> None:
    """Check the predictors' uncertainty: whether their intervals hold as many held-out values as they promise.

    chem-vae explore calibration -o calibration.png

    Args:
        n: Held-out molecules at most.
    """
    with open_model(model, workspace, output, EITHER, quiet) as (trained, progress):
        from pipeline.explore.calibration import calibration as check  # here: loads torch and rdkit
        from pipeline.explore.calibration import calibration_error, calibration_figure

        frame = check(trained, n, seed, progress)
    answer(lambda: frame)
    wide = frame[frame["nominal"].isin((0.5, 0.8, 0.9, 0.95))].pivot(
        index="property", columns="nominal", values="observed"
    )
    wide = wide.rename(columns=lambda level: f"{level:.0%} interval").reset_index()
    wide["of"] = [int(frame.loc[frame["property"] == p, "of"].iloc[0]) for p in wide["property"]]
    wide["off_by"] = [calibration_error(frame)[p] for p in wide["property"]]
    print_table(wide, list(wide.columns))
    note(f"from {frame.attrs['origin']}; off_by: mean difference of observed and promised coverage")
    for name, told in frame.attrs["classes"].items():
        note(f"{name} has two classes, whose predictions are probabilities without an interval: {told}")
    write_table(frame, output, lambda: calibration_figure(frame))
    suggest_command("chem-vae generate --target logp=2.5 -n 100 -o found.sdf", model=model, workspace=workspace)


@command(app)
def robustness(
    molecules: list[str] | None,
    model: str | None,
    workspace: Path,
    quiet: bool,
    shares: Annotated[
        str, typer.Option("--shares", metavar="NUMBERS", help="Shares of the symbols to hide, e.g. --shares 0,0.1,0.3.")
    ] = "0,0.05,0.1,0.2,0.3",
    n: int = 500,
    smiles_column: SmilesColumn = None,
    output: Figure = None,
    seed: Seed = 0,
) -> None:
    """Reconstruct molecules of which the encoder sees only a part.

    chem-vae explore robustness --shares 0,0.1,0.2,0.3 -o robustness.png

    Args:
        n: Held-out molecules to take where none are given.
    """
    hidden = split_numbers("--shares", shares, "0,0.1,0.3", float)
    with open_model(model, workspace, output, EITHER, quiet) as (trained, progress):
        from pipeline.explore.inputs import read_molecules  # here: loads torch and rdkit
        from pipeline.explore.reconstruction import robustness as damage
        from pipeline.explore.reconstruction import robustness_figure

        smiles = read_molecules(molecules, smiles_column=smiles_column) if molecules else None
        frame = damage(trained, smiles, shares=hidden, n=n, seed=seed, progress=progress)
    answer(lambda: frame)
    print_table(frame, list(frame.columns))
    _warn("left out", frame.attrs["left_out"])
    note(f"{frame['of'].iloc[0]:,} {frame.attrs['origin']}; similarity: mean Tanimoto of the valid ones")
    write_table(frame, output, lambda: robustness_figure(frame))
    suggest_command("chem-vae explore reconstruct SMILES", model=model, workspace=workspace)


def _warn(what: str, molecules: Sequence[Sequence[Any]]) -> None:
    """Say how many of the given molecules are missing, and of the first five the number, the text and the reason."""
    if molecules:
        note(f"warning: {len(molecules):,} of the given molecules {'is' if len(molecules) == 1 else 'are'} {what}")
    for number, text, reason in molecules[:5]:
        note(f"  {number}: {text[:60]}: {reason}" if text else f"  {number}: {reason}")
    if len(molecules) > 5:
        note(f"  and {len(molecules) - 5:,} more")
