"""Looks at the first rows of a file before it is ingested: which columns it has, which holds molecules, which were measured."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from chem_vae.errors import DataError
from pipeline.chemistry.molecule import parse_mol
from pipeline.chemistry.standardization.smiles_text import split_name
from pipeline.datasets.config import IngestConfig
from pipeline.datasets.labels.label import Cell, split_cell
from pipeline.datasets.labels.logarithm_names import is_logarithm, is_potency
from pipeline.datasets.labels.units import split_header
from pipeline.datasets.layout.cell_kinds import take_filled
from pipeline.datasets.readers import Hints
from pipeline.datasets.readers.source import Source

ROWS = 200
"""The rows that are looked at."""
_NUMBERS = 0.8
"""The share of filled cells that are numbers in a column of numbers."""
_RUNNING = re.compile(
    r"(index|idx|id|no|nr|row|number|#|unnamed: ?\d+|.*[ _]?(id|no|nr|number)|cas|batch|year|plate|well)\.?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class ColumnLook:
    """Describes a column by its first cells."""

    name: str
    kind: Literal["numbers", "text", "empty"]
    unit: str
    """The unit in its name, or nothing."""
    examples: tuple[str, ...]

    @property
    def is_raw_potency(self) -> bool:
        """Whether it is named like a concentration that an assay finds, of which the logarithm is what one learns."""
        return is_potency(self.name) and not is_logarithm(self.name)


@dataclass(frozen=True)
class FirstLook:
    """Describes a file by its first rows."""

    format: str
    smiles_column: str | None
    """The column of SMILES; None where the file has no header, or holds drawn structures (SDF)."""
    smiles: tuple[str, ...]
    """The first molecules, as SMILES or mol blocks."""
    columns: tuple[ColumnLook, ...]
    """All others."""
    notes: tuple[str, ...]
    rows: int
    """The rows that were looked at."""

    @property
    def measured(self) -> list[ColumnLook]:
        """The columns of numbers, first the one that was most likely measured."""
        numbers = [column for column in self.columns if column.kind == "numbers"]
        return sorted(numbers, key=_rank)


def look_at(path: Path, hints: Hints | None = None, rows: int = ROWS) -> FirstLook:
    """Look at the first rows of a file.

    Raises:
        DataError: If it cannot be read, or if no column holds molecules.
        UserError: If the ending of its name is of no known format.
    """
    source = Source.open(path, hints)
    chunk = next(source.chunks(rows=rows, limit=rows), None)
    cells = {} if chunk is None else chunk.columns
    columns = tuple(_look_at_column(name, values) for name, values in cells.items())
    molblocks = chunk is not None and chunk.molblocks
    texts = [] if chunk is None else take_filled(chunk.inputs)
    if not molblocks and not any(parse_mol(split_name(text)[0].split(" |")[0]) for text in texts):
        shown = ", ".join(repr(text[:30]) for text in texts[:3]) or "nothing"
        raise DataError(
            f"{path.name} holds no molecules that can be read (its first cells: {shown}); it needs a column of SMILES, or drawn structures "
            "(an SD file)"
        )
    smiles = tuple(islice((text for text in ([] if chunk is None else chunk.inputs) if text), 12))
    return FirstLook(
        source.format,
        source.smiles_column,
        smiles,
        columns,
        tuple(dict.fromkeys(source.notes)),
        0 if chunk is None else len(chunk),
    )


def suggest_ingest(source: str, column: str | None, log: bool = False, unit: str = "") -> dict[str, Any]:
    """Suggest the settings of the table `ingest` for a file of which one column is learned.

    Args:
        source: The file.
        column: The measured column; None where only what a structure gives is wanted.
        log: Learn the logarithm of the column.
        unit: Its unit, where the name of the column does not tell it.
    """
    usual = IngestConfig.model_fields["compute"].default
    taken = column.casefold() if column else ""
    found: dict[str, Any] = {"source": source, "compute": [name for name in usual if name.casefold() != taken]}
    if column:
        found["properties"] = [{"name": column, "log": log, **({"unit": unit} if unit else {})}]
    return found


def _look_at_column(name: str, cells: Sequence[str | None]) -> ColumnLook:
    filled = take_filled(cells)
    numbers = [text for text in filled if isinstance(split_cell(text), Cell)]
    kind: Literal["numbers", "text", "empty"] = "text"
    if not filled:
        kind = "empty"
    elif len(numbers) >= _NUMBERS * len(filled):
        kind = "numbers"
    unit = split_header(name)[1] if kind == "numbers" else ""
    return ColumnLook(name, kind, unit, tuple(filled[:3]))


def _rank(column: ColumnLook) -> int:
    """Rank a column of numbers: what is named like a measurement comes first, what is named like a running number last."""
    if is_logarithm(column.name) or is_potency(column.name):
        return 0
    return 2 if _RUNNING.fullmatch(column.name.strip()) else 1
