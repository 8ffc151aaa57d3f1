"""Brings the measured values of molecules up to date, the median of what was measured, and finds what contradicts itself."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, select

from pipeline.datasets.labels.logarithm_names import is_logarithm
from pipeline.library.database import split
from pipeline.library.recording import NO_MODEL, write_values
from pipeline.library.schema import MEASURED, MeasurementRecord, PropertyRecord
from pipeline.library.search.identity import format_id
from pipeline.library.search.views import write_measured

FAR_APART = 3.0
"""The ratio of two measurements of a molecule beyond which they contradict each other; for logarithms its logarithm, 0.5."""


def summarize(connection: Connection, pairs: Iterable[tuple[int, int]]) -> list[str]:
    """Bring the measured values of molecules up to date, the median of the exact ones; return which contradict each other."""
    wanted = sorted(pairs)
    values: list[dict[str, Any]] = []
    told: list[str] = []
    for part in split(sorted({molecule for molecule, _ in wanted})):
        query = (
            select(MeasurementRecord.__table__, PropertyRecord.name)
            .join(PropertyRecord, PropertyRecord.id == MeasurementRecord.property_id)
            .where(MeasurementRecord.molecule_id.in_(part))
            .order_by(MeasurementRecord.id)
        )
        rows: dict[tuple[int, int], list[Any]] = {}
        for row in connection.execute(query):
            rows.setdefault((row.molecule_id, row.property_id), []).append(row)
        for pair in (p for p in wanted if p in rows):
            exact = [r.value for r in rows[pair] if r.value is not None]
            if exact:
                values.append(
                    {"molecule_id": pair[0], "property_id": pair[1], "basis": MEASURED, "model_id": NO_MODEL,
                     "value": statistics.median(exact), "std": statistics.stdev(exact) if len(exact) > 1 else None,
                     "is_current": True}
                )  # fmt: skip
            if contradiction := _find_contradiction(rows[pair]):
                told.append(f"{format_id(pair[0])} {rows[pair][0].name}: {contradiction}")
    write_values(connection, values)
    return told


def _find_contradiction(rows: Sequence[Any]) -> str:
    """Say which two measurements of a property of a molecule contradict each other; "" where none do."""
    is_log = is_logarithm(rows[0].name)
    ends = []
    for row in rows:
        low = row.value if row.value is not None else row.lower
        high = row.value if row.value is not None else row.upper
        ends.append((-math.inf if low is None else low, math.inf if high is None else high, row))
    highest, lowest = max(ends, key=lambda e: e[0]), min(ends, key=lambda e: e[1])
    above, below = highest[0], lowest[1]
    if not above > below:
        return ""
    far = above - below > math.log10(FAR_APART) if is_log else below <= 0 or above / below > FAR_APART
    if not far:
        return ""
    return " and ".join(
        f"{write_measured(row.value, row.lower, row.upper, None)} ({row.file}, row {row.row})"
        for row in (lowest[2], highest[2])
    )
