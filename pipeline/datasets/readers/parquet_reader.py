"""Reads Parquet files: every row with its cells as text."""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
from pyarrow import compute, parquet, types

from chem_vae.errors import DataError, UserError
from pipeline.chemistry.standardization.standardize import Rejection
from pipeline.datasets.layout.smiles_column import find_smiles_column
from pipeline.datasets.layout.table_head import number_duplicates
from pipeline.datasets.readers import READERS, Hints, Layout, NumberText, Row
from pipeline.datasets.readers.text_files import DAMAGED, check_ratio

_LONGEST_CELL = 1 << 20  # bytes; a row with a longer cell is a rejection
_FREE_ROWS = 10_000_000  # rows that a file may have, however small it is
_ROWS_PER_BYTE = 100  # beyond that: so many rows for each byte hold nothing but repetitions
_BATCH = 10_000  # rows that are in memory at a time


class ParquetReader:
    """Reads Parquet files, plain or packed with gzip as a whole."""

    suffixes: tuple[str, ...] = (".parquet", ".pq")
    line_based = False

    def find_layout(self, path: Path, hints: Hints) -> Layout:
        """Find the columns and the one that holds SMILES.

        Raises:
            DataError: If the file is damaged, if no column holds SMILES, or if a column that the user names holds lists.
            UserError: If the file says that it holds far more than its size can.
        """
        with _open(path) as file:
            kept, left_out = _choose_columns(file)
            for name in (hints.smiles_column, *hints.columns):
                if name is not None and name in left_out and name not in kept:
                    raise DataError(
                        f"the column {name!r} of {path.name} holds {left_out[name]}, not one value for each row"
                    )
            unique, doubled = number_duplicates(kept)
            try:
                batch = next(file.iter_batches(50, columns=kept), None)
            except (pyarrow.ArrowException, OSError) as error:
                raise DataError(f"{path.name} is damaged: {str(error).splitlines()[0]}") from None
            head = [list(row) for row in zip(*_read_batch(batch, len(kept)), strict=True)] if batch is not None else []
            short = [[cell if isinstance(cell, str) else None for cell in row] for row in head]
            columns = [[row[i] for row in short] for i in range(len(unique))]
            found = find_smiles_column(path, unique, doubled, columns, hints.smiles_column)
            notes = [f"the column {name!r} holds {what} and was left out" for name, what in left_out.items()]
            cell_name = found.name_names(unique)
            names = unique if cell_name is None else [*unique, cell_name]
            return Layout(
                tuple(names), found.index, tuple(doubled), (*notes, *found.notes), cell_name=cell_name, has_numbers=True
            )

    def read_rows(self, path: Path, layout: Layout, notes: list[str]) -> Iterator[Row | Rejection]:
        """Read every row; from where the file is damaged, every row is a rejection."""
        smiles, row = layout.smiles or 0, 0
        with _open(path) as file:
            kept, _ = _choose_columns(file)
            try:
                for batch in file.iter_batches(_BATCH, columns=kept):
                    for cells in zip(*_read_batch(batch, len(kept)), strict=True):
                        yield _make_row(row, cells, smiles, layout)
                        row += 1
            except (pyarrow.ArrowException, OSError) as error:
                notes.append(f"the file is damaged from row {row:,} on")
                for lost in range(row, file.metadata.num_rows):
                    yield Rejection(lost, "", "read", f"the file is damaged: {str(error).splitlines()[0]}")

    def count_rows(self, path: Path, layout: Layout) -> int:
        """Return the number of rows that the file gives in its metadata."""
        with _open(path) as file:
            return int(file.metadata.num_rows)


class _LongCell(int):
    """The length of a cell that is too long to be read."""


def _make_row(row: int, cells: Sequence[Any], smiles: int, layout: Layout) -> Row | Rejection:
    for name, cell in zip(layout.names, cells, strict=False):  # the name behind a SMILES is no cell
        if isinstance(cell, _LongCell):
            return Rejection(
                row, "", "read", f"a cell of {cell:,} bytes in the column {name!r}, more than {_LONGEST_CELL:,}"
            )
    return row, cells[smiles], tuple(cells[:smiles]) + tuple(cells[smiles + 1 :])


