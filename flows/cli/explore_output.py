"""Holds the options of `chem-vae explore` and `predict`, opens their models and shows their tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chem_vae.atomic_files import write_text
from flows.cli.export import check_output
from flows.cli.json_output import answer
from flows.terminal import format_table, show_progress
from pipeline.workspace.presentation.csv_tables import format_csv
from pipeline.workspace.presentation.formatting import count_things
from pipeline.workspace.presentation.plot_style import save_figure

if TYPE_CHECKING:
    from chem_vae.progress import Progress
    from pipeline.models.trained_model import TrainedModel

FILES, EITHER = (".csv", ".sdf", ".smi", ".png", ".svg"), (".csv", ".png", ".svg")

Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="FILE", help="Also write it here: .csv, .sdf or .smi, or drawn as .png or .svg."
    ),
]
Figure = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="FILE", help="Also write it here: a figure (.png or .svg) or its table (.csv)."
    ),
]
Limit = Annotated[int | None, typer.Option("--limit", metavar="INT", help="Look at no more than so many molecules.")]
SmilesColumn = Annotated[
    str | None,
    typer.Option(
        "--smiles-column",
        metavar="NAME",
        help="The column of SMILES of the file; found by its name when not given.",
    ),
]
Seed = Annotated[int, typer.Option("--seed", metavar="INT", help="The same seed gives the same answer.")]


@contextmanager
def open_model(
    model: str | None, workspace: Path, output: Path | None, formats: tuple[str, ...], quiet: bool
) -> Iterator[tuple[TrainedModel, Progress]]:
    """Open the model and show progress; the name of the output is checked before any work."""
    if output is not None:
        check_output(output, formats)
    from pipeline.models.trained_model import load_model  # here and in the commands: --help does without the work

    trained = load_model(model, workspace)
    with show_progress(quiet) as progress:
        yield trained, progress


def write_molecules(frame: Any, output: Path | None, captions: list[str], columns: int = 4, whole: Any = None) -> None:
    """Print a table of molecules, SMILES last, and write it."""
    answer(lambda: frame if whole is None else whole)
    rest = [c for c in frame.columns if c != "smiles"]
    shown = frame[[*rest, "smiles"]].head(50)
    print_table(shown, list(shown.columns))
    if output is not None:
        from pipeline.chemistry.output.saving import make_captions, save  # here: loads rdkit and pandas

        computed = [c for c in frame.columns if c.endswith("_computed")][:2]
        save(frame if whole is None else whole, output, make_captions(frame, [*captions, *computed]), columns)
        print(f"{count_things(len(frame), 'molecule')}: {output}")


def print_table(frame: Any, names: list[str]) -> None:
    """Print columns of a table; a computed property is labelled so."""
    rows = frame[names].astype(object).where(frame[names].notna(), None).values.tolist()
    print(
        format_table(
            rows, [n.removesuffix("_computed") + (" (computed)" if n.endswith("_computed") else "") for n in names]
        )
    )


def write_table(frame: Any, output: Path | None, draw: Callable[[], Any] | None = None) -> None:
    """Write a table as .csv, or as the figure that `draw` makes of it, and print where it is."""
    if output is None:
        return
    if output.suffix.lower() == ".csv":
        write_text(output, format_csv(frame))
    elif draw is not None:
        save_figure(draw(), output)
    print(f"written: {output}")
