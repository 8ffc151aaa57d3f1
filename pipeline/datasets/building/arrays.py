"""Writes the arrays, rejections and statistics of a dataset part by part, so that memory stays flat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike
from pyarrow import parquet

from pipeline.datasets.building.shards import REJECTION_SCHEMA
from pipeline.datasets.dataset import SPLITS
from pipeline.datasets.readers.row_numbers import RowNumbers
from pipeline.datasets.shard_settings import ShardSettings

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.9, 0.95)


class _ArrayFile:
    """Writes a .npy file front to back; on a full disk a memory map would end in a bus error, not in an exception."""

    def __init__(self, path: Path, dtype: DTypeLike, shape: tuple[int, ...]) -> None:
        self.dtype, self.shape = np.dtype(dtype), shape
        self._file = path.open("wb")
        header = {"descr": np.lib.format.dtype_to_descr(self.dtype), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._file, header)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def append(self, values: np.ndarray) -> None:
        """Write further rows."""
        self._file.write(np.ascontiguousarray(values, self.dtype).tobytes())


def write_arrays(
    settings: ShardSettings, folder: Path, kept: Sequence[tuple[int, int]], properties: Sequence[str]
) -> None:
    """Write tokens.npy, offsets.npy, conditions.npy and split.npy, and where there are any, bounds.npy and spreads.npy.

    Args:
        settings: What the parts have in common.
        folder: The dataset folder, with its shards.
        kept: The number of molecules and of tokens of every part.
        properties: The columns of conditions.npy.
    """
    total, symbols = sum(n for n, _ in kept), sum(t for _, t in kept)
    with (
        _ArrayFile(folder / "tokens.npy", np.uint16, (symbols,)) as tokens,
        _ArrayFile(folder / "offsets.npy", np.int64, (total + 1,)) as offsets,
        _ArrayFile(folder / "conditions.npy", np.float32, (total, len(properties))) as conditions,
        _ArrayFile(folder / "split.npy", np.uint8, (total,)) as split,
    ):
        position = 0
        offsets.append(np.zeros(1))
        for number, (count, length) in enumerate(kept):
            if not count:
                continue
            part = settings.part(number)
            tokens.append(np.load(part.with_suffix(".tokens.npy"), allow_pickle=False))
            offsets.append(position + np.cumsum(np.load(part.with_suffix(".lengths.npy"), allow_pickle=False)))
            table = parquet.read_table(folder / "shards" / part.name, columns=["split", *properties])
            split.append(np.array([SPLITS.index(word) for word in table.column("split").to_pylist()]))
            columns = [table.column(name).to_numpy() for name in properties]
            conditions.append(np.column_stack(columns) if columns else np.zeros((count, 0)))
            position += length
    shards = [(folder / "shards" / settings.part(i).name, count) for i, (count, _) in enumerate(kept) if count]
    columns = parquet.read_schema(shards[0][0]).names if shards else []
    if any(f"{name}_lower" in columns for name in settings.measured):
        with _ArrayFile(folder / "bounds.npy", np.float32, (total, len(properties), 2)) as bounds:
            for path, count in shards:
                sides = [_read_beside(path, properties, settings, side, count) for side in ("lower", "upper")]
                bounds.append(np.stack(sides, axis=-1))
    if any(f"{name}_spread" in columns for name in settings.measured):
        with _ArrayFile(folder / "spreads.npy", np.float32, (total, len(properties))) as spreads:
            for path, count in shards:
                spreads.append(_read_beside(path, properties, settings, "spread", count))


def _read_beside(path: Path, properties: Sequence[str], settings: ShardSettings, kind: str, count: int) -> np.ndarray:
    """Read the bounds or spreads of a shard (count, properties), NaN for a property that has none there."""
    names = {n: f"{n}_{kind}" for n in properties if n in settings.measured}
    table = parquet.ParquetFile(path).read(list(names.values()))  # leaves out names that are not there
    values = np.full((count, len(properties)), np.nan)
    for i, name in enumerate(properties):
        if names.get(name) in table.column_names:
            values[:, i] = table.column(names[name]).to_numpy()
    return values


def write_all_rejections(settings: ShardSettings, folder: Path, parts: int) -> Counter[str]:
    """Write rejections.parquet, by row, from those of the parts, and count the rejections of each stage."""
    stages: Counter[str] = Counter()
    with parquet.ParquetWriter(folder / "rejections.parquet", REJECTION_SCHEMA, compression="zstd") as out:
        for number in range(parts):
            part = settings.part(number)
            table = parquet.read_table(part.with_suffix(".rejections.parquet"))
            stages.update(table.column("stage").to_pylist())
            out.write_table(table)
    return stages


def explain_rejections(settings: ShardSettings, parts: int, numbers: RowNumbers) -> str:
    """Say how many rows each stage refused, and which were the first three, for an error message."""
    stages: Counter[str] = Counter()
    examples: list[str] = []
    for number in range(parts):
        for row in parquet.read_table(settings.part(number).with_suffix(".rejections.parquet")).to_pylist():
            stages[row["stage"]] += 1
            if len(examples) < 3:
                examples.append(f"{numbers.name(row['row'])}, {row['input'][:40]!r}: {row['reason']}")
    return f"{', '.join(f'{stage} {n:,}' for stage, n in stages.most_common())}. {'; '.join(examples)}"


def add_statistics(folder: Path, properties: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add figures over the training split to the properties of a manifest; None where nothing was measured."""
    conditions = np.load(folder / "conditions.npy", mmap_mode="r")
    train = np.load(folder / "split.npy", mmap_mode="r") == 0
    entries = []
    for i, entry in enumerate(properties):
        values = conditions[:, i][train].astype(np.float64)
        values = values[np.isfinite(values)]
        figures: dict[str, Any] = {"count": len(values)}
        for figure in ("mean", "std", "min", "max"):
            figures[figure] = float(getattr(values, figure)()) if len(values) else None
        quantiles = np.quantile(values, QUANTILES).tolist() if len(values) else [None] * len(QUANTILES)
        figures["quantiles"] = {str(q): v for q, v in zip(QUANTILES, quantiles, strict=True)}
        entries.append(entry | figures)
    return entries
