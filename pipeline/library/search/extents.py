"""Reads from where to where the values of the library go, for sliders and scales."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from pipeline.library.schema import PropertyRecord, ValueRecord
from pipeline.library.search.fields import OWN

LABELS = {"score": "score", "hit_probability": "chance of a hit"}


@dataclass(frozen=True)
class FieldExtent:
    """The values of one field of the library: a number of the molecules themselves, or the current values of a property on one basis."""

    name: str
    """The name by which it is sorted and filtered, as `pKi_predicted`."""
    label: str
    unit: str
    basis: str
    """computed, predicted or measured; "" for a number of the molecules themselves."""
    low: float
    high: float
    count: int
    """The molecules that have a value."""


def read_extents(connection: Connection) -> list[FieldExtent]:
    """Read the extents of all fields that have numbers: those of the molecules first, then those of most molecules."""
    found = []
    for name, label in LABELS.items():
        column = OWN[name]
        low, high, number = connection.execute(select(func.min(column), func.max(column), func.count(column))).one()
        if number:
            found.append(FieldExtent(name, label, "", "", float(low), float(high), number))
    query = (
        select(
            PropertyRecord.name,
            PropertyRecord.label,
            PropertyRecord.unit,
            ValueRecord.basis,
            func.min(ValueRecord.value),
            func.max(ValueRecord.value),
            func.count(ValueRecord.value),
        )
        .join(PropertyRecord, PropertyRecord.id == ValueRecord.property_id)
        .where(ValueRecord.is_current.is_(True))
        .group_by(PropertyRecord.id, PropertyRecord.name, PropertyRecord.label, PropertyRecord.unit, ValueRecord.basis)
    )
    values = [
        FieldExtent(f"{name}_{basis}", label or name, unit or "", basis, float(low), float(high), number)
        for name, label, unit, basis, low, high, number in connection.execute(query)
    ]
    return found + sorted(values, key=lambda extent: (-extent.count, extent.name))
