"""Makes the labels of a measured column from its cells, once it is decided how they are read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from pipeline.datasets.labels.column_units import UnitPlan
from pipeline.datasets.labels.label import LARGEST, Cell, Label, read_relation
from pipeline.datasets.labels.label_account import LabelAccount
from pipeline.datasets.labels.measured_cells import Record
from pipeline.datasets.labels.number_style import NumberStyle

_OF_NUMBERS = NumberStyle()
"""How the text of a cell is read that came as a number."""


class Known(NamedTuple):
    """The label of a record; with `mass`, still to be multiplied by that and divided by the molecular weight."""

    label: Label
    spread: float = math.nan
    mass: float = math.nan


@dataclass(frozen=True)
class LabelMaker:
    """Makes labels, and counts them.

    Args:
        account: Where they are counted.
        style: What commas and points of numbers mean.
        units: The unit, and how values are converted to it.
        leaves_bounds_out: Whether values that are no exact ones are left out.
        turns_relations: Whether the relations beside the cells are those of the raw value, which run the other way.
    """

    account: LabelAccount
    style: NumberStyle
    units: UnitPlan
    leaves_bounds_out: bool
    turns_relations: bool

    def make(self, record: Record, cell: Cell | str | None, count: int) -> Known:
        """Make the label of a record, and count it."""
        account = self.account
        if not record.text.strip():
            account.empty += count
            return Known(Label())
        if not record.is_wanted:
            account.other_rows += count
            return Known(Label())
        if isinstance(cell, str):
            account.words[cell[:40]] += count
            return Known(Label())
        style = _OF_NUMBERS if record.is_number else self.style
        value = style.read(cell.number) if cell is not None else math.nan
        end = style.read(cell.end) if cell is not None and cell.end else math.nan
        is_range = cell is not None and bool(cell.end)
        if cell is None or not abs(value) <= LARGEST or (is_range and not value < end <= LARGEST):
            account.add_unreadable(record.text, count)
            return Known(Label())
        unit = record.find_unit(cell)
        if unit in self.units.lost:
            account.add_unreadable(record.text, count)
            return Known(Label())
        mass = self.units.masses.get(unit, math.nan)
        factor, offset = self.units.lines.get(unit, (1.0, 0.0))

        def convert(number: float) -> float:
            converted = factor * number + offset
            return converted if (factor, offset) == (1.0, 0.0) else float(f"{converted:.12g}")

        said = read_relation(record.relation)
        if said is None and not cell.relation:
            account.add_unreadable(f"{record.relation} {record.text}", count)
            return Known(Label())
        relation = cell.relation or said or ""
        if relation in "<>" and relation and not cell.relation and self.turns_relations:
            relation = "<" if relation == ">" else ">"
        account.marks += count * bool(cell.mark)
        if cell.mark:
            account.mark_example = account.mark_example or record.text.strip()
        shown = record.text.strip() if cell.relation or is_range else f"{relation} {record.text.strip()}"
        if is_range:
            label = Label(math.nan, convert(value), convert(end))
        elif relation == ">":
            label = Label(math.nan, convert(value))
        elif relation == "<":
            label = Label(math.nan, math.nan, convert(value))
        else:
            label = Label(convert(value), approximate=relation == "~")
        account.add_label(label, shown, count)
        if self.leaves_bounds_out and math.isnan(label.value):
            return Known(Label())
        spread = math.nan
        if cell.error:
            error = style.read(cell.error.rstrip("%"))
            spread = abs(value * error / 100 * factor) if cell.error.endswith("%") else abs(error * factor)
            account.errors += count
        return Known(label, spread, mass)
