"""Helpers of the tests of readers: write a file, read it whole, and look at its rows."""

from __future__ import annotations

import gzip
from pathlib import Path

from pipeline.chemistry.standardization.standardize import Rejection
from pipeline.datasets.readers import Hints
from pipeline.datasets.readers.source import Chunk, Source


def read_all(path: Path, smiles_column: str | None = None, rows: int = 3) -> tuple[Source, list[Chunk]]:
    source = Source.open(path, Hints(smiles_column))
    return source, list(source.chunks(rows))


def molecules(chunks: list[Chunk]) -> list[tuple[int, str | None]]:
    return [pair for chunk in chunks for pair in zip(chunk.rows, chunk.inputs, strict=True)]


def rejections(chunks: list[Chunk]) -> list[Rejection]:
    return [rejection for chunk in chunks for rejection in chunk.rejections]


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    data = content if isinstance(content, bytes) else content.encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path
