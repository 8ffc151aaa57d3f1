"""Where: the condition on other columns by which the measurements of a row count."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from chem_vae.errors import UserError, unknown_name

_NUMBER = re.compile(r"[+-]?(0|[1-9]\d{0,14})\.\d{1,9}|[+-]?[1-9]\d{0,14}|0")
"""Numbers as programs write them; 007 is a name."""


@dataclass(frozen=True)
class Where:
    """The cells that columns must hold; the values of one column are alternatives.

    A row without them stays a molecule, but its measurements are left out.
    """

    allowed: dict[str, dict[str, str]] = field(default_factory=dict)
    """By column: the values, each in the form that is compared and as the user wrote it."""

    def __bool__(self) -> bool:
        return bool(self.allowed)

    def __str__(self) -> str:
        return ", ".join(f"{name}={'|'.join(values.values())}" for name, values in self.allowed.items())

    @classmethod
    def read(cls, conditions: Iterable[str], columns: Sequence[str]) -> Where:
        """Read conditions such as "Standard Type=IC50".

        Raises:
            UserError: If a condition has no `=`, or names no column.
        """
        allowed: dict[str, dict[str, str]] = defaultdict(dict)
        for text in conditions:
            ends = [i for i, c in enumerate(text) if c == "="]
            if not ends:
                raise UserError(f'--where {text}: give a column and its value, as in --where "Standard Type=IC50"')
            names = [text[:i].strip() for i in ends if text[:i].strip() in columns]
            if not names:
                raise unknown_name("column", text[: ends[0]].strip(), columns)
            name = max(names, key=len)
            value = text[text.index(name) + len(name) :].strip()[1:].strip()
            allowed[name][_fold(value)] = value
        return cls(dict(allowed))

    def find_rows(self, read: Callable[[str], pa.ChunkedArray], n: int) -> list[bool]:
        """Find the rows that hold them.

        Args:
            read: Reads a column.
            n: The number of rows.
        """
        wanted = [True] * n
        for name, values in self.allowed.items():
            cells = read(name).to_pylist()
            wanted = [was and _fold(cell or "") in values for was, cell in zip(wanted, cells, strict=True)]
        return wanted


def has_column(condition: str, columns: Iterable[str]) -> bool:
    """Whether a condition names one of some columns."""
    known = set(columns)
    return any(condition[:i].strip() in known for i, c in enumerate(condition) if c == "=")


def _fold(cell: str) -> str:
    """Return a cell in the form that is compared: without quotes and case, and a number as any other file writes it (1.0 as 1)."""
    text = cell.strip().strip("'\"").strip().casefold()
    return f"{float(text):.15g}" if _NUMBER.fullmatch(text) else text
