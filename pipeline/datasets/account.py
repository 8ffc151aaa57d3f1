"""The account of a dataset: what became of the rows of its source, counted when it is made and told in sentences."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from pipeline.datasets.readers.row_numbers import RowNumbers
from pipeline.workspace.presentation.formatting import count_things, format_brief, format_plain_spread

if TYPE_CHECKING:
    import pandas as pd

SEPARATOR = "; "
"""The text between the changes of one molecule, in the column `changes`."""
_REJECTIONS = 8  # that the description shows


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
    '800 rows → 742 molecules; 31 duplicates merged, 27 rejected (parse 20, size 7); pIC50: 730 values, 12 as bounds, 9 with a spread'
    """
    counts = manifest["counts"]
    text = f"{count_things(counts['rows'], 'row')} → {count_things(counts['accepted'], 'molecule')}"
    parts = [f"{count_things(counts['duplicates'], 'duplicate')} merged"] if counts["duplicates"] else []
    if counts["rejected"]:
        stages = ", ".join(f"{stage} {n:,}" for stage, n in counts["rejected_by_stage"].items())
        parts.append(f"{counts['rejected']:,} rejected ({stages})")
    text += f"; {', '.join(parts)}" if parts else ""
    for name, label in (manifest.get("labels") or {}).items():
        text += f"; {name}: {describe_label(label)}"
    return text


def describe_label(label: Mapping[str, int]) -> str:
    """Say how many values a measured property has, how many are bounds, and how many have a spread of their own."""
    parts = [count_things(label["exact"], "value")]
    parts += [f"{label['bounds']:,} as bounds"] if label["bounds"] else []
    parts += [f"{label['spread']:,} with a spread"] if label["spread"] else []
    return ", ".join(parts)


def describe_dataset(manifest: Mapping[str, Any], folder: Path, rejections: pd.DataFrame, numbers: RowNumbers) -> str:
    """Describe a dataset in some lines for a person: its rows, what was rejected and changed, its properties, its notes.

    Args:
        manifest: The dataset's manifest.
        folder: The dataset's folder.
        rejections: The rejected rows: row, input, stage, reason.
        numbers: The numbers that the source's rows have for its user.
    """
    m, c = manifest, manifest["counts"]
    lines = [
        f"dataset {m['name']} ({m['key'][:8]}), from {m['source']['location']}",
        f"  {count_things(c['rows'], 'row')} = {c['accepted']:,} accepted + {count_things(c['duplicates'], 'duplicate')} + {c['rejected']:,} rejected",
        f"  train {c['train']:,}, validation {c['validation']:,}, test {c['test']:,}",
    ]
    if c["rejected"]:
        lines.append("  rejected at: " + ", ".join(f"{stage} {n:,}" for stage, n in c["rejected_by_stage"].items()))
        first = rejections.groupby("stage", sort=False).head(2).head(_REJECTIONS).sort_values("row")
        for row in first.to_dict("records"):
            lines.append(f"    {numbers.name(row['row'])}: {_shorten(row['input'])!r}: {row['reason']}")
        lines.append(f"    all of them: chem-vae inspect {shlex.quote(str(folder))} --rejected rejected.csv")
    examples = m.get("change_examples") or {}
    if changes := m.get("changes"):
        lines.append(f"  changed to their standard form, of {count_things(c['accepted'], 'molecule')}:")
        for change, n in changes.items():
            example = examples.get(change)
            shown = f", such as {numbers.name(example['row'])}: {_shorten(example['input'] or '')!r}" if example else ""
            lines.append(
                f"    {change}: {n:,}{shown}" + (f" became {_shorten(example['smiles'])!r}" if example else "")
            )
        lines.append(f"    all of them: chem-vae inspect {shlex.quote(str(folder))} --changed changed.csv")
    lines.append(
        f"  vocabulary of {m['vocabulary']['symbols']} symbols and {m['vocabulary']['merges']} merges; "
        f"{m['mean_tokens']:.1f} tokens a molecule"
    )
    for p in m["properties"]:
        lines.append(f"  {p['name']} ({p['kind']}): {_describe_property(p, (m.get('labels') or {}).get(p['name']))}")
    lines += [f"  warning: {text}" for text in m.get("warnings") or ()]
    return "\n".join(lines + [f"  note: {text}" for text in m.get("notes") or ()])


def _describe_property(entry: Mapping[str, Any], label: Mapping[str, int] | None) -> str:
    unit = f" {entry['unit']}" if entry["unit"] else ""
    text = "no value in the training split"
    if entry["count"]:
        spread = f"{format_plain_spread(entry['mean'], entry['std'])}{unit} ({format_brief(entry['min'])} to {format_brief(entry['max'])})"
        text = f"{spread}, {count_things(entry['count'], 'value')}"
    return f"{text} for training; {describe_label(label)} in all" if label else text


def _shorten(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"


def order_by_request(sentences: Iterable[str], asked: Iterable[str]) -> list[str]:
    """Order sentences so that those about what was asked for come first; else they keep their order.

    >>> order_by_request(["many rows were lost", "2 cells of 'pIC50' are text"], ["pIC50"])
    ["2 cells of 'pIC50' are text", 'many rows were lost']
    """
    patterns = [re.compile(rf"(?<!\w){re.escape(name)}(?!\w)") for name in asked]
    return sorted(dict.fromkeys(sentences), key=lambda text: not any(p.search(text) for p in patterns))
