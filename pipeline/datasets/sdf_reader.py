"""Reads SDF files: every record is a row, its mol block and its data fields."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pipeline.chemistry.standardize import Rejection
from pipeline.datasets.readers import READERS, Hints, Layout, Row
from pipeline.datasets.text_files import count_records, is_blank, read_lines

_LONGEST_RECORD = 100_000  # lines
_END = "$$$$"


class SDFReader:
    """Reads SDF files, V2000 and V3000. A row holds the data fields by name, and the title line as `title`."""

    suffixes: tuple[str, ...] = (".sdf", ".sd")
    line_based = False

    def find_layout(self, path: Path, hints: Hints) -> Layout:
        """Return a layout without columns: the fields of an SDF file are only known when it has been read."""
        return Layout()

    def read_rows(self, path: Path, layout: Layout, notes: list[str]) -> Iterator[Row | Rejection]:
        """Read every record up to its `$$$$`; the last one may lack it, or be cut."""
        row, length, record = 0, 0, list[str]()
        for line in read_lines(path, notes):
            if isinstance(line, Rejection):
                yield Rejection(row, record[0] if record else "", "read", line.reason)
                return
            if line.startswith(_END):
                yield _read_record(row, record, length)
                row, length, record = row + 1, 0, []
            else:
                length += 1
                if length <= _LONGEST_RECORD:
                    record.append(line)
        if any(not is_blank(line) for line in record):
            if any(line.startswith("M  END") for line in record):
                yield _read_record(row, record, length)
            else:
                notes.append("the file is cut: its last record has no end")
                yield Rejection(row, "\n".join(record), "read", "the file is cut in the middle of this record")

    def count_rows(self, path: Path, layout: Layout) -> int:
        """Count the lines that end a record."""
        return count_records(path, _END)


def _read_record(row: int, record: list[str], length: int) -> Row | Rejection:
    if length > _LONGEST_RECORD:
        return Rejection(row, record[0], "read", f"a record of {length:,} lines, more than {_LONGEST_RECORD:,}")
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


READERS.add("sdf", SDFReader())
