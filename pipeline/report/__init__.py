"""The report of a run: one page for a person (report.html), a message for a chat (report.md), and the same for programs (JSON, CSV, SDF)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from chem_vae import atomic_files
from pipeline.workspace.presentation.csv_tables import format_csv
from pipeline.workspace.work.parallel import count_cores

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from pipeline.report.model import Report

COLUMNS = "candidates-columns.csv"
"""The file that says what each column of candidates.csv means."""
MESSAGE = "report.md"
"""The report as a short message."""
PARALLEL_FROM = 4_000
"""Candidates from which processes of their own write the structures."""
STEPS = 3
"""The steps of `write` that are told: the page, the tables, the structures."""


def write(
    folder: Path, report: Report, candidates: pd.DataFrame, tell: Callable[[int], object] = lambda done: None
) -> Path:
    """Write candidates.csv with its dictionary, candidates.sdf, report.json, report.md and, last, report.html; each whole or not at all.

    Args:
        folder: is made where it is missing.
        report: any part of it may be missing; the page then does without it.
        candidates: one row each, best first; may be empty. Columns: `smiles`, `molecule` (the same, parsed: it is drawn
            and not written; may be missing), `score`, `<property>_computed`,
            `<property>_predicted`, `<property>_predicted_std`, `novel`, `alerts`, `within_target`,
            `nearest_training_smiles` and so on. The nearest are among all training molecules, or, where
            `report.kept_neighbors` is a number, among so many kept with the model.
        tell: called with the number of STEPS that are done.

    Returns:
        The page's path.

    Raises:
        OSError: the folder cannot be written to.
    """
    # Here and not at the top: pandas, RDKit and Jinja2 are slow to load, and reading a report needs none of them.
    from pipeline.chemistry.output.sdf_writer import write_sdf
    from pipeline.report.column_dictionary import describe_columns, make_dictionary
    from pipeline.report.html import page
    from pipeline.report.message import render_message
    from pipeline.report.model import Report
    from pipeline.report.raw_values import add_raw_values

    folder.mkdir(parents=True, exist_ok=True)
    data = atomic_files.to_plain(report.to_dict())
    text = page.render(Report.from_dict(data), candidates)  # the page of what the file holds
    message = render_message(report, candidates, text)
    tell(1)
    candidates = add_raw_values(candidates, report.logarithms)
    table = candidates.drop(columns="molecule", errors="ignore")
    atomic_files.write_text(folder / "candidates.csv", format_csv(table))
    dictionary = make_dictionary(describe_columns([str(name) for name in table.columns], report))
    atomic_files.write_text(folder / COLUMNS, format_csv(dictionary))
    tell(2)
    workers = count_cores() if len(candidates) >= PARALLEL_FROM else 1
    write_sdf(folder / "candidates.sdf", candidates, report.run_id, workers)
    tell(3)
    atomic_files.write_json(folder / "report.json", data)
    atomic_files.write_text(folder / MESSAGE, message)
    return atomic_files.write_text(folder / "report.html", text)
