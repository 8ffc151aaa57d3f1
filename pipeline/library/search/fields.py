"""Lists the fields that molecules of the library are filtered and sorted by: own columns, and values of properties by their basis."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, select

from chem_vae.errors import UserError, unknown_name
from pipeline.library.schema import BASES, MoleculeRecord, PropertyRecord, ValueRecord

DATE = "date"
OWN = {
    "score": MoleculeRecord.score,
    "hit_probability": MoleculeRecord.hit_probability,
    DATE: MoleculeRecord.proposed,
}
"""Columns of a molecule by the name that a user gives."""
_RANGE = re.compile(r"\s*(?P<name>.+?)\s*(?P<sign>>=|<=|>|<|=)\s*(?P<value>[^<>=]+?)\s*")


@dataclass(frozen=True)
class Range:
    """A condition on a value, as `pIC50_predicted>7` or `mw=300:450` say it."""

    name: str
    low: float | date | None = None
    """Of `date` a day."""
    high: float | date | None = None
    has_low: bool = True
    """Whether `low` itself is in the range."""
    has_high: bool = True

    @classmethod
    def parse(cls, text: str) -> Range:
        """Read a condition: NAME>VALUE, NAME>=VALUE, NAME<VALUE, NAME<=VALUE, NAME=LOW:HIGH with an end that may be open, or
        NAME=VALUE.

        >>> Range.parse("mw=300:").low, Range.parse("pIC50>7").has_low
        (300.0, False)

        Raises:
            UserError: The text is none of these.
        """
        found = _RANGE.fullmatch(text)
        if found is None:
            raise UserError(f"{text!r} is no range: write NAME>VALUE, NAME<=VALUE or NAME=LOW:HIGH, as in 'pIC50>7'")
        name, sign, value = found["name"], found["sign"], found["value"]
        if sign == "=":
            low, colon, high = value.partition(":")
            ends = (low, high) if colon else (value, value)
            numbers = [None if not end.strip() else _read_end(name, end, text) for end in ends]
            return cls(name, numbers[0], numbers[1])
        number = _read_end(name, value, text)
        if sign[0] == ">":
            return cls(name, low=number, has_low=sign == ">=")
        return cls(name, high=number, has_high=sign == "<=")

    def limit(self, column: Any) -> list[ColumnElement[bool]]:
        """Return the conditions on a column."""
        found: list[ColumnElement[bool]] = []
        if self.low is not None:
            found.append(column >= self.low if self.has_low else column > self.low)
        if self.high is not None:
            found.append(column <= self.high if self.has_high else column < self.high)
        return found or [column.is_not(None)]


def _read_end(name: str, text: str, whole: str) -> float | date:
    if name == DATE:  # as a number it would be compared with the letters of a day
        try:
            return date.fromisoformat(text.strip())
        except ValueError:
            raise UserError(f"{text.strip()!r} in {whole!r} is no date: write it as 2026-11-01") from None
    try:
        return float(text)
    except ValueError:
        raise UserError(f"{text.strip()!r} in {whole!r} is no number") from None


@dataclass(frozen=True)
class Field:
    """A column of the molecules, or the current values of a property on one basis."""

    name: str
    column: Any
    property_id: int | None = None
    basis: str = ""

    def choose(self) -> list[ColumnElement[bool]]:
        """Return the conditions that choose the values of a property."""
        return [
            ValueRecord.property_id == self.property_id,
            ValueRecord.basis == self.basis,
            ValueRecord.is_current.is_(True),
        ]

    def list_ids(self, limits: list[ColumnElement[bool]]) -> Select[Any]:
        """Select the ids of the molecules whose value is within limits."""
        if self.property_id is None:
            return select(MoleculeRecord.id).where(*limits)
        return select(ValueRecord.molecule_id).where(*self.choose(), *limits)

    def check(self, limits: list[ColumnElement[bool]]) -> ColumnElement[bool]:
        """Say for a molecule whether its value is within limits."""
        if self.property_id is None:
            return and_(*limits)
        own = ValueRecord.molecule_id == MoleculeRecord.id
        return select(1).select_from(ValueRecord).where(own, *self.choose(), *limits).correlate(MoleculeRecord).exists()


def find_field(connection: Connection, name: str) -> Field:
    """Find what a name means: score, hit_probability, date, or a property, with `_computed`, `_predicted` or `_measured` behind it.

    Raises:
        UserError: The name is unknown, or the property is there on several bases and the name says none.
    """
    if name in OWN:
        return Field(name, OWN[name])
    stem, _, end = name.rpartition("_")
    asked = [(name, basis) for basis in BASES] + ([(stem, end)] if stem and end in BASES else [])
    known = dict(connection.execute(select(PropertyRecord.name, PropertyRecord.id)).tuples().all())
    found = [
        Field(f"{n}_{basis}", ValueRecord.value, known[n], basis)
        for n, basis in asked
        if n in known and _has_values(connection, known[n], basis)
    ]
    if len(found) == 1:
        return found[0]
    if found:
        told = " or ".join(field.name for field in found)
        raise UserError(f"{name} is known in more than one way, which are not compared with each other: write {told}")
    there = [f"{n}_{basis}" for n, i in known.items() for basis in BASES if _has_values(connection, i, basis)]
    stems = (name.casefold(), stem.casefold())
    if near := [repr(other) for other in there if other.rpartition("_")[0].casefold() in stems]:
        told = ", ".join(sorted([*OWN, *there]))
        raise UserError(f"unknown value in the library {name!r}; did you mean {' or '.join(near)}? Known: {told}")
    raise unknown_name("value in the library", name, [*OWN, *there])


def _has_values(connection: Connection, property_id: int, basis: str) -> bool:
    one = select(ValueRecord.molecule_id).where(*Field("", None, property_id, basis).choose())
    one = one.order_by(ValueRecord.value)  # the order of the index, which PostgreSQL would not use otherwise
    return connection.execute(one.limit(1)).first() is not None
