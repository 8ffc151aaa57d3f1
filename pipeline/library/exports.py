"""Writes molecules of the library to files with a dictionary of their columns, and measurements as labels of a training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import Connection, select

from chem_vae.atomic_files import write_text
from chem_vae.errors import UserError
from pipeline.chemistry.output.sdf_writer import write_sdf
from pipeline.datasets.exports import write_table_file
from pipeline.library.schema import BASES, COMPUTED, MEASURED, MeasurementRecord, MoleculeRecord, PropertyRecord
from pipeline.library.search.identity import format_id
from pipeline.library.search.views import OWN_COLUMNS, write_measured
from pipeline.workspace.presentation.csv_tables import format_csv

SUFFIXES = (".csv", ".sdf", ".xlsx")
LABEL_COLUMNS = ("smiles", "inchikey", "id", "assay")
"""The first columns of a table of measurements; each further one is a property."""
_MEANINGS = {
    COMPUTED: "computed from the structure, or by the oracle of the last run that proposed it",
    MEASURED: "measured: the median of the exact measurements; those with bounds alone are in the history",
}


def make_table(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Put rows of molecules (`pipeline.library.search.views.read_rows`) together as a table; also without rows it has the own columns."""
    own = [name for name in OWN_COLUMNS if name != "similarity" or any(name in row for row in rows)]
    values = list(dict.fromkeys(name for row in rows for name in row if name not in OWN_COLUMNS))
    table = pd.DataFrame({name: pd.Series([row.get(name) for row in rows], dtype=object) for name in [*own, *values]})
    for name in [n for n in table if n in values or n in ("score", "hit_probability", "similarity")]:
        table[name] = table[name].astype(float)
    return table


def describe_columns(connection: Connection, columns: Sequence[str]) -> pd.DataFrame:
    """Describe each column of a table of molecules: column, meaning, basis and unit."""
    known = {p.name: p for p in connection.execute(select(PropertyRecord.__table__))}
    rows = []
    for column in columns:
        name, _, basis = column.removesuffix("_std").rpartition("_")
        if column in OWN_COLUMNS or basis not in BASES:
            rows.append({"column": column, "meaning": OWN_COLUMNS.get(column, ""), "basis": "", "unit": ""})
            continue
        label, unit = (known[name].label or name, known[name].unit) if name in known else (name, "")
        how = _MEANINGS.get(basis, "predicted by the model of the last run that proposed it")
        what = (
            f"the standard deviation of {column.removesuffix('_std')}" if column.endswith("_std") else f"{label}, {how}"
        )
        rows.append({"column": column, "meaning": what, "basis": basis, "unit": unit})
    return pd.DataFrame(rows, columns=["column", "meaning", "basis", "unit"])


def write_export(table: pd.DataFrame, dictionary: pd.DataFrame, path: Path) -> Path | None:
    """Write a table of molecules as .csv, .sdf or .xlsx with the dictionary of its columns.

    Returns:
        The file of the dictionary; None for a workbook, which has it as its second sheet.

    Raises:
        UserError: The name has another ending, or its folder is missing.
    """
    check_export(path)
    if path.suffix.lower() == ".xlsx":
        write_table_file(table, path, {"columns": dictionary})
        return None
    if path.suffix.lower() == ".sdf":
        write_sdf(path, table, "library")
    else:
        write_text(path, format_csv(table))
    beside = path.with_name(f"{path.stem}-columns.csv")
    write_text(beside, format_csv(dictionary))
    return beside


def check_export(path: Path) -> None:
    """Check that `write_export` can write a file of this name.

    Raises:
        UserError: The name has another ending, or its folder is missing.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"cannot write {path.name}: the name must end in .csv, .sdf or .xlsx")
    if not path.absolute().parent.is_dir():
        raise UserError(f"there is no folder {path.parent} to write {path.name} into; make it first")


def read_label_table(connection: Connection) -> pd.DataFrame:
    """Read all measurements as a table that a training reads: smiles, inchikey, id, and a column for each property.

    Each measurement is a row of its own, so that repeated ones are merged by the rules of the data. Bounds are written as ">10",
    errors as "6.1 ± 0.2"; the unit stands behind, so that no one takes it for another. Where a property is named like one of the
    library's own columns, that column gets another name.
    """
    query = (
        select(MoleculeRecord.smiles, MoleculeRecord.inchikey, MeasurementRecord.__table__, PropertyRecord.name)
        .join(MoleculeRecord, MoleculeRecord.id == MeasurementRecord.molecule_id)
        .join(PropertyRecord, PropertyRecord.id == MeasurementRecord.property_id)
        .order_by(MeasurementRecord.id)
    )  # fmt: skip
    measurements = connection.execute(query).all()
    names = dict.fromkeys(m.name for m in measurements)
    taken = {name.casefold() for name in names}
    own = {name: f"{name}_in_library" if name in taken else name for name in LABEL_COLUMNS}
    rows = []
    for m in measurements:
        cell = write_measured(m.value, m.lower, m.upper, m.spread)
        unit = f" {m.unit}" if m.unit else ""
        about = (m.smiles, m.inchikey, format_id(m.molecule_id), m.assay)
        rows.append({**dict(zip(own.values(), about, strict=True)), m.name: f"{cell}{unit}"})
    return pd.DataFrame(rows, columns=[*own.values(), *names], dtype=object).fillna("")
