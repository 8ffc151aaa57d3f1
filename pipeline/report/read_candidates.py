"""Reads the candidates of a run's folder back, with ids such as 00129 as the texts that they are."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from pipeline.report.column_dictionary import MEASURED, describe_columns
from pipeline.report.model import Report, read_report
from pipeline.report.shown_properties import list_own_columns
from pipeline.workspace.presentation.csv_tables import escape_formula, read_csv
from pipeline.workspace.presentation.value_columns import NEAREST_MEASURED

_PLAIN_NUMBER = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d+)?")
"""A number that says all that its text says: 00129 and 1E5, as of a plate's well, may be names."""


def read_candidates(path: Path, report: Report | None = None) -> pd.DataFrame:
    """Read a run's candidates.csv as a table, best first.

    Columns of a catalogue's or the user's own are numbers only where every cell is a plain number.

    Args:
        path: The file, which `pipeline.report.write` has written.
        report: The report of the run; that beside the file when None.

    Returns:
        The candidates, one per row; of the measured values of neighbors, numbers are numbers and bounds are texts.

    Raises:
        DataError: If there is no whole report beside the file.
        OSError, ValueError: If the file cannot be read.
    """
    report = read_report(path.parent) if report is None else report
    names = [str(name) for name in read_csv(path, nrows=0)]
    own = list_own_columns(report)
    near = [e for e in describe_columns(names, report) if e.column.startswith(NEAREST_MEASURED)]
    texts = {*own, *(e.column for e in near if e.column != f"{NEAREST_MEASURED}similarity")}
    types = {escape_formula(name): str for name in texts}
    table = read_csv(path, dtype=types, keep_default_na=False, na_values=[""])
    for name in texts & set(table):
        table[name] = _read_numbers(table[name])
    for entry in near:
        if entry.basis == MEASURED:
            table[entry.column] = table[entry.column].map(_read_measured, na_action="ignore")
    return table


def _read_numbers(cells: pd.Series) -> pd.Series:
    """Read a column of texts as numbers where each is a plain one."""
    known = cells.dropna()
    plain = len(known) > 0 and all(_PLAIN_NUMBER.fullmatch(cell) for cell in known)
    return pd.to_numeric(cells) if plain else cells


def _read_measured(cell: str | float) -> float | str:
    """Read a measured value as a number; a bound stays a text."""
    try:
        return float(cell)
    except ValueError:
        return str(cell)
