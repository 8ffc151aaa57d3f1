"""Finds the run that new measurements of a property can be brought to."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from pipeline.datasets.config import MeasuredProperty
from pipeline.workspace.lookup import CALLS, LATEST, list_finished
from pipeline.workspace.runs import read_settings


def find_learner(names: Collection[str], workspace: Path) -> str | None:
    """Find the newest run that has learned one of some measured properties, from which `update` goes on.

    Returns:
        Its id, or "latest" where that is the same; None where no run has learned any of them.
    """
    made = [folder for folder in list_finished(workspace / "runs") if not (folder / CALLS).is_file()]
    for i, folder in enumerate(made):
        if not list_learned(folder).isdisjoint(names):
            return folder.name if i else LATEST
    return None


def list_learned(folder: Path) -> set[str]:
    """List the names by which `update` knows the measured properties of a run: of the columns, and of what was learned of them."""
    properties: list[dict[str, Any]] = (read_settings(folder).get("ingest") or {}).get("properties") or []
    learned = [MeasuredProperty.model_validate(p) for p in properties]
    return {name for p in learned for name in (p.name, p.learned_name)}
