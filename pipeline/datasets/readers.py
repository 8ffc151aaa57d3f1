"""Readers: a file of molecules as a stream of chunks, each row once, what cannot be read with its reason.

Formats, by suffix: .csv .tsv .smi .smiles .txt .sdf .sd .parquet .pq, each plain or gzipped (seen by its first bytes).

What counts as a row, numbered from 0: every line of a text file after the header, a quoted field of several lines
being one; an empty line too (a rejection), but for those at the file's end; every record of an SDF file; every row of
a Parquet file. Where a file is cut (a truncated gzip, an SDF without its last `$$$$`), one last row stands for the
cut.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from chem_vae.errors import DataError, UserError
from pipeline.chemistry.standardize import Rejection
from pipeline.datasets import sdf_reader, text_reader
from pipeline.datasets.text_reader import Layout, Row

FORMATS = {
    ".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".smi": "smi", ".smiles": "smi", ".txt": "txt",
    ".sdf": "sdf", ".sd": "sdf", ".parquet": "parquet", ".pq": "parquet",
}  # fmt: skip


@dataclass
class Chunk:
    """Consecutive rows.

    `inputs` are SMILES, or mol blocks where `molblocks` is set; `columns` are the other columns, as text.
    """

    number: int
    rows: list[int] = field(default_factory=list)
    inputs: list[str | None] = field(default_factory=list)
    columns: dict[str, list[str | None]] = field(default_factory=dict)
    rejections: list[Rejection] = field(default_factory=list)
    molblocks: bool = False

    def __len__(self) -> int:
        return len(self.rows) + len(self.rejections)


@dataclass
class Source:
    """An opened file. `notes` say how it was read; they are complete once `chunks` has come to its end."""

    path: Path
    format: str
    layout: Layout
    notes: list[str] = field(default_factory=list)

    @classmethod
    def open(cls, path: Path, smiles_column: str | None = None) -> Source:
        """Look at the file's beginning: its columns, and which holds the SMILES.

        Raises DataError where it is missing, empty or damaged from the start, or where no column holds SMILES;
        UserError where its suffix is of no known format.
        """
        path = Path(path)
        if not path.is_file():
            raise DataError(f"there is no file {path}" if not path.exists() else f"{path} is a folder, not a file")
        kind = file_format(path)
        try:
            if path.stat().st_size == 0:
                raise DataError(f"{path.name} is empty")
            if kind == "sdf":
                layout = Layout()
            elif kind == "parquet":
                layout = sdf_reader.parquet_layout(path, smiles_column)
            else:
                layout = text_reader.look(path, kind, smiles_column)
        except OSError as error:
            raise DataError(f"cannot read {path}: {error.strerror or error}") from None
        return cls(path, kind, layout)

    @property
    def smiles_column(self) -> str | None:
        """Its name; None where the file has no header, or holds mol blocks."""
        return self.layout.names[self.layout.smiles] if self.layout.header and self.layout.smiles is not None else None

    @property
    def columns(self) -> list[str]:
        """The other columns; empty for an SDF file, whose fields are only known when it has been read."""
        return [name for i, name in enumerate(self.layout.names) if i != self.layout.smiles]

    def chunks(self, rows: int = 10_000, limit: int | None = None) -> Iterator[Chunk]:
        """All rows (or the first `limit`) in chunks of `rows`; may be called again."""
        self.notes = list(self.layout.notes)
        chunk = Chunk(0, molblocks=self.format == "sdf")
        cells: list[list[str | None] | dict[str, str | None]] = []
        for number, item in enumerate(self._rows()):
            if limit is not None and number >= limit:
                break
            if len(chunk) == rows:
                yield self._with_columns(chunk, cells)
                chunk, cells = Chunk(chunk.number + 1, molblocks=chunk.molblocks), []
            if isinstance(item, Rejection):
                chunk.rejections.append(item)
            else:
                chunk.rows.append(item[0])
                chunk.inputs.append(item[1])
                cells.append(item[2])
        if len(chunk):
            yield self._with_columns(chunk, cells)

    def count(self) -> int:
        """About how many rows there are, without parsing them; exact for ordinary files. For a progress bar."""
        if self.layout.rows is not None:
            return self.layout.rows
        mark = b"\n$$$$" if self.format == "sdf" else b"\n"
        count, last = 0, b""
        with text_reader.open_binary(self.path) as file:
            try:
                while block := file.read(1 << 20):
                    count += (last[len(last) - len(mark) + 1 :] + block).count(mark)
                    last = block
            except text_reader.CUT:
                pass
        if self.format != "sdf":
            count += (not last.endswith(b"\n")) - self.layout.header_lines
        return max(count, 1)

    def _rows(self) -> Iterator[Row | Rejection]:
        if self.format == "sdf":
            return sdf_reader.sdf_rows(self.path, self.notes)
        if self.format == "parquet":
            return sdf_reader.parquet_rows(self.path, self.layout, self.notes)
        return text_reader.rows(self.path, self.layout, self.notes)

    def _with_columns(self, chunk: Chunk, cells: list[list[str | None] | dict[str, str | None]]) -> Chunk:
        """Rows of cells turned into columns."""
        if chunk.molblocks:
            names = list(dict.fromkeys(name for row in cells for name in row))
            chunk.columns = {name: [row.get(name) for row in cells] for name in names if name is not None}  # type: ignore[union-attr]
        else:
            turned = list(zip(*cells, strict=True)) or [()] * len(self.columns)
            chunk.columns = {name: list(values) for name, values in zip(self.columns, turned, strict=True)}
        return chunk


def file_format(path: Path) -> str:
    """The format by the suffix, a .gz behind it left out. Raises UserError for another."""
    name = path.name.lower().removesuffix(".gz")
    for suffix, kind in FORMATS.items():
        if name.endswith(suffix):
            return kind
    raise UserError(
        f"cannot tell the format of {path.name}; name it as one of {', '.join(sorted(FORMATS))}, plain or with .gz"
    )


def read(path: Path, smiles_column: str | None = None, rows: int = 10_000, limit: int | None = None) -> Iterator[Chunk]:
    """The chunks of a file, with the SMILES column found by its name or its content."""
    return Source.open(path, smiles_column).chunks(rows, limit)
