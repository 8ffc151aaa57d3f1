"""The -o of `generate`: a run's candidates as one file of the form its name says."""

from __future__ import annotations

import shutil
from pathlib import Path

from chem_vae.atomic_files import write_whole
from chem_vae.errors import UserError
from pipeline.workspace.presentation.csv_tables import read_csv_rows
from pipeline.workspace.storage.disk_space import check_writable

FORMATS = (".csv", ".sdf", ".smi", ".xlsx")


def check_output(path: Path, formats: tuple[str, ...] = FORMATS) -> None:
    """Raise UserError now, not after the work, where the file cannot be written."""
    if path.suffix.lower() not in formats:
        listed = " or ".join(filter(None, (", ".join(formats[:-1]), formats[-1])))
        raise UserError(f"cannot write {path.name}: the name must end in {listed}")
    check_place(path, f"found{formats[0]}")


def check_place(path: Path, example: str) -> None:
    """Raise UserError where a file of any name cannot be written there."""
    if path.is_dir():
        raise UserError(f"{path} is a folder; give a file, as in {path}/{example}")
    if not path.absolute().parent.is_dir():
        raise UserError(f"there is no folder {path.parent} to write {path.name} into; make it first")
    check_writable(path.absolute().parent, option="--output")


def export(run: Path, path: Path) -> int:
    """Write the candidates of a run's folder to a .csv, .sdf, .smi or .xlsx file, whole or not at all; returns how many."""
    check_output(path)
    if path.suffix.lower() == ".xlsx":
        from pipeline.report.workbook import write_workbook  # here: loads openpyxl, RDKit and pandas

        return write_workbook(run, path)
    rows = list(read_csv_rows(run / "candidates.csv"))
    with write_whole(path) as partial:
        if path.suffix.lower() == ".smi":
            partial.write_text("".join(f"{row['smiles']} {row['rank']}\n" for row in rows), encoding="utf-8")
        else:
            shutil.copyfile(run / f"candidates{path.suffix.lower()}", partial)
    return len(rows)
