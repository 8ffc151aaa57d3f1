"""Finds for each candidate the most similar measured molecule, with its row in the user's file, what was measured, and the user's own columns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from chem_vae.progress import Progress, silent
from pipeline.chemistry.metrics import find_nearest_neighbors
from pipeline.datasets.dataset import Dataset
from pipeline.datasets.shard_settings import BESIDE, ROW_OF_SOURCE
from pipeline.objectives.desirability import ResolvedObjective
from pipeline.workspace.presentation.column_names import rename_taken
from pipeline.workspace.presentation.value_columns import NEAREST_MEASURED

SMILES, SIMILARITY, ROW = (f"{NEAREST_MEASURED}{name}" for name in ("smiles", "similarity", "row"))


def add_measured_neighbors(
    candidates: pd.DataFrame,
    dataset: Dataset | None,
    objectives: Sequence[ResolvedObjective],
    progress: Progress = silent,
) -> pd.DataFrame:
    """Add the nearest measured molecule of each candidate, its similarity, its row, and what the user's file says of it.

    Molecules with a value or a bound of a predicted objective are looked through, in all splits, by the Tanimoto similarity of
    `add_neighbors`. The table needs the column `molecule`; it is changed and returned. Nothing is added without a dataset or
    a predicted objective.
    """
    names = [w.summary.name for w in objectives if w.basis == "predicted"]
    if dataset is None or not names or not set(names) <= set(dataset.columns):
        return candidates
    own = dataset.own_columns
    bounds = [f"{n}_{kind}" for n in names for kind in BESIDE if f"{n}_{kind}" in dataset.columns]
    sources = [ROW_OF_SOURCE] if ROW_OF_SOURCE in dataset.columns else []
    table = dataset.table(["row", "smiles", *names, *bounds, *own, *sources])
    labels = {
        name: [_write_label(row, name) for row in table[[c for c in (name, *bounds) if c in table]].to_dict("records")]
        for name in names
    }
    is_measured = [any(labels[name][i] for name in names) for i in range(len(table))]
    known = table[is_measured].reset_index(drop=True)
    found = (
        find_nearest_neighbors(candidates["molecule"].tolist(), known["smiles"].tolist(), progress)
        if len(known)
        else []
    )
    places = {smiles: place for place, smiles in reversed(list(enumerate(known["smiles"])))}
    rows = [places.get(smiles or "") for smiles, _ in found] or [None] * len(candidates)
    candidates[SMILES] = pd.Series([s for s, _ in found] or [None] * len(candidates), candidates.index, dtype=object)
    candidates[SIMILARITY] = [s for _, s in found] or [math.nan] * len(candidates)
    numbers = dataset.row_numbers
    named = known[ROW_OF_SOURCE].tolist() if sources else [numbers.name(int(row)) for row in known["row"]]
    columns: dict[str, list[Any]] = {"row": named}
    columns |= {name: [text for text, there in zip(labels[name], is_measured, strict=True) if there] for name in names}
    taken = {name.removeprefix(NEAREST_MEASURED) for name in (SMILES, SIMILARITY, ROW)} | set(names)
    shown_as = rename_taken(own, taken, "source")  # the user's own "similarity" is none that was computed
    for name, shown in shown_as.items():
        columns[shown] = [None if value is None or value != value else value for value in known[name]]
    for name, cells in columns.items():
        values = [None if place is None else cells[place] for place in rows]
        candidates[f"{NEAREST_MEASURED}{name}"] = pd.Series(values, candidates.index, dtype=object)
    return candidates


def _write_label(row: Mapping[Any, Any], name: str) -> str:
    """Write a measured value, or the bounds that are known of it; "" where nothing is."""
    value, low, high = (row.get(column, math.nan) for column in (name, f"{name}_lower", f"{name}_upper"))
    known = [math.isfinite(v) for v in (value, low, high)]
    if known[0]:
        return _write_exact(value)
    if known[1] and known[2]:
        return f"{_write_exact(low)} to {_write_exact(high)}"
    return f">{_write_exact(low)}" if known[1] else f"<{_write_exact(high)}" if known[2] else ""


def _write_exact(value: float) -> str:
    """Write a number as the data has it: the shortest text that is read as the same number, without separators."""
    return repr(float(value)).removesuffix(".0")
