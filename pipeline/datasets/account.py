"""Counts what standardization changed, and says in sentences what became of the rows of a source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow.compute as pc
from pyarrow import parquet

SEPARATOR = "; "
"""The text between the changes of one molecule, in the column `changes`."""


def count_changes(shards: Iterable[Path]) -> dict[str, int]:
    """Count the accepted rows of each change, the most frequent change first."""
    counts: Counter[str] = Counter()
    for shard in shards:
        for pair in pc.value_counts(parquet.read_table(shard, columns=["changes"]).column(0)).to_pylist():
            for change in (pair["values"] or "").split(SEPARATOR):
                if change:
                    counts[change] += pair["counts"]
    return dict(counts.most_common())


def describe_changes(changes: Mapping[str, int], accepted: int) -> str:
    """Say in a sentence how many of the accepted molecules were changed, and how; "" where none was.

    >>> describe_changes({"uncharged": 74_512, "isotopes removed": 3}, 249_456)
    'changed to their standard form, of 249,456 molecules: uncharged 74,512; isotopes removed 3'
    """
    if not changes:
        return ""
    counts = SEPARATOR.join(f"{change} {count:,}" for change, count in changes.items())
    return f"changed to their standard form, of {accepted:,} molecules: {counts}"
