"""Counts what the cells of a measured column were, says it, and stops where labels would be lost in a systematic way."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from chem_vae.errors import DataError
from pipeline.datasets.labels.label import Label
from pipeline.workspace.presentation.formatting import count_of, count_things

MOST_LOST = 0.1  # of the labels
_FEW = 3  # cells that are lost together before that is systematic
_TRAITS: dict[str, Callable[[str], bool]] = {
    "with a comma": lambda text: "," in text,
    "with a point": lambda text: "." in text,
    "with <": lambda text: re.search("[<≤]", text) is not None,
    "with >": lambda text: re.search("[>≥]", text) is not None,
    "with four digits or more before the decimal mark": lambda text: (
        re.match(r"\D*\d[\d,.'’ ]*\d{3}", text) is not None
    ),
    "with letters": lambda text: re.search(r"[^\W\d_eE]", text) is not None,
    "with a minus": lambda text: text.startswith(("-", "−", "–")),
}


@dataclass
class LabelAccount:
    """Counts over the cells of a column, of the rows that are molecules."""

    column: str
    plain: int = 0
    """Cells of parts that hold nothing but plain numbers, before they are read."""
    plain_example: str = ""
    exact: int = 0
    approximate: int = 0
    lower: int = 0
    upper: int = 0
    ranges: int = 0
    empty: int = 0
    words: Counter[str] = field(default_factory=Counter)
    """Cells without a number, by their word."""
    unreadable: Counter[str] = field(default_factory=Counter)
    """Cells that hold digits, but no number that can be read."""
    other_rows: int = 0
    """Cells of rows that are left out by --where."""
    marks: int = 0
    mark_example: str = ""
    errors: int = 0
    """Values with an error behind ±."""
    decimal_commas: int = 0
    not_positive: int = 0
    examples: dict[str, str] = field(default_factory=dict)
    traits: Counter[str] = field(default_factory=Counter)
    """Traits of the cells that were read, to compare with those that were not."""

    @property
    def read(self) -> int:
        """The number of labels."""
        return self.exact + self.approximate + self.lower + self.upper + self.ranges

    def add_plain(self, good: np.ndarray, text: pa.ChunkedArray) -> None:
        """Count a part of plain numbers, of which some are no finite ones."""
        self.exact += int(good.sum())
        words = text.filter(pa.array(~good)).to_pylist()
        for word in words:
            if word and any(c.isdigit() for c in word):
                self.unreadable[word] += 1
            elif word and word.strip():
                self.words[word.strip().casefold()] += 1
            else:
                self.empty += 1

    def add_unreadable(self, text: str, count: int) -> None:
        """Count a cell that holds digits, but no number."""
        self.unreadable[text.strip()] += count

    def add_label(self, label: Label, text: str, count: int) -> None:
        """Count a label."""
        if label.approximate:
            kind = "approximate"
        elif not math.isnan(label.value):
            kind = "exact"
        elif not math.isnan(label.lower):
            kind = "ranges" if not math.isnan(label.upper) else "lower"
        else:
            kind = "upper"
        setattr(self, kind, getattr(self, kind) + count)
        self.examples.setdefault(kind, text.strip())
        for name, has_trait in _TRAITS.items():
            if has_trait(text):
                self.traits[name] += count

    def to_dict(self) -> dict[str, Any]:
        """Return the counts for the manifest."""
        return {
            "exact": self.exact,
            "lower_bounds": self.lower,
            "upper_bounds": self.upper,
            "ranges": self.ranges,
            "approximate": self.approximate,
            "unmeasured": self.empty + sum(self.words.values()),
            "unreadable": sum(self.unreadable.values()),
            "other_rows": self.other_rows,
            "words": dict(self.words.most_common(20)),
        }

    def describe(self, is_left_out: bool, where: object = "") -> list[str]:
        """Say in sentences how cells were read that are no plain numbers.

        Args:
            is_left_out: Whether bounds are left out on request.
            where: The condition by which rows were left out.
        """
        column, said = repr(self.column), []
        if bounds := self.lower + self.upper + self.ranges:
            kinds = ", ".join(
                f"{count_things(n, name)} (such as {self.examples[kind]!r})"
                for kind, name, n in (
                    ("lower", "lower bound", self.lower),
                    ("upper", "upper bound", self.upper),
                    ("ranges", "range", self.ranges),
                )
                if n
            )
            end = "left out, as asked" if is_left_out else "kept as bounds (--censored leave_out leaves them out)"
            said.append(f"{count_things(bounds, 'value')} of {column} not exact: {kinds}; {end}")
        if self.approximate:
            example = self.examples["approximate"]
            said.append(
                f"{count_things(self.approximate, 'value')} of {column} only approximate (such as {example!r}); taken as exact"
            )
        if self.errors:
            said.append(
                f"{count_things(self.errors, 'value')} of {column} with an error behind ±, which is kept as the spread"
            )
        if self.marks:
            said.append(
                f"{count_things(self.marks, 'value')} of {column} with a footnote's mark or a remark (such as "
                f"{self.mark_example!r}), which is not read"
            )
        if self.other_rows:
            said.append(
                f"{count_things(self.other_rows, 'value')} of {column} left out, of rows without {where}; their molecules stay"
            )
        return said

    def describe_losses(self) -> list[str]:
        """Say in sentences which cells are no labels, empty cells left out."""
        column, said = repr(self.column), []
        if self.words:
            listed = ", ".join(f"{word!r} ({n:,})" for word, n in self.words.most_common(5))
            more = f" and {len(self.words) - 5:,} others" if len(self.words) > 5 else ""
            cells = count_things(sum(self.words.values()), "cell")
            said.append(f"{cells} of {column} without a number, which count as unmeasured: {listed}{more}")
        if self.unreadable:
            cells = count_things(sum(self.unreadable.values()), "cell")
            said.append(
                f"{cells} of {column} that cannot be read as a number and count as unmeasured, such as "
                f"{next(iter(self.unreadable))[:40]!r}"
            )
        return said


def check_losses(account: LabelAccount, is_accepted: bool) -> None:
    """Check that no more than a tenth of the labels, and no whole kind of them, cannot be read.

    Raises:
        DataError: If they cannot, and the user does not accept it.
    """
    lost = sum(account.unreadable.values())
    if not lost or is_accepted:
        return
    examples = ", ".join(repr(text[:30]) for text in list(account.unreadable)[:3])
    advice = "correct the file, or leave these labels out with --accept-lost-labels"
    if lost > MOST_LOST * (lost + account.read):
        raise DataError(
            f"{count_of(lost, lost + account.read, 'label')} of {account.column!r} cannot be read as numbers (such as {examples}); "
            f"{advice}"
        )
    for name, has_trait in _TRAITS.items():
        those = sum(count for text, count in account.unreadable.items() if has_trait(text))
        if those >= _FEW and not account.traits[name] and not account.plain:
            raise DataError(
                f"all {those:,} labels of {account.column!r} {name} cannot be read as numbers (such as {examples}); {advice}"
            )
