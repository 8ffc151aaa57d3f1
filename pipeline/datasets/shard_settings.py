"""The settings that all shards of an ingest have in common, and what is known of each part."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from pyarrow import parquet

from pipeline.chemistry.config import StandardizeOptions
from pipeline.datasets.config import MeasuredProperty

UNASSIGNED = 255
"""The code of a row of which no column says the split."""
SPLIT_WORDS = {
    "train": 0, "training": 0, "validation": 1, "valid": 1, "val": 1, "dev": 1, "test": 2, "testing": 2,
}  # fmt: skip
FIGURES = b"figures"
"""The key of the metadata of a part with its counts."""
OWN_COLUMNS = ("row", "input", "smiles", "inchikey", "selfies", "changes", "split")
ROW_OF_SOURCE = "row_of_source"
"""The column of a further round's dataset that names the user's file and row of each molecule, which its own rows do not."""
BESIDE = ("lower", "upper", "spread")
"""The columns beside that of a measured property, as in pIC50_lower: the bounds and the spread of its measurements."""
INSIDE = ("hash", "scaffold", "given_split")  # columns of a part that the dataset does not keep
CAME_AS_NUMBERS = "came_as_numbers"
"""The column of a part that says of each measured cell whether it came as a number, not as text; none where no cell did."""


@dataclass(frozen=True)
class ShardSettings:
    """The settings that all shards of an ingest have in common."""

    folder: str  # the folder of the parts
    options: StandardizeOptions
    compute: tuple[str, ...]
    properties: tuple[MeasuredProperty, ...]
    split_column: str | None
    scaffolds: bool
    constraints: tuple[tuple[str, int], ...]
    cache: str | None = None
    """The folder of parts that earlier ingests have made, by the content of their rows; None for no such folder."""
    renamed: tuple[tuple[str, str], ...] = ()
    """The user's own columns whose names the dataset has itself, each with the name that it gets there."""

    @property
    def measured(self) -> tuple[str, ...]:
        """The names of the measured properties."""
        return tuple(p.learned_name for p in self.properties)

    @property
    def sources(self) -> tuple[str, ...]:
        """The columns of the source that hold them, which the parts keep as text."""
        return tuple(p.name for p in self.properties)

    @property
    def own_columns(self) -> set[str]:
        """The names of the columns that the dataset itself makes."""
        beside = {f"{name}_{kind}" for name in self.measured for kind in BESIDE}
        return {*OWN_COLUMNS, *INSIDE, CAME_AS_NUMBERS, *self.compute, *self.measured, *beside}

    def find_part_column(self, name: str) -> str:
        """Return the name that a column of the source has in the parts."""
        return name if name in self.sources else name_kept_column(name, self)

    def list_other_columns(self, parts: int) -> tuple[str, ...]:
        """List the columns of the user's own that any of the finished parts has."""
        names = [name for i in range(parts) for name in parquet.read_schema(self.part(i)).names]
        return tuple(dict.fromkeys(name for name in names if name not in self.own_columns))

    def part(self, number: int) -> Path:
        """Return the Parquet file of the molecules of a part; its rejections and the mark with its hash lie beside it.

        It is written last: where it is, and the mark fits, the part is done.
        """
        return Path(self.folder) / f"part-{number:05d}.parquet"


@dataclass
class PartFigures:
    """Counts of a part, kept in the metadata of its Parquet file, so that a resumed run has them too."""

    rows: int
    molecules: int = 0
    rejected: int = 0
    reused: int = 0  # rows that an earlier ingest has standardized
    undefined_stereo: int = 0  # molecules with a center or double bond of which the configuration is not known
    numeric: dict[str, int] = field(default_factory=dict)  # measured column -> cells that hold a digit
    not_numeric: dict[str, int] = field(default_factory=dict)  # ... -> cells that hold words alone
    example: dict[str, str] = field(default_factory=dict)  # ... -> the first such cell


def read_part_figures(path: Path) -> PartFigures:
    """Read the counts of a finished part that an earlier run has made."""
    return PartFigures(**json.loads(parquet.read_schema(path).metadata[FIGURES]))


def name_kept_column(name: str, settings: ShardSettings) -> str:
    """Name a column of the user's own as the dataset keeps it: with `.source` where it makes one of that name itself."""
    return dict(settings.renamed).get(name) or (f"{name}.source" if name in settings.own_columns else name)
