"""Merges the rows of the same molecule, and lists what of them disagrees or had another form."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pyarrow import parquet

from chem_vae.atomic_files import write_text
from pipeline.datasets.account import split_changes
from pipeline.datasets.labels.label import LabelColumn
from pipeline.datasets.labels.logarithm_names import is_logarithm
from pipeline.datasets.readers.row_numbers import RowNumbers
from pipeline.workspace.presentation.csv_tables import format_csv
from pipeline.workspace.presentation.formatting import format_brief

DISAGREEMENTS = "disagreements.csv"
_COLUMNS = ("property", "smiles", "rows", "values", "label", "difference", "reason")
_NAMED_ROWS = 3  # examples in a sentence


@dataclass(frozen=True)
class Merged:
    """The molecules of some rows, each once.

    Args:
        keep: (n,) bool, the first row of each molecule.
        labels: By property, on each row the label of its molecule.
        differences: By property (n,), the range of the exact values of each molecule with several.
        contradictions: By property (n,) bool, whether bounds contradict each other or an exact value, or classes each other.
    """

    keep: np.ndarray
    labels: dict[str, LabelColumn]
    differences: dict[str, np.ndarray] = field(default_factory=dict)
    contradictions: dict[str, np.ndarray] = field(default_factory=dict)


def merge_duplicates(hashes: np.ndarray, labels: Mapping[str, LabelColumn]) -> Merged:
    """Merge the rows of the same molecule.

    The value of a molecule is the median of its exact values, and its spread half their range, or where it is larger, the
    median of the errors that its rows state. Bounds count where there is no exact value; the tightest ones are kept, and
    none where they contradict each other; nor has a molecule a class (0 or 1) that as many rows deny.

    Args:
        hashes: (n,) uint64, equal for equal molecules.
        labels: The labels of the rows, by property.
    """
    keys = pd.Series(hashes)
    several = keys.duplicated(keep=False).to_numpy()
    made = Merged(~keys.duplicated().to_numpy(), {})
    for name, column in labels.items():
        merged = LabelColumn(*(array.copy() for array in (column.value, column.lower, column.upper, column.spread)))
        values, lowers, uppers, errors = (
            pd.Series(array[several]).groupby(hashes[several])
            for array in (column.value, column.lower, column.upper, column.spread)
        )
        most, least = values.transform("max").to_numpy(), values.transform("min").to_numpy()
        lower, upper = lowers.transform("max").to_numpy(), uppers.transform("min").to_numpy()
        is_exact = ~np.isnan(most)
        difference = np.where(values.transform("count") > 1, most - least, np.nan)
        is_wrong = np.where(is_exact, (least < lower) | (most > upper), lower > upper)
        median = values.transform("median").to_numpy()
        if _are_classes(column):  # as many rows may say the one as the other
            is_wrong |= median == 0.5
            median = np.where(median == 0.5, np.nan, median)
            difference = np.where(np.isnan(median), np.nan, difference)
        merged.value[several] = median
        merged.spread[several] = np.fmax(difference / 2, np.where(is_exact, errors.transform("median"), np.nan))
        merged.lower[several] = np.where(is_exact | is_wrong, np.nan, lower)
        merged.upper[several] = np.where(is_exact | is_wrong, np.nan, upper)
        made.labels[name] = merged
        made.differences[name], made.contradictions[name] = np.full(len(hashes), np.nan), np.zeros(len(hashes), bool)
        made.differences[name][several], made.contradictions[name][several] = difference, is_wrong
    return made


def _are_classes(column: LabelColumn) -> bool:
    """Whether the exact values of a column are the classes 0 and 1."""
    return set(np.unique(column.value[~np.isnan(column.value)])) == {0.0, 1.0}


@dataclass(frozen=True)
class DuplicateReader:
    """Reads columns of the rows of the parts by their places among all molecules.

    Args:
        paths: The parts that have molecules.
        starts: The place of the first molecule of each, and the end.
    """

    paths: Sequence[Path]
    starts: Sequence[int]

    def read(self, places: np.ndarray, columns: Sequence[str]) -> pd.DataFrame:
        """Read some columns of some rows; the index are their places, in order."""
        frames = []
        for path, start, end in zip(self.paths, self.starts, self.starts[1:], strict=False):
            at = places[(places >= start) & (places < end)]
            if len(at):
                table = parquet.read_table(path, columns=list(columns))
                frames.append(table.take(at - start).to_pandas().set_index(at))
        return pd.concat(frames) if frames else pd.DataFrame(columns=list(columns))


def choose_limit(name: str, values: np.ndarray, given: float | None) -> tuple[float, bool]:
    """Choose the difference of repeated measurements beyond which they are listed.

    Args:
        name: The property.
        values: Its exact values.
        given: The limit that the user sets.

    Returns:
        The limit, and whether it is a factor.
    """
    values = values[np.isfinite(values)]
    if given is not None:
        return given, False
    if is_logarithm(name):
        return 1.0, False
    if len(values) and values.min() > 0 and values.max() >= 100 * values.min():
        return 10.0, True
    return (float(values.std()) if len(values) else 0.0), False


def list_disagreements(
    hashes: np.ndarray,
    labels: Mapping[str, LabelColumn],
    merged: Merged,
    limits: Mapping[str, tuple[float, bool]],
    reader: DuplicateReader,
    numbers: RowNumbers,
) -> tuple[pd.DataFrame, list[str]]:
    """List the molecules whose repeated measurements disagree.

    Args:
        hashes: (n,) uint64, equal for equal molecules.
        labels: The labels of the rows before they were merged.
        merged: The merged labels.
        limits: What `choose_limit` says of each property.
        reader: Reads the rows.
        numbers: The rows' numbers for the user.

    Returns:
        A row for each molecule and property, the largest difference first; and a sentence for each property that has some.
    """
    records: list[dict[str, Any]] = []
    said = []
    for name, column in labels.items():
        limit, is_factor = limits[name]
        difference = merged.differences[name]
        far = difference > limit
        if is_factor:  # the ratio of the largest to the smallest: from the middle of the range and its half
            far = _find_far_factors(hashes, column.value, np.isfinite(difference), limit)
        listed = np.flatnonzero(merged.keep & (far | merged.contradictions[name]))
        if not len(listed):
            continue
        order = listed[np.argsort(-np.nan_to_num(difference[listed], nan=0.0), kind="stable")]
        places = np.flatnonzero(np.isin(hashes, hashes[order]))
        there = reader.read(places, ["row", "smiles"])
        groups = pd.Series(places).groupby(hashes[places]).apply(list).to_dict()
        own = []
        for first in order:
            rows = groups[hashes[first]]
            texts = [text for place in rows if (text := _write_label(column, place))]
            label = merged.labels[name].value[first]
            reason = "bounds contradict" if merged.contradictions[name][first] else "values differ"
            if reason == "bounds contradict" and math.isnan(label) and np.isfinite(column.value[rows]).any():
                reason = "classes differ"
            own.append(
                {
                    "property": name,
                    "smiles": there.loc[first, "smiles"],
                    "rows": " ".join(str(numbers.number(int(there.loc[place, "row"]))) for place in rows),
                    "values": "; ".join(texts),
                    "label": "" if math.isnan(label) else f"{label:.6g}",
                    "difference": "" if math.isnan(difference[first]) else f"{difference[first]:.6g}",
                    "reason": reason,
                }
            )
        records += own
        said += _describe(name, own, limit, is_factor, numbers)
    return pd.DataFrame(records, columns=list(_COLUMNS)), said


def describe_merged_forms(
    hashes: np.ndarray, keep: np.ndarray, reader: DuplicateReader, numbers: RowNumbers
) -> list[str]:
    """Say which molecules were merged from rows with different forms: salts, isotopologues, tautomers of one InChIKey."""
    several = np.flatnonzero(pd.Series(hashes).duplicated(keep=False).to_numpy())
    if not len(several):
        return []
    rows = reader.read(several, ["row", "smiles", "changes"]).assign(key=hashes[several])
    forms = rows.groupby("key").agg(smiles=("smiles", "nunique"), changes=("changes", "nunique"))
    mixed = forms[(forms["smiles"] > 1) | (forms["changes"] > 1)]
    if mixed.empty:
        return []
    kinds: Counter[str] = Counter()
    examples: list[str] = []
    for _, group in rows[rows["key"].isin(mixed.index)].groupby("key", sort=False):
        sets: list[set[str]] = [set(split_changes(text)) for text in group["changes"]]
        what = sorted({change for one in sets for change in one if not all(change in other for other in sets)})
        if group["smiles"].nunique() > 1:
            what.append("tautomers with one InChIKey")
        kinds.update(what)
        if len(examples) < _NAMED_ROWS:
            examples.append(f"{_name_rows(group['row'].tolist(), numbers)} ({', '.join(what)})")
    counted = ", ".join(f"{kind} {n:,}" for kind, n in kinds.most_common())
    many = f"{len(mixed):,} molecules were" if len(mixed) > 1 else "1 molecule was"
    return [f"{many} merged from rows with different forms ({counted}): {'; '.join(examples)}"]


def write_disagreements(table: pd.DataFrame, folder: Path) -> None:
    """Write the disagreements of a dataset into its folder, where there are any."""
    if len(table):
        write_text(folder / DISAGREEMENTS, format_csv(table))


def _find_far_factors(hashes: np.ndarray, values: np.ndarray, several: np.ndarray, limit: float) -> np.ndarray:
    groups = pd.Series(values[several]).groupby(hashes[several])
    far = np.zeros(len(hashes), bool)
    far[several] = (groups.transform("max") > limit * groups.transform("min")).to_numpy()
    return far


def _write_label(column: LabelColumn, place: int) -> str:
    value, lower, upper = column.value[place], column.lower[place], column.upper[place]
    if not math.isnan(value):
        return f"{value:.6g}"
    if not math.isnan(lower) and not math.isnan(upper):
        return f"{lower:.6g}-{upper:.6g}"
    return f">{lower:.6g}" if not math.isnan(lower) else f"<{upper:.6g}" if not math.isnan(upper) else ""


def _describe(
    name: str, records: Sequence[Mapping[str, Any]], limit: float, is_factor: bool, numbers: RowNumbers
) -> list[str]:
    said = []
    far = [r for r in records if r["reason"] == "values differ"]
    wrong = [r for r in records if r["reason"] == "bounds contradict"]
    split = [r for r in records if r["reason"] == "classes differ"]
    for listed, what, rule in (
        (
            far,
            f"measured more than once with values that differ by more than {'a factor of ' if is_factor else ''}{format_brief(limit)}",
            "the median is taken, with half the range as its spread",
        ),
        (
            wrong,
            "measured more than once with bounds that contradict the other values",
            "bounds are left out there, and exact values are kept",
        ),
        (split, "as often in the one class as in the other", "no class is learned there"),
    ):
        if listed:
            examples = "; ".join(
                f"{numbers.word}s {r['rows'].replace(' ', ', ')}: {r['values'].replace('; ', ', ')}"
                for r in listed[:_NAMED_ROWS]
            )
            many = f"{len(listed):,} molecules were" if len(listed) > 1 else "1 molecule was"
            more = f"; all of them: {DISAGREEMENTS} in the dataset's folder" if len(listed) > _NAMED_ROWS else ""
            said.append(f"{name!r}: {many} {what}; {rule} ({examples}{more})")
    return said


def _name_rows(rows: Sequence[int], numbers: RowNumbers) -> str:
    shown = [f"{numbers.number(int(row)):,}" for row in rows[:6]]
    return f"{numbers.word}s {', '.join(shown[:-1])} and {shown[-1]}" + (" …" if len(rows) > 6 else "")
