"""The protocol of a file reader, and the registry of file formats, which other packages can add to.

A package adds a format by an entry point of the group `chem_vae.readers` whose function calls
`READERS.add("name", reader)`. Every format may be compressed with gzip: its reader opens files by
`pipeline.datasets.readers.text_files`, or unpacks them itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from chem_vae.plugins import Registry

if TYPE_CHECKING:
    from pipeline.chemistry.standardization.standardize import Rejection  # loads rdkit


class NumberText(str):
    """The text of a cell that came as a number: its point is the decimal mark, whatever the texts of its column say."""

    __slots__ = ()


Cells = Sequence[str | None] | Mapping[str, str | None]
Row = tuple[int, str | None, Cells]
"""A row of a file: its number from 0, its SMILES or mol block, and its other cells, by place or by name."""


class Caution(str):
    """A note on a file that says what may harm the results; a dataset keeps it among its warnings."""

    __slots__ = ()


@dataclass(frozen=True)
class Hints:
    """Facts about a file that the user gives, so that they need not be guessed."""

    smiles_column: str | None = None
    header: bool | None = None
    columns: tuple[str, ...] = ()
    """Other columns that the user names. A first line that holds one of them is the header."""
    delimiter: str | None = None
    """The character between the cells of a text file, or its name (tab, space)."""
    encoding: str | None = None
    """The encoding of a text file."""
    sheet: str | None = None
    """The sheet of a workbook, by its name."""


@dataclass(frozen=True)
class Layout:
    """How a file is laid out."""

    names: tuple[str, ...] = ()
    """The columns; none where they are only known when the file has been read."""
    smiles: int | None = None
    """The place of the SMILES column in `names`; None where the rows hold mol blocks."""
    doubled: tuple[str, ...] = ()
    """The names that several columns have; the later ones got a number."""
    notes: tuple[str, ...] = ()
    """Sentences for the user on how the file is read."""
    delimiter: str | None = None
    """The character between the cells of a text file; None for white space."""
    header: bool = True
    """Whether the names come from the file."""
    header_lines: int = 0
    """The lines of a text file up to the first row."""
    ragged: bool = False
    """Whether cells may be missing at the end of a row."""
    encoding: str | None = None
    """The encoding of a text file that the user gives; None where it is found."""
    cell_name: str | None = None
    """The column, the last one, of the names that stand behind a SMILES in its cell; None where there are none."""
    rows_above: int = 0
    """The rows above the first one, as a spreadsheet counts them."""
    sheet: str | None = None
    """The sheet of a workbook."""
    first_column: int = 0
    """The place of the table's first column in the sheet of a workbook."""
    flagged: int = 0
    """The mol blocks that set the chiral flag."""
    unflagged: int = 0
    """The mol blocks that draw wedges without setting it."""
    line_based: bool | None = None
    """Whether a row is a line, where that depends on the file; None where the `line_based` of the reader holds."""
    has_numbers: bool = False
    """Whether cells may come as numbers (`NumberText`), not as text alone."""
    fields: tuple[str, ...] = ()
    """The columns that stand somewhere in a file without `names`, where its reader has looked."""
    spellings: Mapping[str, str] = field(default_factory=dict)
    """The columns that are read as another one, which they are a spelling of."""

    def __post_init__(self) -> None:
        if len(set(self.names)) < len(self.names):  # the cells of one would be lost
            twice = next(name for i, name in enumerate(self.names) if name in self.names[:i])
            raise ValueError(f"two columns of a layout have the name {twice!r}")


class Reader(Protocol):
    """Reads the files of one format."""

    @property
    def suffixes(self) -> tuple[str, ...]:
        """The endings of file names of this format, in lower case and with the dot (".csv")."""

    @property
    def line_based(self) -> bool:
        """Whether `count_rows` counts lines, so that a row has one more for each line break in its cells."""

    def find_layout(self, path: Path, hints: Hints) -> Layout:
        """Look at the beginning of a file.

        Raises:
            DataError: If it cannot be read, or if no column holds SMILES.
        """

    def read_rows(self, path: Path, layout: Layout, notes: list[str]) -> Iterator[Row | Rejection]:
        """Read all rows in order, each as a row or as a rejection; add to `notes` what the user should know of the file."""

    def count_rows(self, path: Path, layout: Layout) -> int:
        """Count the rows (or lines) in the file itself, without `read_rows`, so that the one can be checked by the other.

        Where a file is cut (a truncated gzip file), the row that is cut counts, or one more where none is.
        """


READERS: Registry[Reader] = Registry("file format", "chem_vae.readers")
