"""Which rows stay and in which split: duplicates by InChIKey, labels that disagree, random and scaffold splits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.datasets.shards import UNASSIGNED

_DRAWN = (1, 2)  # validation and test are drawn; the rest is training


@dataclass(frozen=True)
class Merged:
    """keep (n,): the first row of each molecule. values: measured columns (n,), the median of all rows of the
    molecule on the row that is kept. spreads (n,): half the range of its values, NaN where fewer than two were
    measured."""

    keep: np.ndarray
    values: dict[str, np.ndarray]
    spreads: dict[str, np.ndarray]


def merge_duplicates(hashes: np.ndarray, measured: dict[str, np.ndarray]) -> Merged:
    """hashes (n,) uint64: equal for equal molecules; measured: columns (n,), NaN unmeasured.

    Memory: some 40 bytes a row.
    """
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    first = np.ones(len(order), bool)
    first[1:] = ordered[1:] != ordered[:-1]
    keep = np.zeros(len(order), bool)
    keep[order[first]] = True
    values = {name: column.copy() for name, column in measured.items()}
    spreads = {name: np.full(len(order), np.nan) for name in measured}
    if measured:
        heads = order[first]
        group = np.cumsum(first) - 1
        sizes = np.bincount(group, minlength=len(heads))
        several = sizes[group] > 1
        rows, groups = order[several], group[several]
        for name, column in measured.items():
            found = pd.Series(column[rows]).groupby(groups).agg(["median", "min", "max", "count"])
            at = heads[found.index.to_numpy()]
            values[name][at] = found["median"].to_numpy()
            spread = ((found["max"] - found["min"]) / 2).to_numpy(copy=True)
            spread[found["count"].to_numpy() < 2] = np.nan
            spreads[name][at] = spread
    return Merged(keep, values, spreads)


def draw_uniform(hashes: np.ndarray, seed: int) -> np.ndarray:
    """A number in [0, 1) for each hash (n,) uint64, by the seed: the same molecule gets the same one wherever it
    stands in the file.

    splitmix64 (Steele et al. 2014, doi:10.1145/2714064.2660195).
    """
    return (_mix(hashes ^ _mix(np.array([seed], np.int64).astype(np.uint64))) >> np.uint64(11)) * 2.0**-53


def assign_splits(
    given: np.ndarray, groups: np.ndarray, seed: int, validation_fraction: float, test_fraction: float
) -> np.ndarray:
    """Codes (n,) uint8 into SPLITS. given (n,): the user's own codes or UNASSIGNED; groups (n,) uint64: what must
    stay together.

    The user's codes win. What has none is drawn. A split that the user's codes never name is drawn from their
    training rows.
    """
    draw = draw_uniform(groups, seed)
    drawn = np.where(draw < test_fraction, 2, np.where(draw < test_fraction + validation_fraction, 1, 0)).astype(
        np.uint8
    )
    split = np.where(given == UNASSIGNED, drawn, given).astype(np.uint8)
    if (given != UNASSIGNED).any():
        absent = [code for code in _DRAWN if not (given == code).any()]
        lost = (given == 0) & np.isin(drawn, absent)
        split[lost] = drawn[lost]
    return split


def draw_sample(hashes: np.ndarray, rows: np.ndarray, count: int, seed: int) -> np.ndarray:
    """A random sample of `count` of the rows (n,) bool, as a mask; it does not depend on their order."""
    chosen = np.flatnonzero(rows)
    if len(chosen) > count:
        draw = draw_uniform(hashes[chosen], seed + 1)
        chosen = chosen[np.argpartition(draw, count)[:count]]
    mask = np.zeros(len(rows), bool)
    mask[chosen] = True
    return mask


def _mix(x: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        x = x + np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(x ^ (x >> np.uint64(31)))
