"""Source: an opened file of molecules, read in chunks of rows.

A row is, counted from 0: every line of a text file after the header, where a quoted cell may hold line breaks, an empty line
(a rejection) included, but for those at the end of the file; every record of an SDF file; every row of a Parquet file.
Where a file is cut (a truncated gzip file, an SDF file without its last `$$$$`), one last row stands for the cut.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from chem_vae.errors import DataError
from pipeline.chemistry.standardization.smiles_text import split_name
from pipeline.chemistry.standardization.standardize import Rejection

# The modules of the formats register them.
from pipeline.datasets.readers import (  # noqa: F401
    READERS,
    Cells,
    Hints,
    Layout,
    NumberText,
    Reader,
    joined_reader,
    parquet_reader,
    sdf_reader,
    text_reader,
    xlsx_reader,
)
from pipeline.datasets.readers.file_kinds import find_format as find_format
from pipeline.datasets.readers.file_notes import explain_format, explain_hints
from pipeline.datasets.readers.spellings import merge_columns, merge_spellings
from pipeline.workspace.registry import check_file

_FEWEST_BY_CONTENT = 100  # rows of a chunk below which its end does not follow the content
_LARGEST_CHUNK = 50_000_000  # characters: a chunk ends before it has its rows where these are so long


@dataclass
class Chunk:
    """Consecutive rows of a file.

    `inputs` are SMILES, or mol blocks where `molblocks` is set; `columns` are the other columns, as text; `numbers` says of the
    cells of a column whether they came as numbers, where any did; `line_breaks` counts those within cells.
    """

    number: int
    rows: list[int] = field(default_factory=list)
    inputs: list[str | None] = field(default_factory=list)
    columns: dict[str, list[str | None]] = field(default_factory=dict)
    numbers: dict[str, list[bool]] = field(default_factory=dict)
    rejections: list[Rejection] = field(default_factory=list)
    molblocks: bool = False
    line_breaks: int = 0

    def __len__(self) -> int:
        return len(self.rows) + len(self.rejections)

    @property
    def first_row(self) -> int:
        """The number of its first row in the file."""
        return min([*self.rows[:1], *(rejection.row for rejection in self.rejections)], default=0)


@dataclass
class Source:
    """An opened file. `notes` say how it was read; they are complete once `chunks` has come to its end."""

    path: Path
    format: str
    reader: Reader
    layout: Layout
    notes: list[str] = field(default_factory=list)

    @classmethod
    def open(cls, path: Path, hints: Hints | None = None) -> Source:
        """Look at the beginning of a file: its columns, and which holds the SMILES.

        Args:
            path: The file, of a registered format, plain or packed with gzip.
            hints: What the user says about it.

        Raises:
            DataError: If the file is missing, empty or damaged from the start, or if no column holds SMILES.
            UserError: If the ending of its name is of no known format.
        """
        path, hints = Path(path), hints or Hints()
        check_file(path)
        kind = find_format(path)
        try:
            if path.stat().st_size == 0:
                raise DataError(f"{path.name} is empty")
            layout = READERS[kind].find_layout(path, hints)
            layout = merge_spellings(path, READERS[kind], layout, hints.columns)
        except OSError as error:
            raise DataError(f"cannot read {path}: {error.strerror or error}") from None
        notes = [*explain_format(path, kind), *explain_hints((kind,), hints), *layout.notes]
        if layout.cell_name is not None:
            notes.append(f"a name behind the SMILES in a cell is kept in the column {layout.cell_name!r}")
        return cls(path, kind, READERS[kind], replace(layout, notes=tuple(notes)))

    @property
    def smiles_column(self) -> str | None:
        """The name of the SMILES column; None where the file has no header, or holds mol blocks."""
        return self.layout.names[self.layout.smiles] if self.layout.header and self.layout.smiles is not None else None

    @property
    def columns(self) -> list[str]:
        """The other columns; none where they are only known when the file has been read (SDF)."""
        return [name for name in self._own_columns if name not in self.layout.spellings]

    @property
    def _own_columns(self) -> list[str]:
        """The columns beside the SMILES in the order of their cells, those of another spelling included."""
        return [name for i, name in enumerate(self.layout.names) if i != self.layout.smiles]

    def read_columns(self, rows: int | None = None) -> list[str]:
        """Return the other columns; where only its rows tell them, those of all rows, or of the first ones, and what its reader has seen."""
        if self.layout.names:
            return self.columns
        seen = [name for chunk in self.chunks(limit=rows) for name in chunk.columns]
        return list(dict.fromkeys([*seen, *(n for n in self.layout.fields if n not in self.layout.spellings)]))

    def chunks(self, rows: int = 10_000, limit: int | None = None, *, by_content: bool = False) -> Iterator[Chunk]:
        """Read all rows (or the first `limit`) in chunks of `rows`; may be called again.

        Args:
            rows: The rows of a chunk; with `by_content` the most.
            limit: The rows to read.
            by_content: End a chunk where the row itself says so (`_ends_chunk`): where rows are added, be it in the middle, only
                the chunks around them change, and all others hold the same rows as before.
        """
        self.notes = list(self.layout.notes)
        molblocks = self.layout.smiles is None
        chunk, cells, size = Chunk(0, molblocks=molblocks), list[Cells](), 0
        for number, item in enumerate(self.reader.read_rows(self.path, self.layout, self.notes)):
            if limit is not None and number >= limit:
                break
            if len(chunk) == rows or size > _LARGEST_CHUNK:
                yield self._finish(chunk, cells)
                chunk, cells, size = Chunk(chunk.number + 1, molblocks=molblocks), [], 0
            if isinstance(item, Rejection):
                chunk.rejections.append(item)
            else:
                chunk.rows.append(item[0])
                chunk.inputs.append(item[1])
                cells.append(item[2])
                size += _measure(item[1], item[2])
                if by_content and len(chunk) >= rows // 4 and _ends_chunk(item[1], rows):
                    yield self._finish(chunk, cells)
                    chunk, cells, size = Chunk(chunk.number + 1, molblocks=molblocks), [], 0
        if len(chunk):
            yield self._finish(chunk, cells)

    def count(self) -> int:
        """Count the rows in the file itself, without reading them as rows.

        For a text file these are lines: a row with line breaks in its cells counts once more for each.
        """
        return self.reader.count_rows(self.path, self.layout)

    def _finish(self, chunk: Chunk, cells: list[Cells]) -> Chunk:
        """Turn rows of cells into columns."""
        if self.layout.names:
            if self.layout.cell_name is not None:
                names = [split_name(text or "")[1] for text in chunk.inputs]  # the inputs keep the whole text
                cells = [[*row, name] for row, name in zip(cells, names, strict=True)]
            turned = list(zip(*cells, strict=True)) or [()] * len(self._own_columns)
            chunk.columns = {name: list(values) for name, values in zip(self._own_columns, turned, strict=True)}
        else:
            named = [row for row in cells if isinstance(row, Mapping)]
            fields = dict.fromkeys(name for row in named for name in row)
            chunk.columns = {name: [row.get(name) for row in named] for name in fields}
        if self.reader.line_based if self.layout.line_based is None else self.layout.line_based:
            columns = [chunk.inputs, *(cells for name, cells in chunk.columns.items() if name != self.layout.cell_name)]
            chunk.line_breaks = sum(cell.count("\n") for column in columns for cell in column if cell)
        if self.layout.spellings:
            chunk.columns = merge_columns(chunk.columns, self.layout.spellings)
        if self.layout.has_numbers:
            for name, values in chunk.columns.items():
                if any(came_so := [isinstance(cell, NumberText) for cell in values]):
                    chunk.numbers[name] = came_so
                    chunk.columns[name] = [None if cell is None else str(cell) for cell in values]
        return chunk


def _ends_chunk(text: str | None, rows: int) -> bool:
    """Tell by a checksum whether a chunk ends with a row: one row of `rows` / 4 on average; none where chunks are small."""
    return rows >= _FEWEST_BY_CONTENT and zlib.crc32((text or "").encode("utf-8", "replace")) % (rows // 4) == 0


def _measure(text: str | None, cells: Cells) -> int:
    """Count the characters of a row."""
    values = cells.values() if isinstance(cells, Mapping) else cells
    return sum(map(len, filter(None, values)), len(text or ""))
