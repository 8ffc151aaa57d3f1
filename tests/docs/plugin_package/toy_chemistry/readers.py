"""A file format: records such as ">ethanol CCO"."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pipeline.datasets.readers import READERS, Hints, Layout, Row


class ToyReader:
    """Reads files of the format `.toy`."""

    suffixes = (".toy",)
    line_based = False

    def find_layout(self, path: Path, hints: Hints) -> Layout:
        """Return the same layout for every file."""
        return Layout(names=("smiles", "name"), smiles=0)

    def read_rows(self, path: Path, layout: Layout, notes: list[str]) -> Iterator[Row]:
        """Read each record as a row."""
        for row, record in enumerate(path.read_text(encoding="utf-8").split(">")[1:]):
            name, smiles = record.split()
            yield row, smiles, [name]

    def count_rows(self, path: Path, layout: Layout) -> int:
        """Count the records."""
        return path.read_text(encoding="utf-8").count(">")


READERS.add("toy", ToyReader())
