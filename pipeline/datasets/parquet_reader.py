"""Reads Parquet files: every row with its cells as text."""

from __future__ import annotations

import gzip
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow
from pyarrow import parquet

from chem_vae.errors import DataError
from pipeline.chemistry.standardize import Rejection
from pipeline.datasets.readers import READERS, Hints, Layout, Row
from pipeline.datasets.table_head import find_smiles, number_duplicates
from pipeline.datasets.text_files import DAMAGED


class ParquetReader:
    """Reads Parquet files, plain or packed with gzip as a whole."""

    suffixes: tuple[str, ...] = (".parquet", ".pq")
    line_based = False

    def find_layout(self, path: Path, hints: Hints) -> Layout:
        """Find the columns and the one that holds SMILES.

        Raises:
            DataError: If the file is damaged, or if no column holds SMILES.
        """
        with _open(path) as file:
            unique, doubled = number_duplicates(list(file.schema_arrow.names))
            try:
                batch = next(file.iter_batches(50), None)
            except (pyarrow.ArrowException, OSError) as error:
                raise DataError(f"{path.name} is damaged: {str(error).splitlines()[0]}") from None
            head = list(zip(*map(_write_cells, batch.columns), strict=True)) if batch is not None else []
            index = find_smiles(path, unique, doubled, head, hints.smiles_column)
            return Layout(tuple(unique), index, tuple(doubled))

    def read_rows(self, path: Path, layout: Layout, notes: list[str]) -> Iterator[Row | Rejection]:
        """Read every row; from where the file is damaged, every row is a rejection."""
        smiles, row = layout.smiles or 0, 0
        with _open(path) as file:
            try:
                for batch in file.iter_batches(10_000):
                    for cells in zip(*map(_write_cells, batch.columns), strict=True):
                        yield row, cells[smiles], cells[:smiles] + cells[smiles + 1 :]
                        row += 1
            except (pyarrow.ArrowException, OSError) as error:
                notes.append(f"the file is damaged from row {row:,} on")
                for lost in range(row, file.metadata.num_rows):
                    yield Rejection(lost, "", "read", f"the file is damaged: {str(error).splitlines()[0]}")

    def count_rows(self, path: Path, layout: Layout) -> int:
        """Return the number of rows that the file gives in its metadata."""
        with _open(path) as file:
            return int(file.metadata.num_rows)


def _open(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        if not packed:
            return parquet.ParquetFile(path)
        unpacked = tempfile.TemporaryFile()  # noqa: SIM115 - Parquet is read from its end, while the reader lives
        with gzip.open(path, "rb") as inside:
            shutil.copyfileobj(inside, unpacked, 1 << 20)
        unpacked.seek(0)
        return parquet.ParquetFile(unpacked)
    except (pyarrow.ArrowException, *DAMAGED) as error:
        raise DataError(f"{path.name} is not a whole Parquet file: {str(error).splitlines()[0]}") from None


def _write_cells(column: Any) -> list[str | None]:
    return [None if value is None else value if isinstance(value, str) else str(value) for value in column.to_pylist()]


READERS.add("parquet", ParquetReader())
