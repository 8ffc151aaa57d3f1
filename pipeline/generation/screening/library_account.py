"""Counts what becomes of the rows of a library, and remembers the best molecules and which molecules were seen."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from chem_vae.atomic_files import write_whole
from pipeline.chemistry.standardization.standardize import Rejection
from pipeline.datasets.readers.row_numbers import RowNumbers
from pipeline.generation.screening.library_scoring import (
    COPY,
    DUPLICATE,
    ELIGIBLE,
    HIT,
    MEASURED,
    OUTSIDE,
    PROPOSED,
    UNKNOWN,
    UNUSUAL,
    KeptRow,
    ScoredChunk,
)
from pipeline.objectives.config import USUAL
from pipeline.workspace.presentation.csv_tables import escape_formula
from pipeline.workspace.presentation.formatting import count_things

READ, READABLE, DISTINCT, NEW, IN_DOMAIN, MEETS, IS_USUAL, NOT_PROPOSED, WITHIN = (
    "read",
    "readable",
    "distinct",
    "not measured before",
    "in domain",
    "meets the constraints",
    "usual",
    "not proposed before",
    "within target",
)
STAGES = (READ, READABLE, DISTINCT, NEW, IN_DOMAIN, MEETS, IS_USUAL, NOT_PROPOSED, WITHIN)
"""The stages of the funnel of a library, in order."""


@dataclass
class LibraryAccount:
    """Counts the rows of a library by what became of them."""

    name: str
    location: str
    numbers: RowNumbers
    rows: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    """Rows that are no molecule in standard form, by the stage that rejected them."""
    examples: dict[str, Rejection] = field(default_factory=dict)
    """The first rejected row of each stage."""
    fates: Counter[str] = field(default_factory=Counter)
    """The molecules by their fates (`pipeline.generation.screening.library_scoring`); one that was seen before is a duplicate."""
    line_breaks: int = 0
    kept: int = 0
    """The best molecules among which the batch was chosen."""
    columns: list[str] = field(default_factory=list)
    """The library's own columns."""
    notes: list[str] = field(default_factory=list)
    """Sentences on how the library was read."""

    def count(self, chunk: ScoredChunk, is_new: NDArray[np.bool_]) -> None:
        """Count the rows of a chunk; `is_new` (m,) says of its molecules whether they were not seen in an earlier chunk."""
        self.rows += chunk.rows
        for rejection in chunk.rejections:
            self.rejected[rejection.stage] += 1
            self.examples.setdefault(rejection.stage, rejection)
        self.fates.update(fate if new else DUPLICATE for fate, new in zip(chunk.fates, is_new, strict=True))

    @property
    def unreadable(self) -> int:
        """The rows that are no molecule."""
        return self.rejected.total()

    @property
    def eligible(self) -> int:
        """The molecules that may be chosen."""
        return self.fates[ELIGIBLE] + self.fates[HIT]

    @property
    def unusual(self) -> Counter[str]:
        """The molecules in which something is unusual, by its name."""
        return Counter({f.removeprefix(UNUSUAL): n for f, n in self.fates.items() if f.startswith(UNUSUAL)})

    @property
    def refused(self) -> Counter[str]:
        """The molecules that fail a constraint, by the constraint that they failed first."""
        own = (ELIGIBLE, HIT, DUPLICATE, MEASURED, COPY, OUTSIDE, UNKNOWN, PROPOSED)
        return Counter({f: n for f, n in self.fates.items() if f not in own and not f.startswith(UNUSUAL)})

    def list_stages(self, has_domain: bool, has_constraints: bool, leaves_out: bool = False) -> dict[str, int]:
        """List the stages of the funnel with the molecules that reached them; without a domain, without constraints, and where nothing
        proposed before is left out, there is no such stage."""
        readable = self.rows - self.unreadable
        distinct = readable - self.fates[DUPLICATE]
        new = distinct - self.fates[MEASURED] - self.fates[COPY]
        inside = new - self.fates[OUTSIDE]
        meets = inside - self.refused.total()
        usual = meets - self.unusual.total() - self.fates[UNKNOWN]
        stages = {READ: self.rows, READABLE: readable, DISTINCT: distinct, NEW: new}
        if has_domain:
            stages[IN_DOMAIN] = inside
        if has_constraints:
            stages[MEETS] = meets
        never = {NOT_PROPOSED: usual - self.fates[PROPOSED]} if leaves_out else {}
        return stages | {IS_USUAL: usual} | never | {WITHIN: self.fates[HIT]}

    def describe(self, chosen: int) -> str:
        """Say in a sentence what became of the rows of the library."""
        told = [
            (self.unreadable, "unreadable"),
            (self.fates[DUPLICATE], "duplicate" if self.fates[DUPLICATE] == 1 else "duplicates"),
            (self.fates[MEASURED], MEASURED),
            (self.fates[COPY], f"stereoisomer{'' if self.fates[COPY] == 1 else 's'} of measured molecules"),
            (self.fates[OUTSIDE], OUTSIDE),
            (self.refused.total(), "refused by constraints"),
            (self.unusual.total(), "unusual"),
            (self.fates[UNKNOWN], "without a value"),
            (self.fates[PROPOSED], PROPOSED),
        ]
        lost = "".join(f"{n:,} {what}, " for n, what in told if n)
        return f"{count_things(self.rows, 'row')} of {self.name}: {lost}{self.eligible:,} to choose from, {chosen:,} chosen"

    def list_losses(self) -> list[tuple[str, int]]:
        """List what constraints refused and what was unusual, the most frequent first."""
        return [*self.refused.most_common(), *((USUAL, n) for n in [self.unusual.total()] if n)]


