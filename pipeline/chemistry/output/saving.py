"""A table of molecules as a file: .csv, .sdf, .smi, or drawn as .png or .svg."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from chem_vae.atomic_files import write_text
from chem_vae.errors import UserError
from pipeline.chemistry.output.drawings import draw_grid
from pipeline.chemistry.output.sdf_writer import write_sdf
from pipeline.workspace.presentation.csv_tables import format_csv
from pipeline.workspace.presentation.formatting import format_brief
from pipeline.workspace.presentation.plot_style import PICTURES

TABLES = (".csv", ".sdf", ".smi")
FORMATS = (*TABLES, *PICTURES)


def save(frame: pd.DataFrame, path: str | Path, captions: Sequence[str] | None = None, columns: int = 4) -> Path:
    """Write a table of molecules to a file, whole or not at all.

    Args:
        frame: Has a column `smiles`. A picture begins with the molecule `frame.attrs["given"]`, if there is one. An .smi or .sdf file
            leaves rows without a molecule out; a .csv keeps them.
        path: The file; its ending selects the format.
        captions: One for each row of a picture.
        columns: Molecules in a row of a picture.

    Raises:
        UserError: The name has another ending.
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind in PICTURES:
        smiles, captions = frame["smiles"].tolist(), list(captions or [""] * len(frame))
        if given := frame.attrs.get("given"):
            smiles, captions = [given, *smiles], ["given", *captions]
        return draw_grid(smiles, captions, path, columns)
    if kind == ".csv":
        return write_text(path, format_csv(frame))
    if kind == ".smi":
        rows = [str(s) for s in frame["smiles"] if isinstance(s, str) and s]
        return write_text(path, "".join(f"{s} {i}\n" for i, s in enumerate(rows, start=1)))
    if kind == ".sdf":
        return write_sdf(path, frame, path.stem)
    raise UserError(f"cannot write {path.name}: the name must end in {', '.join(FORMATS[:-1])} or {FORMATS[-1]}")


def make_captions(frame: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """Make a caption for each row: "name value" of each of the columns that are there, nothing for NaN; floats to three digits."""
    shown = [n for n in names if n in frame]
    rows = []
    for record in frame[shown].to_dict("records"):
        parts = []
        for name, value in record.items():
            if isinstance(value, float):
                if value == value:
                    parts.append(f"{_name_column(str(name))} {format_brief(value)}")
            elif value is not None:
                parts.append(str(value))
        rows.append("  ".join(parts))
    return rows


def _name_column(column: str) -> str:
    return column.removesuffix("_computed").replace("_", " ")
