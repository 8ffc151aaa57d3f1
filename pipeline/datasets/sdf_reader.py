"""SDF and Parquet files as rows."""

from __future__ import annotations

import gzip
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chem_vae.errors import DataError
from pipeline.chemistry.standardize import Rejection
from pipeline.datasets.text_reader import CUT, Layout, Row, find_smiles, lines, number_doubles


def sdf_rows(path: Path, notes: list[str]) -> Iterator[Row | Rejection]:
    """Every record up to its `$$$$` as a row: mol block, data fields by name (and the title line as `title`)."""
    row, record = 0, list[str]()
    for line in lines(path, notes):
        if isinstance(line, Rejection):
            yield Rejection(row, record[0] if record else "", "read", line.reason)
            return
        if line.startswith("$$$$"):
            yield _sdf_record(row, record)
            row, record = row + 1, []
        elif len(record) > 100_000:
            yield Rejection(
                row, record[0], "read", "a record of over 100,000 lines: the rest of the file was left unread"
            )
            return
        else:
            record.append(line)
    if any(line.strip() for line in record):
        if any(line.startswith("M  END") for line in record):
            yield _sdf_record(row, record)  # the last $$$$ is often left out
        else:
            notes.append("the file is cut: its last record has no end")
            yield Rejection(row, "\n".join(record), "read", "the file is cut in the middle of this record")


def _sdf_record(row: int, record: list[str]) -> Row | Rejection:
    end = next((i for i, line in enumerate(record) if line.startswith("M  END")), None)
    if end is None:
        return Rejection(row, "\n".join(record), "read", "a record without `M  END`")
    cells: dict[str, str | None] = {"title": record[0].strip()} if record[0].strip() else {}
    name: str | None = None
    for line in record[end + 1 :]:
        if line.startswith(">"):
            match = re.search(r"<(.*)>", line)
            name = match.group(1).strip() if match else None
            if name:
                cells[name] = None
        elif name and line.strip():
            cells[name] = line if cells[name] is None else f"{cells[name]}\n{line}"
    return row, "\n".join(record[: end + 1]), cells


def _parquet_file(path: Path) -> Any:
    import pyarrow
    from pyarrow import parquet

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
    except (pyarrow.ArrowException, *CUT) as error:
        raise DataError(f"{path.name} is not a whole Parquet file: {str(error).splitlines()[0]}") from None


def parquet_layout(path: Path, wanted: str | None) -> Layout:
    """The columns of a Parquet file. Raises DataError where it is damaged or no column holds SMILES."""
    import pyarrow

    with _parquet_file(path) as file:
        unique, doubled = number_doubles(list(file.schema_arrow.names))
        try:
            batch = next(file.iter_batches(50), None)
        except (pyarrow.ArrowException, OSError) as error:
            raise DataError(f"{path.name} is damaged: {str(error).splitlines()[0]}") from None
        head = list(zip(*map(_texts, batch.columns), strict=True)) if batch is not None else []
        index = find_smiles(path, unique, doubled, head, wanted)
        return Layout(tuple(unique), index, tuple(doubled), rows=file.metadata.num_rows)


def parquet_rows(path: Path, layout: Layout, notes: list[str]) -> Iterator[Row | Rejection]:
    """Every row of a Parquet file, its cells as text."""
    import pyarrow

    smiles, row = layout.smiles or 0, 0
    with _parquet_file(path) as file:
        try:
            for batch in file.iter_batches(10_000):
                for cells in zip(*map(_texts, batch.columns), strict=True):
                    yield row, cells[smiles], cells[:smiles] + cells[smiles + 1 :]
                    row += 1
        except (pyarrow.ArrowException, OSError) as error:
            notes.append("the file is damaged")
            yield Rejection(row, "", "read", f"the file is damaged here: {str(error).splitlines()[0]}")


def _texts(column: Any) -> list[str | None]:
    return [None if value is None else value if isinstance(value, str) else str(value) for value in column.to_pylist()]
