"""Tells a measurement that the library has already from one that was made again with the same result.

Two measurements are equal where molecule, property, value, unit, assay, date and the columns of replicates or batches are. Equal
ones in one file are different measurements. Of those in two files no one can tell: an export of the laboratory that grows holds
its earlier rows again, and a second experiment may find the same value. They are taken for the same, which is said, or counted.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from pipeline.library.database import split
from pipeline.library.schema import MeasurementRecord


def hash_rows(rows: Iterable[tuple[int, Mapping[str, str]]]) -> str:
    """Hash the rows of a file, each with its number and cells, so that the file is known under another name, too."""
    return _hash(json.dumps(list(rows)))


def select_new(
    connection: Connection, rows: Sequence[Mapping[str, Any]], contents: Sequence[str], counts_replicates: bool
) -> tuple[list[dict[str, Any]], Counter[str]]:
    """Select the measurements of a file that the library does not have, each with its key.

    Args:
        connection: The library.
        rows: The measurements of one file, with its `file` and `source`.
        contents: What each measurement is equal to others by.
        counts_replicates: Whether a measurement that equals one of another file is a further one.

    Returns:
        The new ones, and of those that were taken for the same as ones of other files how many each of these has.
    """
    seen, keys = Counter[str](), list[str]()
    for content in contents:
        seen[content] += 1  # the same value twice in a file is two measurements
        keys.append(_hash(f"{content} {seen[content]}"))
    own_keys = [_hash(f"{key} {row['source']}") for key, row in zip(keys, rows, strict=True)]
    there = read_files(connection, [*keys, *own_keys])
    new, same = list[dict[str, Any]](), Counter[str]()
    for row, key, own_key in zip(rows, keys, own_keys, strict=True):
        if key not in there:
            new.append({**row, "key": key})
        elif own_key in there or is_same_file(there[key], (row["source"], row["file"])):
            continue
        elif counts_replicates:
            new.append({**row, "key": own_key})
        else:
            same[there[key][1]] += 1
    return new, same


def read_files(connection: Connection, keys: Sequence[str]) -> dict[str, tuple[str | None, str]]:
    """Read source and name of the file that each of some measurements came from, by their keys, of those that are there."""
    found: dict[str, tuple[str | None, str]] = {}
    columns = (MeasurementRecord.key, MeasurementRecord.source, MeasurementRecord.file)
    for part in split(keys):
        for key, source, file in connection.execute(select(*columns).where(MeasurementRecord.key.in_(part))):
            found[key] = source, file
    return found


def is_same_file(one: tuple[str | None, str], other: tuple[str | None, str]) -> bool:
    """Whether two files, each with its source and name, are the same; by their names where an older library has no source."""
    place = 1 if one[0] is None or other[0] is None else 0
    return one[place] == other[place]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
