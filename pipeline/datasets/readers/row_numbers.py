"""Row numbers as a user finds them in the file; datasets store rows counted from 0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.datasets.readers import Layout


@dataclass(frozen=True)
class RowNumbers:
    """The numbers that the rows of a file have for its user.

    In a table these are the rows of a spreadsheet, where the header is row 1 and a row with line breaks in its cells counts
    once; in an SDF file the records, in a Parquet file the rows, each counted from 1.

    Args:
        first: The number of the first row.
        word: The word for a row: "row" or "record".
    """

    first: int = 1
    word: str = "row"

    @classmethod
    def of_layout(cls, layout: Layout) -> RowNumbers:
        """Return the numbers of the rows of a file that is laid out so."""
        if layout.smiles is None:
            return cls(1, "record")
        return cls((layout.rows_above or layout.header_lines) + 1)

    @classmethod
    def of_manifest(cls, manifest: Mapping[str, Any]) -> RowNumbers:
        """Return the numbers of the rows of a dataset's source; counted from 0 where an older dataset does not tell."""
        known = manifest.get("row_numbers")
        return cls(known["first"], known["word"]) if known else cls(0)

    def number(self, row: int) -> int:
        """Return the number of a row that is stored as counted from 0."""
        return row + self.first

    def name(self, row: int) -> str:
        """Return the number of a row with its word.

        >>> RowNumbers(2).name(1_234)
        'row 1,236'
        """
        return f"{self.word} {self.number(row):,}"

    def to_dict(self) -> dict[str, Any]:
        """Return the plain form that the manifest keeps."""
        return asdict(self)
