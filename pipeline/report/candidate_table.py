"""The candidates as the page shows them: the properties of the report, the columns of the table, its rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from markupsafe import Markup

from chem_vae.atomic_files import to_plain
from pipeline.chemistry.filters.unusual_cells import read_atoms, read_names
from pipeline.chemistry.molecule import Structure
from pipeline.chemistry.output.differences import find_different_atoms
from pipeline.chemistry.output.drawings import draw_molecule
from pipeline.report.building.cautions import FAR
from pipeline.report.model import Report
from pipeline.report.shown_properties import (
    COMPUTED,
    PREDICTED,
    ShownProperty,
    list_own_columns,
    list_value_columns,
)
from pipeline.workspace.presentation.formatting import choose_column_decimals, format_number, is_number
from pipeline.workspace.presentation.value_columns import NEAREST_MEASURED

MOST_COLUMNS = 8  # of properties
MOST_LIBRARY = 4  # of a library's own columns
MOST_FACTS = 6  # of the nearest measured molecule: measured values and the user's own columns
LONGEST_CELL = 60  # characters of a cell of such a column
_LONG_NUMBER = re.compile(r"-?\d+\.\d{7,}(e[-+]?\d+)?")  # as a logarithm or a mean of measured values has
_FLAGS = ("within_target", "novel", "novel_stereo_blind", "in_domain", "proposed_before")
_NUMBERS = (
    "rank", "score", "undefined_stereo", "nearest_training_similarity", "distance_to_training", "similarity_to_measured", "parent_similarity",
    "hit_probability",
)  # fmt: skip


@dataclass
class Column:
    """A property column of the candidate table: computed, predicted or by the user's oracle, never two of them."""

    property: ShownProperty
    basis: str
    source: str
    spread: str | None = None
    decimals: int | None = 2


def choose_columns(candidates: pd.DataFrame, properties: Mapping[str, ShownProperty], report: Report) -> list[Column]:
    """Choose the columns of the table: the objectives' first, then other computed ones, MOST_COLUMNS at most; none of a catalogue's own."""
    candidates = candidates.drop(columns=list_own_columns(report), errors="ignore")
    names = [c.property.name for c in list_value_columns(candidates, report)]
    found: list[Column] = []
    for name in dict.fromkeys([*properties, *names]):
        known = properties.get(name) or ShownProperty(name)
        if f"{name}_computed" in candidates:
            found.append(Column(known, known.name_basis(COMPUTED), f"{name}_computed"))
        elif f"{name}_predicted" in candidates:
            spread = f"{name}_predicted_std"
            found.append(Column(known, PREDICTED, f"{name}_predicted", spread if spread in candidates else None))
    found.sort(key=lambda c: c.property.objective is None)
    for column in found[:MOST_COLUMNS]:
        objective = column.property.objective
        column.decimals = choose_column_decimals(
            candidates[column.source].tolist(),
            candidates[column.spread].tolist() if column.spread else (),
            objective.tolerance if objective else None,
            objective is not None,
        )
    return found[:MOST_COLUMNS]


def count_hidden_columns(candidates: pd.DataFrame, columns: Sequence[Column], report: Report) -> int:
    """Count the columns of values that the table leaves out."""
    shown = {c.source for c in columns}
    return sum(c.column not in shown for c in list_value_columns(candidates, report))


def choose_library_columns(candidates: pd.DataFrame, report: Report) -> list[str]:
    """Choose the columns of a library that the page shows: the first ones with short cells; the files have all of them."""
    if report.library is None:
        return []
    texts = {name: candidates[name].dropna().astype(str) for name in report.library.columns if name in candidates}
    return [name for name, cells in texts.items() if len(cells) and cells.str.len().max() <= LONGEST_CELL][
        :MOST_LIBRARY
    ]


