"""The candidates as the page shows them: properties put together from the whole report, columns, rows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from markupsafe import Markup

from pipeline.report import drawings, plots, wording
from pipeline.report.reading import finite, number_of, table
from pipeline.report.reading import rows as rows_of
from pipeline.report.wording import number

MOST_COLUMNS = 8  # of properties
FAR = 2.0  # times the data's own typical distance, from where on a prediction is an extrapolation
_NAMES = {
    "logp": "logP", "qed": "QED", "sa": "SA score", "mw": "molecular weight", "tpsa": "TPSA", "hbd": "H-bond donors",
    "hba": "H-bond acceptors", "rotatable_bonds": "rotatable bonds", "rings": "rings", "fraction_sp3": "fraction sp³",
    "formal_charge": "formal charge",
}  # fmt: skip


@dataclass
class Property:
    """A property as the page shows it, put together from every part of the report that names it."""

    name: str
    label: str
    unit: str = ""
    objective: dict[str, Any] | None = None
    aim: str = ""

    @property
    def brief(self) -> str:
        """The aim without what explains it, for the head of a narrow column."""
        return self.aim.split(" (")[0].split(",")[0]

    def meets(self, value: float | None) -> bool | None:
        """Whether the value is within the objective's interval; None where there is none to be within."""
        low, high = plots.aim_bounds(self.objective)
        if value is None or (low is None and high is None):
            return None
        slack = 1e-9 * max(abs(low or 0.0), abs(high or 0.0), 1.0)
        return (low is None or value >= low - slack) and (high is None or value <= high + slack)


@dataclass
class Column:
    """A property column of the candidate table: computed or predicted, never both."""

    property: Property
    basis: str
    source: str
    spread: str | None = None
    decimals: int = 2


def properties_in(report: Mapping[str, Any]) -> dict[str, Property]:
    """Every property that the report names, the objectives first."""
    found: dict[str, Property] = {}
    objectives = rows_of(table(report, "request"), "objectives")
    for part in (objectives, *(rows_of(report, key) for key in ("achieved", "distributions", "predictors"))):
        for entry in part:
            name = str(entry.get("property") or "")
            known = found.setdefault(name, Property(name, _NAMES.get(name, name)))
            known.label = str(entry.get("label") or known.label)
            known.unit = str(entry.get("unit") or known.unit)
            known.aim = str(entry.get("aim") or known.aim).replace(" ± ", "\u00a0±\u00a0")
    for entry in objectives:
        found[str(entry.get("property") or "")].objective = entry
    found.pop("", None)
    return found


# -- columns and rows ------------------------------------------------------------------------------------------------


def columns_in(candidates: pd.DataFrame, properties: dict[str, Property]) -> list[Column]:
    """The objectives' columns first, then other computed ones, MOST_COLUMNS at most."""
    names = [c.removesuffix("_computed").removesuffix("_predicted") for c in map(str, candidates) if _is_value(c)]
    found: list[Column] = []
    for name in dict.fromkeys([*properties, *names]):
        known = properties.get(name) or Property(name, _NAMES.get(name, name))
        if f"{name}_computed" in candidates:
            found.append(Column(known, "computed", f"{name}_computed"))
        elif f"{name}_predicted" in candidates:
            spread = f"{name}_predicted_std"
            found.append(Column(known, "predicted", f"{name}_predicted", spread if spread in candidates else None))
    found.sort(key=lambda c: c.property.objective is None)
    for column in found[:MOST_COLUMNS]:
        values = finite(list(candidates[column.source]))
        finest = number_of((column.property.objective or {}).get("tolerance"))
        if column.spread:
            finest = min(finite(list(candidates[column.spread])), default=None) or finest
        column.decimals = wording.decimals_for(values, finest)
        if finest is None and values and column.property.objective is None:  # beside the point: three figures will do
            largest = max(abs(v) for v in values) or 1.0
            column.decimals = min(column.decimals, max(0, 2 - math.floor(math.log10(largest))))
    return found[:MOST_COLUMNS]


def _is_value(name: str) -> bool:
    return name.endswith(("_computed", "_predicted"))


def hidden_in(candidates: pd.DataFrame, columns: Sequence[Column]) -> list[str]:
    shown = {c.source for c in columns}
    return [str(c) for c in candidates if _is_value(str(c)) and c not in shown]


def rows_in(candidates: pd.DataFrame, columns: Sequence[Column]) -> Iterator[dict[str, Any]]:
    for position, record in enumerate(candidates.to_dict("records"), start=1):
        smiles = _text(record.get("smiles"))
        rank = number_of(record.get("rank"))
        similarity = number_of(record.get("nearest_training_similarity"))
        nearest = _text(record.get("nearest_training_smiles"))
        distance = number_of(record.get("distance_to_training"))
        yield {
            "rank": int(rank) if rank is not None else position,
            "smiles": smiles,
            "drawing": drawn(drawings.draw_molecule(smiles)),
            "score": number_of(record.get("score")),
            "cells": [_cell(record, column) for column in columns],
            "within": truth(record.get("within_target")),
            "novel": truth(record.get("novel")),
            "novel_stereo_blind": truth(record.get("novel_stereo_blind")),
            "alerts": alerts_in(record.get("alerts")),
            "nearest": nearest,
            "nearest_drawing": drawn(drawings.draw_molecule(nearest, 150, 96, 15.0)),
            "similarity": similarity,
            "distance": distance,
            "to_measured": number_of(record.get("similarity_to_measured")),
            "in_domain": truth(record.get("in_domain")),
            "origin": _text(record.get("origin")),
            "parent": _text(record.get("parent")),
            "parent_drawing": drawn(drawings.draw_molecule(_text(record.get("parent")), 150, 96, 15.0)),
            "parent_similarity": number_of(record.get("parent_similarity")),
            "far": distance is not None and distance > FAR,
        }


def _cell(record: Mapping[Any, Any], column: Column) -> dict[str, Any]:
    value = number_of(record.get(column.source))
    return {
        "value": value,
        "text": number(value, column.decimals),
        "spread": number(record.get(column.spread), column.decimals) if column.spread and value is not None else None,
        "meets": column.property.meets(value),
        "predicted": column.basis == "predicted",
        "column": column,
    }


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def truth(value: Any) -> bool | None:
    """True, False, or None where the data frame has neither (numpy's bool is one, NaN is none)."""
    return None if value is None or value is pd.NA or value != value else bool(value)


def alerts_in(value: Any) -> list[str]:
    return [part.strip() for part in value.split(";") if part.strip()] if isinstance(value, str) else []


def drawn(svg: str | None) -> Markup | None:
    return Markup(svg) if svg else None
