"""The account of a dataset: what became of the rows of its source, counted when it is made and told in sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

SEPARATOR = "; "
"""The text between the changes of one molecule, in the column `changes`."""


def count_changes(shards: Iterable[Path]) -> tuple[dict[str, int], dict[str, dict[str, Any]]]:
    """Count the accepted rows of each change by standardization.

    Returns:
        The counts by change, the most frequent first, and for each change its first row: row, input and smiles.
    """
    counts: Counter[str] = Counter()
    examples: dict[str, dict[str, Any]] = {}
    for shard in shards:
        table = parquet.read_table(shard, columns=["row", "input", "smiles", "changes"])
        for pair in pc.value_counts(table["changes"]).to_pylist():
            for change in split_changes(pair["values"]):
                counts[change] += pair["counts"]
                if change not in examples:
                    at = pc.index(table["changes"], pair["values"]).as_py()
                    examples[change] = table.select(["row", "input", "smiles"]).slice(at, 1).to_pylist()[0]
    return dict(counts.most_common()), {change: examples[change] for change, _ in counts.most_common()}


def count_labels(shards: Sequence[Path], measured: Iterable[str]) -> dict[str, dict[str, int]]:
    """Count the values of each measured property over all accepted molecules.

    Returns:
        By property: `exact` values, `bounds` (only an upper or a lower limit is known), and `spread` (values that are the median of
        several rows).
    """
    found = {name: Counter(exact=0, bounds=0, spread=0) for name in measured}
    for shard in shards:
        names = parquet.read_schema(shard).names
        for name, counts in found.items():
            kinds = {"exact": [name], "bounds": [f"{name}_lower", f"{name}_upper"], "spread": [f"{name}_spread"]}
            table = parquet.read_table(shard, columns=[c for kind in kinds.values() for c in kind if c in names])
            finite = {c: pc.fill_null(pc.is_finite(table[c]), False) for c in table.column_names}
            for kind, columns in kinds.items():
                masks = [finite[c] for c in columns if c in finite]
                if kind == "bounds" and masks:  # an exact value is no bound
                    masks = [pc.and_(mask, pc.invert(finite[name])) for mask in masks]
                counts[kind] += sum_mask(masks)
    return {name: dict(counts) for name, counts in found.items()}


def sum_mask(masks: Sequence[pa.ChunkedArray]) -> int:
    """Count the rows where any of the masks is true."""
    if not masks:
        return 0
    whole = masks[0]
    for mask in masks[1:]:
        whole = pc.or_(whole, mask)
    return int(pc.sum(whole).as_py() or 0)


def split_changes(text: str | None) -> list[str]:
    """Split what the column `changes` holds for one molecule."""
    return [change for change in (text or "").split(SEPARATOR) if change]


# -- sentences -------------------------------------------------------------------------------------------------------


def describe_counts(manifest: Mapping[str, Any]) -> str:
    """Say in one line what became of the rows: accepted, duplicates, rejected by stage, labels as bounds.

    >>> counts = {"rows": 800, "accepted": 742, "duplicates": 31, "rejected": 27, "rejected_by_stage": {"parse": 20, "size": 7}}
    >>> describe_counts({"counts": counts, "labels": {"pIC50": {"exact": 730, "bounds": 12, "spread": 9}}})
    '800 rows → 742 molecules; 31 duplicates merged, 27 rejected (parse 20, size 7); pIC50: 730 values, 12 as bounds, 9 from several rows'
    """
    counts = manifest["counts"]
    text = f"{counts['rows']:,} rows → {counts['accepted']:,} molecules"
    parts = [f"{counts['duplicates']:,} duplicates merged"] if counts["duplicates"] else []
    if counts["rejected"]:
        stages = ", ".join(f"{stage} {n:,}" for stage, n in counts["rejected_by_stage"].items())
        parts.append(f"{counts['rejected']:,} rejected ({stages})")
    text += f"; {', '.join(parts)}" if parts else ""
    for name, label in (manifest.get("labels") or {}).items():
        text += f"; {name}: {describe_label(label)}"
    return text


def describe_label(label: Mapping[str, int]) -> str:
    """Say how many values a measured property has, how many are bounds, and how many come from several rows."""
    parts = [f"{label['exact']:,} values"]
    parts += [f"{label['bounds']:,} as bounds"] if label["bounds"] else []
    parts += [f"{label['spread']:,} from several rows"] if label["spread"] else []
    return ", ".join(parts)


def describe_changes(changes: Mapping[str, int], accepted: int) -> str:
    """Say in a sentence how many of the accepted molecules were changed, and how; "" where none was.

    >>> describe_changes({"uncharged": 74_512, "isotopes removed": 3}, 249_456)
    'changed to their standard form, of 249,456 molecules: uncharged 74,512; isotopes removed 3'
    """
    if not changes:
        return ""
    counts = SEPARATOR.join(f"{change} {count:,}" for change, count in changes.items())
    return f"changed to their standard form, of {accepted:,} molecules: {counts}"


def order_by_request(sentences: Iterable[str], asked: Iterable[str]) -> list[str]:
    """Order sentences so that those about what was asked for come first; else they keep their order.

    >>> order_by_request(["many rows were lost", "2 cells of 'pIC50' are text"], ["pIC50"])
    ["2 cells of 'pIC50' are text", 'many rows were lost']
    """
    names = list(asked)
    return sorted(dict.fromkeys(sentences), key=lambda text: not any(f"{name!r}" in text for name in names))