def make_rows(
    candidates: pd.DataFrame, columns: Sequence[Column], library: Sequence[str] = ()
) -> Iterator[dict[str, Any]]:
    """Make a row of the table for each candidate; what is missing is None.

    Args:
        candidates: The candidates.
        columns: The property columns of the table.
        library: The columns of the library that are shown with the structure.
    """
    for position, values in enumerate(candidates.to_dict("records"), start=1):
        record = {str(name): to_plain(value) for name, value in values.items()}
        texts = {name: record.get(name) or None for name in ("smiles", "nearest_training_smiles", "origin", "parent")}
        texts = {name: text if isinstance(text, str) else None for name, text in texts.items()}
        numbers = {name: value if is_number(value := record.get(name)) else None for name in _NUMBERS}
        distance = numbers["distance_to_training"]
        yield {
            **texts,
            **numbers,
            **{name: None if (flag := record.get(name)) is None else bool(flag) for name in _FLAGS},
            "rank": position if numbers["rank"] is None else int(numbers["rank"]),
            "drawing": mark_safe(_draw_candidate(values.get("molecule"), texts["smiles"], record.get("unusual_atoms"))),
            "nearest_drawing": mark_safe(draw_molecule(texts["nearest_training_smiles"], 150, 96, 15.0)),
            "parent_drawing": mark_safe(draw_molecule(texts["parent"], 150, 96, 15.0)),
            "cells": [_make_cell(record, column) for column in columns],
            "measured": _make_neighbor(record, texts["smiles"], columns),
            "alerts": split_alerts(record.get("alerts")),
            "unusual": read_names(record.get("unusual")),
            "library": [(name, str(record[name])) for name in library if record.get(name)],
            "far": distance is not None and distance > FAR,
        }


def _make_neighbor(record: Mapping[str, Any], smiles: str | None, columns: Sequence[Column]) -> dict[str, Any] | None:
    """Make what is shown of the nearest measured molecule: drawing, row, similarity, measured values, the user's own columns."""
    nearest = record.get(f"{NEAREST_MEASURED}smiles")
    if not isinstance(nearest, str) or not nearest:
        return None
    units = {c.property.name: c.property.unit for c in columns if c.basis == PREDICTED}
    facts = []
    for name, value in record.items():
        what = name.removeprefix(NEAREST_MEASURED)
        if what == name or what in ("smiles", "similarity", "row") or value in (None, ""):
            continue
        if what in units and isinstance(value, str):
            value = _LONG_NUMBER.sub(lambda number: format_number(float(number[0])), value)
        facts.append((f"{what}, {units[what]}" if units.get(what) else what, _write_fact(value)))
    similarity = record.get(f"{NEAREST_MEASURED}similarity")
    return {
        "drawing": mark_safe(draw_molecule(nearest, 150, 96, 15.0, find_different_atoms(nearest, smiles))),
        "row": record.get(f"{NEAREST_MEASURED}row"),
        "smiles": nearest,
        "similarity": similarity if is_number(similarity) else None,
        "facts": facts[:MOST_FACTS],
    }


def _write_fact(value: Any) -> str:
    text = format_number(value) if is_number(value) else str(value)
    return text if len(text) <= LONGEST_CELL else f"{text[: LONGEST_CELL - 1]}…"


def _draw_candidate(molecule: Structure | None, smiles: str | None, unusual_atoms: Any) -> str | None:
    """Draw a candidate with the atoms marked that are unusual; their numbers are those of the SMILES."""
    if atoms := read_atoms(unusual_atoms):
        return draw_molecule(smiles, marked=atoms)
    return draw_molecule(smiles if molecule is None else molecule)


def _make_cell(record: Mapping[str, Any], column: Column) -> dict[str, Any]:
    value = record.get(column.source)
    value = value if is_number(value) else None
    has_spread = column.spread is not None and value is not None
    return {
        "value": value,
        "text": format_number(value, column.decimals),
        "raw": column.property.logarithm.write(value) if column.property.logarithm else "",
        "spread": format_number(record.get(str(column.spread)), column.decimals) if has_spread else None,
        "is_met": None if column.basis == PREDICTED else column.property.is_met(value),  # a prediction may be wrong
        "predicted": column.basis == PREDICTED,
        "column": column,
    }


def split_alerts(value: Any) -> list[str]:
    """Split the structural alerts in a cell of the candidates' table."""
    return [part.strip() for part in value.split(";") if part.strip()] if isinstance(value, str) else []


def mark_safe(svg: str | None) -> Markup | None:
    """Mark our own SVG as safe to stand in the page as it is."""
    return Markup(svg) if svg else None