class SeenKeys:
    """Remembers which keys were seen: eight bytes a molecule, so that a library of a hundred million fits."""

    def __init__(self) -> None:
        self._sorted = np.empty(0, dtype=np.uint64)

    def add(self, keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Add keys (m,) and say of each whether it is seen for the first time."""
        distinct, first = np.unique(keys, return_index=True)
        at = np.searchsorted(self._sorted, distinct)
        there = np.zeros(len(distinct), dtype=np.bool_)
        inside = at < len(self._sorted)
        there[inside] = self._sorted[at[inside]] == distinct[inside]
        self._sorted = np.insert(self._sorted, at[~there], distinct[~there])
        is_new = np.zeros(len(keys), dtype=np.bool_)
        is_new[first[~there]] = True
        return is_new


class BestRows:
    """Keeps the best rows seen so far; of equal ones the first.

    Args:
        most: The number of rows to keep.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._rows: list[KeptRow] = []

    def add(self, rows: Iterable[KeptRow]) -> None:
        """Add rows; forget those that are not among the best any more."""
        self._rows += rows
        if len(self._rows) > 2 * self.most:
            self._rows = self.sort()

    def sort(self) -> list[KeptRow]:
        """Return the best rows, best first."""
        return sorted(self._rows, key=lambda row: (-row.worth, row.row))[: self.most]


class RejectsFile:
    """Writes the rejected rows of a library as CSV while it is read; the file appears when it is whole.

    Args:
        path: The file; None writes nothing.
        numbers: How the rows are numbered for the user.
    """

    def __init__(self, path: Path | None, numbers: RowNumbers) -> None:
        self.path, self.numbers = path, numbers
        self._stack = ExitStack()
        self._write: Any = None

    def __enter__(self) -> Self:
        if self.path is not None:
            partial = self._stack.enter_context(write_whole(self.path))
            file = self._stack.enter_context(partial.open("w", encoding="utf-8", newline=""))
            self._write = csv.writer(file, lineterminator="\n").writerow
            self._write([self.numbers.word, "input", "stage", "reason"])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def add(self, rejections: Iterable[Rejection]) -> None:
        """Write rejections, in the order of their rows."""
        if self._write is None:
            return
        for r in sorted(rejections, key=lambda r: r.row):
            self._write([self.numbers.number(r.row), *map(escape_formula, (r.input, r.stage, r.reason))])
