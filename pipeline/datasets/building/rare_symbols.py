"""Moves molecules with a symbol that no training molecule has to the training split, so that none of them is lost."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from pipeline.datasets.building.splits import PlacedRows
from pipeline.datasets.readers.row_numbers import RowNumbers
from pipeline.datasets.shard_settings import ShardSettings

_NAMED = 5  # rows that the sentence names


def move_to_training(settings: ShardSettings, rows: PlacedRows, symbols: Collection[str], numbers: RowNumbers) -> str:
    """Move every validation and test molecule that holds one of the symbols to the training split.

    Where the split is by scaffold, all molecules of its scaffold move with it.

    Args:
        settings: What the parts have in common.
        rows: The rows of all parts; their `split` is changed.
        symbols: SELFIES symbols that no training molecule has.
        numbers: The numbers of the rows, for the sentence.

    Returns:
        A sentence that says how many molecules were moved, why, and which; "" where there are none.
    """
    held_out = rows.keep & (rows.split != 0)
    moved = np.zeros(len(held_out), bool)
    scaffolds = np.zeros(len(held_out), np.uint64)
    for number in range(len(rows.starts) - 1):
        at = rows.slice_part(number)
        columns = ["selfies", "scaffold"] if settings.scaffolds else ["selfies"]
        table = parquet.read_table(settings.part(number), columns=columns)
        moved[at] = held_out[at] & _hold_any(table.column("selfies"), symbols)
        if settings.scaffolds:
            scaffolds[at] = table.column("scaffold").to_numpy()
    if settings.scaffolds:
        moved = held_out & np.isin(scaffolds, scaffolds[moved])
    if not (count := int(moved.sum())):
        return ""
    rows.split[moved] = 0
    found: list[int] = []
    for number in range(len(rows.starts) - 1):
        if len(found) <= _NAMED and (here := moved[rows.slice_part(number)]).any():
            table = parquet.read_table(settings.part(number), columns=["row"])
            found += table.column("row").filter(pa.array(here)).to_pylist()
    named = ", ".join(numbers.name(row) for row in found[:_NAMED]) + (", …" if count > _NAMED else "")
    several = count > 1
    reason = f"a symbol that no training molecule had ({', '.join(sorted(symbols)[:8])})"
    text = (
        f"{count:,} validation and test molecules were moved to the training split, because they hold {reason}: {named}"
        if several
        else f"1 validation or test molecule was moved to the training split, because it holds {reason}: {named}"
    )
    return text + ("; the split column says otherwise" if settings.split_column else "")


def _hold_any(strings: pa.ChunkedArray, symbols: Collection[str]) -> np.ndarray:
    """Whether each SELFIES string holds one of the symbols; a symbol is in brackets, so that it is found as text."""
    found = np.zeros(len(strings), bool)
    for symbol in symbols:
        found |= pc.match_substring(strings, symbol).to_numpy()
    return found