def _open(path: Path) -> Any:
    """Open a file, with text as dictionaries, so that a cell that is repeated takes memory once."""
    try:
        source: Any = path
        with path.open("rb") as file:
            if file.read(2) == b"\x1f\x8b":
                source = _unpack(path)
        plain = parquet.ParquetFile(source)
        _check_size(plain, path)
        texts = [field.name for field in plain.schema_arrow if _is_text(field.type)]
        return parquet.ParquetFile(source, read_dictionary=texts) if texts else plain
    except (pyarrow.ArrowException, MemoryError, OverflowError, ValueError, *DAMAGED) as error:
        if isinstance(error, UserError):
            raise
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"{path.name} is not a whole Parquet file: {reason}") from None


def _unpack(path: Path) -> Any:
    unpacked = tempfile.TemporaryFile()  # noqa: SIM115 - Parquet is read from its end, while the reader lives
    with gzip.open(path, "rb") as inside:
        while data := inside.read(1 << 20):
            unpacked.write(data)
            check_ratio(path, unpacked.tell())
    unpacked.seek(0)
    return unpacked


def _check_size(file: Any, path: Path) -> None:
    """Check that a file does not say that it holds far more than its size can.

    Raises:
        DataError: If it does.
    """
    metadata, size = file.metadata, path.stat().st_size
    if metadata.num_rows > max(_FREE_ROWS, _ROWS_PER_BYTE * size):
        raise DataError(
            f"{path.name} says that it holds {metadata.num_rows:,} rows in {size:,} bytes; it cannot be a table"
        )
    check_ratio(path, sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups)))


def _choose_columns(file: Any) -> tuple[list[str], dict[str, str]]:
    """Choose the columns that have one value for each row.

    Returns:
        Their names, and for each other column what it holds.
    """
    kept: list[str] = []
    left_out: dict[str, str] = {}
    for field in file.schema_arrow:
        kind = field.type.value_type if types.is_dictionary(field.type) else field.type
        if types.is_nested(kind):
            left_out[field.name] = "lists" if "list" in str(kind) else "nested values"
        else:
            kept.append(field.name)
    return kept, left_out


def _is_text(kind: Any) -> bool:
    return bool(
        types.is_string(kind) or types.is_large_string(kind) or types.is_binary(kind) or types.is_large_binary(kind)
    )


def _is_number(kind: Any) -> bool:
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind))


def _read_batch(batch: Any, width: int) -> list[list[Any]]:
    columns = [_read_cells(column) for column in batch.columns]
    return columns if len(columns) == width else [[] for _ in range(width)]


def _read_cells(column: Any) -> list[Any]:
    """Read the cells of a column as text, None for empty ones."""
    if types.is_dictionary(column.type):
        places = np.asarray(compute.fill_null(column.indices.cast(pyarrow.int64()), -1))
        used, again = np.unique(places, return_inverse=True)
        values = (
            _write_values(column.dictionary.take(pyarrow.array(np.maximum(used, 0)))) if len(column.dictionary) else []
        )
        known = [None if place < 0 else values[i] for i, place in enumerate(used)]
        return [known[i] for i in again.tolist()]
    return _write_values(column)


def _write_values(column: Any) -> list[Any]:
    if _is_number(column.type):
        return [None if value is None else NumberText(value) for value in column.to_pylist()]
    if _is_text(column.type):
        lengths = compute.binary_length(column).to_pylist()
        if max((n for n in lengths if n is not None), default=0) > _LONGEST_CELL:
            return [
                _LongCell(n) if n is not None and n > _LONGEST_CELL else _write(column[i].as_py())
                for i, n in enumerate(lengths)
            ]
    try:
        return [_write(value) for value in column.to_pylist()]
    except (ValueError, OverflowError):  # dates that Python does not know, text that is not UTF-8
        return [_write(_read_value(column[i])) for i in range(len(column))]


def _read_value(cell: Any) -> Any:
    try:
        return cell.as_py()
    except (ValueError, OverflowError):
        raw = cell.cast(pyarrow.binary()) if _is_text(cell.type) else cell.cast(pyarrow.string())
        return raw.as_py()


def _write(value: Any) -> str | None:
    """Write a cell as text; bytes are UTF-8, as old programs write text, or Latin-1."""
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return value.decode("latin-1")
    return None if value is None else value if isinstance(value, str) else str(value)


READERS.add("parquet", ParquetReader())
