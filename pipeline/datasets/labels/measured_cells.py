"""Reads the cells of a measured column, and those beside them, from the parts of an ingest, in which they are text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet
from rdkit import Chem
from rdkit.Chem import Descriptors

from chem_vae.errors import UserError
from pipeline.datasets.labels.assay_export import AssayColumns
from pipeline.datasets.labels.label import Cell, is_blank
from pipeline.datasets.labels.label_account import LabelAccount
from pipeline.datasets.labels.number_style import StyleEvidence
from pipeline.datasets.labels.units import normalize_unit
from pipeline.datasets.labels.where import Where
from pipeline.datasets.shard_settings import CAME_AS_NUMBERS, ShardSettings

_AMBIGUOUS_POINT, _LARGE_INTEGER = r"^[+-]?[1-9]\d{0,2}\.\d{3}$", r"^[+-]?\d{3,}$"
_SHOWN_CELLS = 6


class Record(NamedTuple):
    """The cells of a row that tell of one property: its own cell, and the cells beside it."""

    text: str
    relation: str = ""
    unit: str = ""
    kind: str = ""
    is_wanted: bool = True
    is_number: bool = False
    """Whether the cell came as a number, so that its marks are not a question."""

    def find_unit(self, cell: Cell) -> str:
        """Return the unit of the cell: its own, or that of the column beside it."""
        return normalize_unit(cell.unit or self.unit.strip().strip("'"))


class Part:
    """A part's columns as text."""

    def __init__(self, settings: ShardSettings, number: int, molecules: int) -> None:
        self.settings, self.path, self.molecules = settings, settings.part(number), molecules
        self.names = parquet.read_schema(self.path).names

    def read(self, column: str) -> pa.ChunkedArray:
        """Read a column of the source, which is empty where the part has none of that name."""
        if self.settings.find_part_column(column) not in self.names:
            return pa.chunked_array([pa.nulls(self.molecules, pa.string())])
        return parquet.read_table(self.path, columns=[self.settings.find_part_column(column)]).column(0)

    def find_numbers(self, column: str) -> np.ndarray:
        """Find the cells of a measured column that came as numbers, not as text: an array (molecules,) of yes and no."""
        if CAME_AS_NUMBERS not in self.names:
            return np.zeros(self.molecules, bool)
        numbers = parquet.read_table(self.path, columns=[CAME_AS_NUMBERS]).column(0).combine_chunks()
        found = numbers.type.get_field_index(column)
        return np.zeros(self.molecules, bool) if found < 0 else np.asarray(numbers.field(found), bool)

    def read_weights(self, rows: np.ndarray) -> np.ndarray:
        """Compute the molecular weights (g/mol) of the standard forms of some rows."""
        smiles = parquet.read_table(self.path, columns=["smiles"]).column(0).take(pa.array(rows)).to_pylist()
        return np.array([Descriptors.MolWt(Chem.MolFromSmiles(s)) for s in smiles])  # type: ignore[attr-defined]


def count_cells(parts: Sequence[Part], column: str) -> Mapping[str, int]:
    """Count the cells of a column that are not blank, by their text."""
    counts: Counter[str] = Counter()
    for part in parts:
        for entry in pc.value_counts(part.read(column).cast(pa.string())).to_pylist():
            if entry["values"] and entry["values"].strip():
                counts[entry["values"]] += entry["counts"]
    return counts


def check_where(where: Where, parts: Sequence[Part]) -> None:
    """Check that some row holds what the condition on other columns asks for.

    Raises:
        UserError: If none does; it names what the columns hold.
    """
    if not where or not parts or any(any(where.find_rows(part.read, part.molecules)) for part in parts):
        return
    held = []
    for name in where.allowed:
        cells = Counter(count_cells(parts, name)).most_common(_SHOWN_CELLS + 1)
        told = ", ".join(f"{cell.strip()!r} ({count:,})" for cell, count in cells[:_SHOWN_CELLS]) or "nothing"
        held.append(f"{name} holds {told}{' and others' if len(cells) > _SHOWN_CELLS else ''}")
    raise UserError(f"no row has {where}, by which measurements count (`where`): {'; '.join(held)}")


class RecordReader:
    """Reads what the rows say of a measured property.

    Args:
        column: The measured column.
        beside: The columns that say its relation, unit and type.
        where: The rows that are wanted.
    """

    def __init__(self, column: str, beside: AssayColumns, where: Where) -> None:
        self.column, self.beside, self.where = column, beside, where

    def read_plain(self, part: Part) -> pa.ChunkedArray | None:
        """Read a column of plain numbers without anything beside them; None where it has other cells."""
        if self.beside != AssayColumns() or self.where:
            return None
        try:
            return pc.cast(part.read(self.column), pa.float64())
        except pa.ArrowInvalid:
            return None

    def read(self, part: Part) -> Iterator[Record]:
        """Read what each row of a part says."""
        beside = self.beside
        columns = [
            [""] * part.molecules if name is None else [cell or "" for cell in part.read(name).to_pylist()]
            for name in (self.column, beside.relation, beside.unit, beside.type)
        ]
        columns[1:] = [["" if is_blank(cell) else cell for cell in cells] for cells in columns[1:]]
        wanted = self.where.find_rows(part.read, part.molecules)
        return map(Record, *columns, wanted, part.find_numbers(self.column).tolist())

    def count(self, parts: Sequence[Part], account: LabelAccount) -> tuple[Counter[Record], StyleEvidence]:
        """Count the records that say the same; parts of plain numbers are counted in the account alone."""
        records: Counter[Record] = Counter()
        evidence = StyleEvidence()
        for part in parts:
            if self.read_plain(part) is None:
                records.update(self.read(part))
                continue
            text = part.read(self.column)
            written = text.filter(pa.array(~part.find_numbers(self.column)))  # what came as a number proves no mark
            is_ambiguous = pc.match_substring_regex(written, _AMBIGUOUS_POINT)
            ambiguous = pc.sum(is_ambiguous).as_py() or 0
            evidence.add_plain(
                pc.sum(pc.match_substring(written, ".")).as_py() or 0,
                ambiguous,
                pc.sum(pc.match_substring_regex(written, _LARGE_INTEGER)).as_py() or 0,
                written.filter(is_ambiguous)[0].as_py() if ambiguous else None,
            )
            numbers = len(text) - text.null_count - (pc.sum(pc.equal(text, "")).as_py() or 0)
            account.plain += numbers
            if numbers and not account.plain_example:
                account.plain_example = next(str(t) for t in text.drop_null().to_pylist() if t)
        return records, evidence
