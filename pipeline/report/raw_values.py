"""Shows learned logarithms (pIC50) in the raw unit of the measurements too (IC50 in nM)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from pipeline.datasets.labels.log_scale import LogScale
from pipeline.report.facts.part import Part
from pipeline.workspace.presentation.formatting import format_number, is_number


class Logarithm(Part):
    """A property that is the logarithm of measured values, with the way back."""

    property: str = ""
    """The learned property ("pIC50")."""
    column: str = ""
    """The column of raw values ("IC50")."""
    unit: str = ""
    """The raw unit ("nM")."""
    sign: int = 1
    exponent: int = 0

    def to_raw(self, value: Any) -> Any:
        """Convert learned values (a number or an array) back into the raw unit."""
        return LogScale(self.column, self.unit, self.sign, self.exponent).to_raw(value)

    def write(self, value: float | None) -> str:
        """Write the raw value of a learned one with its unit; "" where there is none."""
        if not is_number(value):
            return ""
        return " ".join(filter(None, (format_number(float(f"{self.to_raw(value):.3g}")), self.unit)))

    def name_raw(self) -> str:
        """Name the column of raw values of a table: the measured column with its unit ("IC50_nM")."""
        return self.column if not self.unit or self.unit in self.column else f"{self.column}_{self.unit}"


def read_logarithms(card: Mapping[str, Any]) -> list[Logarithm]:
    """Read the logarithms of a model's card; none for an older model."""
    return [
        Logarithm(property=name, column=log["column"], unit=log["raw_unit"], sign=log["sign"], exponent=log["exponent"])
        for name, log in (card.get("logarithms") or {}).items()
    ]


def add_raw_values(table: pd.DataFrame, logarithms: Sequence[Logarithm]) -> pd.DataFrame:
    """Add behind each learned logarithm (`pIC50_predicted`) a column of its raw values (`IC50_nM_predicted`)."""
    table = table.copy(deep=False)
    for log in logarithms:
        for basis in ("computed", "predicted"):
            column, raw = f"{log.property}_{basis}", f"{log.name_raw()}_{basis}"
            if column in table and raw not in table:
                behind = f"{column}_std" if f"{column}_std" in table else column
                at = list(table.columns).index(behind) + 1
                values = pd.to_numeric(table[column], errors="coerce")
                table.insert(at, raw, [float(f"{value:.4g}") for value in log.to_raw(values)])
    return table


def find_logarithm(logarithms: Iterable[Logarithm], name: str) -> Logarithm | None:
    """Find the logarithm of a learned property; None where it is none."""
    return next((log for log in logarithms if log.property == name), None)
