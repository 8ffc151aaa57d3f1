"""Describes a dataset as a short card for a notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from pipeline.chemistry.output.drawings import draw_alone
from pipeline.datasets.account import describe_counts
from pipeline.workspace.presentation.formatting import count_things, format_number, is_number
from pipeline.workspace.presentation.notebook_card import Card, Drawing

_DRAWN = 8
_PROPERTIES = 12
"""Properties that are described one by one."""


def make_dataset_card(manifest: Mapping[str, Any], folder: Path, shards: Sequence[Path]) -> Card:
    """Describe a dataset: what became of its rows, its splits and properties, and its first molecules."""
    counts, properties = manifest["counts"], manifest["properties"]
    facts = [
        ("from", str(manifest["source"]["location"])),
        ("rows", describe_counts(manifest)),
        ("split", ", ".join(f"{name} {counts[name]:,}" for name in ("train", "validation", "test"))),
    ]
    facts += [(p["name"], _describe_property(p)) for p in properties[:_PROPERTIES]]
    if len(properties) > _PROPERTIES:
        more = len(properties) - _PROPERTIES
        facts.append(("", f"and {more:,} more {'property' if more == 1 else 'properties'}"))
    smiles, values = _read_first(shards, [p["name"] for p in properties])
    drawings, lines = [], []
    for text, told in zip(smiles, values, strict=True):
        if (svg := draw_alone(text)) is not None:
            drawings.append(Drawing(svg, told, text))
        lines.append(f"{text}  {told}")
    title = f"dataset {manifest['name']} ({folder.name}): {count_things(counts['accepted'], 'molecule')}"
    return Card(
        title,
        facts,
        manifest.get("warnings") or (),
        drawings,
        lines,
        "more: .table(), .rejections(), print(.summary())",
    )


def _describe_property(entry: Mapping[str, Any]) -> str:
    unit = f" {entry['unit']}" if entry["unit"] else ""
    if not entry["count"]:
        return f"{entry['kind']}, no value in the training split"
    low, high = format_number(entry["min"]), format_number(entry["max"])
    return f"{entry['kind']}, {format_number(entry['mean'])} ± {format_number(entry['std'])}{unit} ({low} to {high})"


def _read_first(shards: Sequence[Path], names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Read the first molecules and two of their values; none where the shard cannot be read."""
    try:
        with parquet.ParquetFile(shards[0]) as file:
            columns = ["smiles", *(name for name in names if name in file.schema_arrow.names)][:3]
            batch = next(file.iter_batches(batch_size=_DRAWN, columns=columns), None)
    except (OSError, IndexError, ValueError, pa.ArrowException):
        return [], []
    rows = [] if batch is None else batch.to_pylist()
    told = [
        ", ".join(f"{name} {format_number(row[name])}" for name in columns[1:] if is_number(row[name])) for row in rows
    ]
    return [row["smiles"] for row in rows], told
