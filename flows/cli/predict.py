"""The command `predict`: measured properties of molecules, with uncertainty, domain and reasons."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from chem_vae.errors import UserError
from flows.cli.command import command, new_group
from flows.cli.explore_output import Limit, open_model, print_table
from flows.cli.json_output import answer
from flows.terminal import note, suggest_command
from pipeline.workspace.check_arguments import check_count
from pipeline.workspace.presentation.formatting import count_of, count_things

app = new_group()
FORMATS = (".csv", ".xlsx")
SHOWN = 20


@command(app)
def predict(
    molecules: list[str] | None,
    model: str | None,
    workspace: Path,
    quiet: bool,
    smiles_column: str | None = None,
    outside_domain: bool = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write the whole table here: .csv or .xlsx."),
    ] = None,
    limit: Limit = None,
) -> None:
    """Predict the measured property of molecules that you have: value, uncertainty, and whether the prediction counts.

    chem-vae predict ideas.csv -m latest -o predicted.csv

    chem-vae predict 'CC(=O)Nc1ccc(O)cc1' -m latest

    Every row of the file is in the table, with your own columns. A row that is no molecule, or lies outside of the domain of the predictor,
    has no prediction but a reason. What a structure gives (logP, weight) is computed, not predicted. A model learns a measured property
    with: chem-vae run --data FILE.

    Args:
        smiles_column: The column of SMILES; found by its name when not given.
        outside_domain: Also give the predictions that do not count.
    """
    from pipeline.datasets.exports import write_table_file  # here and below: they load torch, rdkit and pandas
    from pipeline.explore.prediction import predict as predict_smiles
    from pipeline.explore.prediction import predict_file
    from pipeline.explore.unusual import find_file

    given = molecules or []
    if not given:
        raise UserError("there is no molecule to predict: give SMILES, or a file of them")
    check_count("limit", limit)
    file = find_file(given)
    with open_model(model, workspace, output, FORMATS, quiet) as (trained, progress):
        if file is not None:
            options: dict[str, Any] = {"smiles_column": smiles_column, "limit": limit}
            frame = predict_file(trained, file, outside_domain=outside_domain, progress=progress, **options)
        else:
            frame = predict_smiles(trained, given[:limit], outside_domain=outside_domain, progress=progress)
    answer(lambda: frame)
    names = list(trained.measured)
    shown = ["row"] if "row" in frame else []
    for name in names:
        shown += [f"{name}_{what}" for what in ("predicted", "predicted_std", "measured", "similarity")]
    computed = [str(name) for name in frame if str(name).endswith("_computed")]
    shown += computed[: 4 if names else None]
    print_table(frame.head(SHOWN), [*shown, "smiles", "reason"])
    if len(frame) > SHOWN:
        note(f"the first {SHOWN} of {len(frame):,} rows")
    if output is not None:
        write_table_file(frame, output)
        print(f"{count_things(len(frame), 'row')}: {output}")
    _summarize(frame, names)
    if names:
        suggest_command("chem-vae screen CATALOGUE.csv --maximize {}", names[0], model=model, workspace=workspace)
    else:
        note(
            f"the model {trained.folder.name} has learned no measured property, so that nothing is predicted: all values are computed"
        )
        suggest_command("chem-vae run --data YOUR.csv --property pIC50 --maximize pIC50")


def _summarize(frame: Any, names: list[str]) -> None:
    """Say how many molecules have a prediction of each property."""
    unread = int(frame["smiles"].isna().sum())
    if unread:
        note(
            f"warning: {count_of(unread, len(frame), 'row')} cannot be read as molecules the model knows: see the column reason"
        )
    for name in names:
        counted = int(frame[f"{name}_predicted"].notna().sum())
        outside = int((frame[f"{name}_in_domain"] == False).sum())  # noqa: E712 (None is neither)
        told = f"; {outside:,} {'lies' if outside == 1 else 'lie'} outside of its domain" if outside else ""
        note(f"{count_of(counted, len(frame), 'row', 'has', 'have')} a prediction of {name}{told}")
