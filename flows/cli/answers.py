"""Describes runs, datasets and models for a program: what `--json` prints of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.terminal import list_reused

if TYPE_CHECKING:
    from pipeline.datasets.dataset import Dataset
    from pipeline.models.trained_model import TrainedModel

BEST = 10
"""The candidates of a run that are described; its table has all."""


def describe_run(folder: Path, **more: Any) -> dict[str, Any]:
    """Describe a run: what `chem-vae runs --json` tells of it, its files, its figures, its warnings and its first candidates.

    Args:
        folder: The run's folder.
        more: What the command adds.
    """
    from pipeline.report.model import read_report  # here and below: --help does without pydantic and pandas
    from pipeline.report.read_candidates import read_candidates
    from pipeline.report.read_first import split_warnings
    from pipeline.report.tables import list_achieved_rows, list_funnel_rows, list_warnings
    from pipeline.workflows.records.summarize_runs import list_missing, summarize_run

    report, table = read_report(folder), folder / "candidates.csv"
    warnings, notes = split_warnings(report, list_warnings(report))
    return {
        **summarize_run(folder).to_dict(),
        "folder": folder,
        "report": folder / "report.html",
        "table": table if table.exists() else None,
        "missing": list_missing(folder),
        "reused": list_reused(folder / "manifest.json"),
        "funnel": list_funnel_rows(report),
        "achieved": list_achieved_rows(report),
        "warnings": warnings,
        "notes": [*notes, *report.dataset.notes],
        "best": read_candidates(table, report).head(BEST) if table.exists() else [],
        **more,
    }


def describe_dataset(dataset: Dataset) -> dict[str, Any]:
    """Describe a dataset: what became of the rows, its properties, its warnings."""
    return {
        "name": dataset.name,
        "folder": dataset.folder,
        "key": dataset.key,
        "reused": dataset.reused,
        "counts": dataset.counts,
        "properties": dataset.properties,
        "changes": dataset.changes,
        "labels": dataset.labels,
        "warnings": dataset.warnings,
        "notes": dataset.notes,
    }


def describe_model(model: TrainedModel) -> dict[str, Any]:
    """Describe a trained model: where it is, and its card."""
    card: Mapping[str, Any] = model.card
    return {"name": model.folder.name, "folder": model.folder, "key": model.key, "reused": model.reused, "card": card}
