"""Checks whether the labels of a measured property can teach a model, before any training."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chem_vae.errors import DataError
from pipeline.datasets.dataset import Dataset
from pipeline.datasets.labels.label_outliers import Suspects, find_suspects
from pipeline.datasets.labels.logarithm_names import is_logarithm, is_potency, name_logarithm
from pipeline.datasets.labels.units import find_molar_exponent
from pipeline.datasets.readers.row_numbers import RowNumbers
from pipeline.datasets.shard_settings import ROW_OF_SOURCE

FEWEST_LABELS = 15
"""Labels that a predictor needs: with fewer, ten are not left to learn from where some are held out to check it."""
USEFUL_LABELS = 50
FEWEST_OF_CLASS = 5
USEFUL_OF_CLASS = 10
_DISTORTED = 3.0  # outliers that widen the standard deviation by more leave a model nothing to learn from
_DECADES = 2.0
_SHOWN = 5
ID_NAMES = ("id", "name", "compound", "code", "molecule", "cid", "title", "no")
KEEP = "--set train.check_labels=false trains as it is"


@dataclass(frozen=True)
class Labels:
    """The measured values of one property of a dataset, with the rows that they come from.

    Args:
        name: The property.
        values: (n,) exact values, NaN where there is none.
        rows: (n,) the row of each in the source, from 0.
        row_numbers: How a person counts these rows.
        ids: (n,) the user's own name of each molecule, or None.
        bounds: The number of values that are bounds alone (">10").
        is_log: Whether the values are logarithms already (p-values that were made of a concentration).
        unit: The unit of the values.
        named_rows: (n,) the names of the rows, where they are of several files.
    """

    name: str
    values: NDArray[np.float64]
    rows: NDArray[np.int64]
    row_numbers: RowNumbers
    ids: Sequence[str] | None = None
    bounds: int = 0
    is_log: bool = False
    unit: str = ""
    named_rows: Sequence[str] | None = None

    def name_rows(self, mask: NDArray[np.bool_]) -> str:
        """Name some rows with their values: 'row 4 (-999)', at most five of them."""
        at = np.flatnonzero(mask)
        names = [f" {self.ids[i]}" if self.ids is not None and self.ids[i] else "" for i in at[:_SHOWN]]
        shown = [
            f"{self.named_rows[i] if self.named_rows else self.row_numbers.name(int(self.rows[i]))}{n} ({_show(self.values[i])})"
            for i, n in zip(at[:_SHOWN], names, strict=True)
        ]
        more = f" and {len(at) - _SHOWN:,} more" if len(at) > _SHOWN else ""
        return ", ".join(shown) + more


@dataclass(frozen=True)
class Finding:
    """Something about labels that a person should know.

    Args:
        property: The property.
        text: The sentence, with its remedy.
        stops: Whether nothing can be learned from the labels as they are.
    """

    property: str
    text: str
    stops: bool = False


def read_labels(dataset: Dataset) -> list[Labels]:
    """Read the labels of each measured property of a dataset."""
    there = dataset.columns
    measured = [p for p in dataset.properties if p.kind == "measured"]
    if not measured:
        return []
    names = {p.name for p in measured}
    others = [c for c in there if _words(c) & set(ID_NAMES) and c not in names]
    ends = [c for p in measured for c in (f"{p.name}_lower", f"{p.name}_upper") if c in there]
    sources = [ROW_OF_SOURCE] if ROW_OF_SOURCE in there else []
    table = dataset.table(["row", *(p.name for p in measured), *ends, *others[:1], *sources])
    named = table[ROW_OF_SOURCE].astype(str).tolist() if sources else None
    ids = table[others[0]].fillna("").astype(str).tolist() if others else None
    rows = table["row"].to_numpy(np.int64)
    found = []
    for p in measured:
        values = table[p.name].to_numpy(np.float64)
        bound = np.zeros(len(values), bool)
        for column in (f"{p.name}_lower", f"{p.name}_upper"):
            if column in table:
                bound |= np.isfinite(table[column].to_numpy(np.float64))
        bounds = int((bound & np.isnan(values)).sum())
        found.append(Labels(p.name, values, rows, dataset.row_numbers, ids, bounds, p.log is not None, p.unit, named))
    return found


def check_labels(labels: Labels) -> list[Finding]:
    """Find what keeps labels from teaching a model, or makes them weak teachers.

    Args:
        labels: The labels of one property.

    Returns:
        What was found, the most serious first.
    """
    suspects = find_suspects(labels.values)
    values = labels.values[np.isfinite(labels.values) & ~suspects.any]
    found = [*_check_suspects(labels, suspects, values), *_check_count(labels, values)]
    if not any(f.stops for f in found):
        found += _check_variety(labels, values) or _check_skew(labels, values)
    return sorted(found, key=lambda f: not f.stops)


def find_label_problems(dataset: Dataset) -> list[Finding]:
    """Check the labels of all measured properties of a dataset; what stops a training comes first."""
    return sorted((f for labels in read_labels(dataset) for f in check_labels(labels)), key=lambda f: not f.stops)


def require_labels(dataset: Dataset, asked: Collection[str] = ()) -> list[str]:
    """Check the labels of a dataset before a training.

    Args:
        dataset: The dataset.
        asked: The properties that objectives are made of.

    Returns:
        What was found, as sentences.

    Raises:
        DataError: Nothing can be learned of a property that is asked for, or of any measured property.
    """
    found = find_label_problems(dataset)
    stopped: dict[str, str] = {}
    for f in found:
        if f.stops:
            stopped.setdefault(f.property, f.text)
    measured = {p.name for p in dataset.properties if p.kind == "measured"}
    if fatal := [name for name in stopped if name in asked or measured <= set(stopped)]:
        raise DataError("; ".join(stopped[name] for name in fatal))
    return [f.text for f in found]


def find_classes(values: NDArray[np.floating]) -> tuple[float, float] | None:
    """Return the two values, the larger one being the active class, where there are no others; None where there are."""
    distinct = np.unique(values[np.isfinite(values)])
    return (float(distinct[0]), float(distinct[1])) if len(distinct) == 2 else None


def _check_suspects(labels: Labels, suspects: Suspects, rest: NDArray[np.float64]) -> list[Finding]:
    found = []
    name = labels.name
    with np.errstate(over="ignore"):
        everything = labels.values[np.isfinite(labels.values)].astype(np.float64)
        spread = float(np.std(rest)) if len(rest) else 0.0
        ruins = len(everything) > len(rest) and not float(np.std(everything)) <= _DISTORTED * spread
    too_large = bool(np.isinf(labels.values).any())
    for mask, one, several in (
        (suspects.codes, "looks like a code for a missing value", "look like codes for missing values"),
        (suspects.outliers, "lies far from all others", "lie far from all others"),
    ):
        if not mask.any():
            continue
        distinct, count = np.unique(labels.values[mask]), int(mask.sum())
        what, it = (
            (f"1 value of {name} {one}", "it") if count == 1 else (f"{count:,} values of {name} {several}", "them")
        )
        options = [f"--leave-out '{name}={value:.10g}'" for value in distinct[np.isfinite(distinct)][:_SHOWN]]
        text = f"{what}: {labels.name_rows(mask)}; correct {it} in the file, or leave {it} out with "
        text += (
            f"{' '.join(options)} or --leave-out-outliers" if len(options) == len(distinct) else "--leave-out-outliers"
        )
        if ruins:
            text += f"; next to {'such a value' if count == 1 else 'such values'} no other difference counts ({KEEP})"
        found.append(Finding(name, text, stops=ruins or too_large))
    return found


def _check_count(labels: Labels, values: NDArray[np.float64]) -> list[Finding]:
    name, n = labels.name, len(values)
    if n + labels.bounds < FEWEST_LABELS or n < 10:
        exact = f" (and {labels.bounds:,} bounds)" if labels.bounds else ""
        text = (
            f"{name} has {n:,} usable labels{exact}, but a predictor needs {FEWEST_LABELS} at least, and about {USEFUL_LABELS} to be "
            "of use: measure more molecules that are unlike each other, or leave the property out to generate without it"
        )
        return [Finding(name, text, stops=True)]
    return []


def _check_variety(labels: Labels, values: NDArray[np.float64]) -> list[Finding]:
    name, n = labels.name, len(values)
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) == 1:
        text = (
            f"all {n:,} labels of {name} are {_show(distinct[0])}, so that there is nothing to learn from them: add molecules with other "
            "values, or leave the property out; a limit of the assay belongs into the file as a bound, such as >10"
        )
        return [Finding(name, text, stops=True)]
    if len(distinct) == 2:
        few, rare = int(counts.min()), float(distinct[int(counts.argmin())])
        told = f"{name} has two classes, {few:,} of its {n:,} molecules with {_show(rare)}"
        if few < FEWEST_OF_CLASS:
            text = (
                f"{told}: {FEWEST_OF_CLASS} of each class are the least that a predictor can learn from, and {USEFUL_OF_CLASS} or "
                "more are needed to trust it; add molecules of the rarer class, or leave the property out"
            )
            return [Finding(name, text, stops=True)]
        if few < USEFUL_OF_CLASS:
            return [
                Finding(name, f"{told}: with fewer than {USEFUL_OF_CLASS} of a class its probability is hardly known")
            ]
        return []
    common, most = float(distinct[counts.argmax()]), int(counts.max())
    if n - most < FEWEST_OF_CLASS:
        text = (
            f"{most:,} of {n:,} labels of {name} are {_show(common)}, and the {n - most} others are too few to learn from: add molecules "
            "with other values, or leave the property out"
        )
        return [Finding(name, text, stops=True)]
    if most > 0.5 * n:
        text = (
            f"{most:,} of {n:,} labels of {name} are {_show(common)}: if that is a limit of the assay, write it as a bound (such as "
            f">{_show(common)} or <{_show(common)}), so that it is not learned as a value"
        )
        return [Finding(name, text)]
    return []


def _check_skew(labels: Labels, values: NDArray[np.float64]) -> list[Finding]:
    """Find raw concentrations, which a model learns better as their logarithms: by name or unit, or by their distribution."""
    if labels.is_log or is_logarithm(labels.name) or values.min() <= 0:
        return []
    low, middle, high = np.quantile(values, (0.05, 0.5, 0.95))
    decades = float(np.log10(values.max() / values.min()))
    is_skewed = high - middle > 3 * (middle - low) and np.log10(high / low) >= _DECADES
    is_raw = is_potency(labels.name) or find_molar_exponent(labels.unit) is not None
    if not is_skewed and not (is_raw and decades > _DECADES):
        return []
    learned = name_logarithm(labels.name, labels.unit)
    unit = labels.unit or ("nM" if is_raw else "")
    named = f"'{labels.name}={unit}'" if unit else f"'{labels.name}'"
    other = " (or its other unit)" if unit and not labels.unit else ""
    text = (
        f"the values of {labels.name!r} span {decades:.1f} decades ({_show(values.min())} to {_show(values.max())}), like a raw "
        f"concentration, which a model learns better as a logarithm: --property {named}{other} --log learns {learned!r}, and "
        "reports show both"
    )
    return [Finding(labels.name, text)]


def _show(value: float) -> str:
    """Write a value shortly, with thousands separators where it is a large whole number."""
    if abs(value) >= 1000 and value == int(value) and abs(value) < 1e12:
        return f"{int(value):,}"
    return f"{value:.6g}"


def _words(name: str) -> set[str]:
    return set("".join(c if c.isalnum() else " " for c in name.casefold()).split())
