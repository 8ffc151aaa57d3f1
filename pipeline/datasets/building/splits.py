"""Finds duplicates, by InChIKey, and assigns molecules to random or scaffold splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pyarrow import parquet

from chem_vae.progress import Progress
from pipeline.datasets.building.duplicates import Merged, merge_duplicates
from pipeline.datasets.config import IngestConfig
from pipeline.datasets.labels.label import LabelColumn
from pipeline.datasets.shard_settings import UNASSIGNED, ShardSettings

_DRAWN = (1, 2)  # validation and test are drawn; the rest is training


@dataclass(frozen=True)
class PlacedRows:
    """The rows of all parts that hold a molecule, in their order: hash, whether it is kept, and its split, each (n,).

    `merged` are their labels; `starts` are the first rows of the parts, and the end.
    """

    hashes: np.ndarray
    keep: np.ndarray
    split: np.ndarray
    merged: Merged
    starts: list[int]
    mixed_splits: int = 0
    """Molecules whose rows say different splits, of which the first counts."""

    @property
    def values(self) -> dict[str, np.ndarray]:
        """The measured columns of the dataset: values, bounds where any molecule has one, and spreads."""
        values: dict[str, np.ndarray] = {}
        for name, label in self.merged.labels.items():
            values[name] = label.value
            if np.isfinite(label.lower).any() or np.isfinite(label.upper).any():
                values |= {f"{name}_lower": label.lower, f"{name}_upper": label.upper}
            values[f"{name}_spread"] = label.spread
        return values

    def slice_part(self, part: int) -> slice:
        """Return the place of the rows of a part."""
        return slice(self.starts[part], self.starts[part + 1])


def place_molecules(
    settings: ShardSettings,
    molecules: Sequence[int],
    labels: Mapping[str, LabelColumn],
    config: IngestConfig,
    progress: Progress,
) -> PlacedRows:
    """Find the duplicates among the molecules of all parts, and draw the split of each molecule.

    Args:
        settings: What the parts have in common.
        molecules: The number of molecules of each part.
        labels: Their labels, by measured property.
        config: The fractions of the splits, and the seed.
        progress: Is told of each part.
    """
    progress("split", 0, len(molecules))
    total = sum(molecules)
    hashes, given = np.zeros(total, np.uint64), np.zeros(total, np.uint8)
    columns: dict[str, np.ndarray] = {"hash": hashes, "given_split": given}
    if settings.scaffolds:
        columns["scaffold"] = np.zeros(total, np.uint64)
    starts = [0]
    for number, count in enumerate(molecules):
        end = starts[-1] + count
        if count:
            table = parquet.read_table(settings.part(number), columns=list(columns))
            for name, column in columns.items():
                column[starts[-1] : end] = table.column(name).to_numpy()
        starts.append(end)
        progress("split", number + 1, len(molecules))
    merged = merge_duplicates(hashes, labels)
    mixed = _take_first_split(given, hashes, merged.keep)
    groups = columns.get("scaffold", hashes)
    split = assign_splits(given, groups, config.seed, config.validation_fraction, config.test_fraction)
    return PlacedRows(hashes, merged.keep, split, merged, starts, mixed)


def _take_first_split(given: np.ndarray, hashes: np.ndarray, keep: np.ndarray) -> int:
    """Give the kept row of each molecule the first split that any of its rows says, and the others none, in place.

    Args:
        given: (n,) the user's codes, or UNASSIGNED.
        hashes: (n,) uint64, equal for equal molecules.
        keep: (n,) the first row of each molecule.

    Returns:
        The number of molecules whose rows say different splits.
    """
    if keep.all() or (given == UNASSIGNED).all():
        given[~keep] = UNASSIGNED
        return 0
    several = np.isin(hashes, hashes[~keep])
    said = pd.Series(given[several & (given != UNASSIGNED)], index=hashes[several & (given != UNASSIGNED)])
    codes = said.groupby(level=0)
    first = codes.first().reindex(hashes[several & keep])
    given[several & keep] = first.fillna(UNASSIGNED).to_numpy(np.uint8)
    given[~keep] = UNASSIGNED
    return int((codes.nunique() > 1).sum())


def draw_uniform(hashes: np.ndarray, seed: int) -> np.ndarray:
    """Draw a number in [0, 1) for each hash (n,) uint64 by splitmix64 (Steele et al. 2014, doi:10.1145/2714064.2660195).

    A molecule gets the same number wherever it stands in the file.
    """
    return (_mix(hashes ^ _mix(np.array([seed], np.int64).astype(np.uint64))) >> np.uint64(11)) * 2.0**-53


def assign_splits(
    given: np.ndarray, groups: np.ndarray, seed: int, validation_fraction: float, test_fraction: float
) -> np.ndarray:
    """Assign each row to a split.

    Args:
        given: (n,) the user's own codes, which win, or UNASSIGNED.
        groups: (n,) uint64, equal for rows that must stay together.
        seed: The seed of the draw.
        validation_fraction: The share of rows without a code that are drawn for validation.
        test_fraction: The share that is drawn for test.

    Returns:
        Codes (n,) uint8 into SPLITS. A split that the user's codes never name is drawn from their training rows.
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
    """Draw `count` of the rows (n,) bool, as a mask; the sample does not depend on their order."""
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
