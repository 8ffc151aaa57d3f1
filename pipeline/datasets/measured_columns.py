"""Reads the measured columns of all parts: what a column's cells mean is decided for the whole column.

The parts keep cells as text, so an ingest that was stopped and goes on decides the same. Each column is read twice from the
parts: once to count what its cells are, and once to turn them into labels.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet
from rdkit import Chem
from rdkit.Chem import Descriptors

from chem_vae.errors import DataError
from pipeline.datasets.assay_export import AssayColumns, find_assay_columns
from pipeline.datasets.class_words import find_class_words
from pipeline.datasets.column_units import UnitFacts, UnitPlan, find_strange_words, plan_units
from pipeline.datasets.config import IngestConfig, MeasuredProperty
from pipeline.datasets.label import LARGEST, Cell, Label, LabelColumn, read_relation, split_cell
from pipeline.datasets.label_account import LabelAccount, check_losses, count_things
from pipeline.datasets.left_out import LeaveOut, leave_out
from pipeline.datasets.log_scale import LogScale, is_p_value
from pipeline.datasets.number_style import NumberStyle, StyleEvidence
from pipeline.datasets.shard_settings import ShardSettings
from pipeline.datasets.units import normalize_unit, split_header
from pipeline.datasets.where import Where

_AMBIGUOUS_POINT, _LARGE_INTEGER = r"^[+-]?[1-9]\d{0,2}\.\d{3}$", r"^[+-]?\d{3,}$"


@dataclass
class Labels:
    """The labels of all measured properties, with what is to be said of them.

    `entries` are what the manifest keeps of each property: how it was read, and counts.
    """

    columns: dict[str, LabelColumn] = field(default_factory=dict)
    entries: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


class _Record(NamedTuple):
    """What a row says of a property: its cell, and the cells beside it."""

    text: str
    relation: str = ""
    unit: str = ""
    kind: str = ""
    is_wanted: bool = True


class _Known(NamedTuple):
    """The label of a record; with `mass`, still to be multiplied by that and divided by the molecular weight."""

    label: Label
    spread: float = math.nan
    mass: float = math.nan


def read_labels(
    settings: ShardSettings, molecules: Sequence[int], config: IngestConfig, columns: Sequence[str]
) -> Labels:
    """Read the labels of all molecules of the parts.

    Args:
        settings: What the parts have in common.
        molecules: The number of molecules of each part.
        config: The measured properties and how they are read.
        columns: The columns of the source, in its order; none where only its rows tell them.

    Raises:
        DataError: If a column cannot be read without a further word of the user; the message names the option.
    """
    labels = Labels()
    known = {name: np.zeros(0) for p in settings.properties for name in (p.learned_name, p.name)}
    leave_out(known, config.leave_out, False)  # raises where a rule names no measured property
    parts = [_Part(settings, i, n) for i, n in enumerate(molecules) if n]
    names = list(columns) or list(dict.fromkeys(name for part in parts for name in part.names))
    where = Where.read(config.where, names)
    for wanted in settings.properties:
        reader = _ColumnReader(wanted, config, parts, names, where)
        labels.columns[wanted.learned_name] = reader.read(sum(molecules))
        labels.entries[wanted.learned_name] = reader.describe()
        labels.notes += reader.notes
        labels.warnings += reader.warnings
    return labels


def _fold(text: str) -> str:
    """Return a word as `find_class_words` writes it."""
    return text.strip().casefold().replace("\N{MINUS SIGN}", "-")


class _Part:
    """A part's columns as text."""

    def __init__(self, settings: ShardSettings, number: int, molecules: int) -> None:
        self.settings, self.path, self.molecules = settings, settings.part(number), molecules
        self.names = parquet.read_schema(self.path).names

    def read(self, column: str) -> pa.ChunkedArray:
        """Read a column of the source, which is empty where the part has none of that name."""
        if self.settings.find_part_column(column) not in self.names:
            return pa.chunked_array([pa.nulls(self.molecules, pa.string())])
        return parquet.read_table(self.path, columns=[self.settings.find_part_column(column)]).column(0)

    def read_weights(self, rows: np.ndarray) -> np.ndarray:
        """Compute the molecular weights (g/mol) of the standard forms of some rows."""
        smiles = parquet.read_table(self.path, columns=["smiles"]).column(0).take(pa.array(rows)).to_pylist()
        return np.array([Descriptors.MolWt(Chem.MolFromSmiles(s)) for s in smiles])  # type: ignore[attr-defined]


class _ColumnReader:
    """Reads one measured column."""

    def __init__(
        self,
        wanted: MeasuredProperty,
        config: IngestConfig,
        parts: Sequence[_Part],
        names: Sequence[str],
        where: Where,
    ) -> None:
        self.wanted, self.config, self.parts, self.where = wanted, config, parts, where
        self.column = wanted.name
        self.stem, self.header_unit = split_header(wanted.name)
        self.notes: list[str] = []
        self.warnings: list[str] = []
        self.account = LabelAccount(wanted.name)
        self.beside = AssayColumns()
        if config.assay_columns:
            self.beside = find_assay_columns(wanted.name, names, self._count_cells)
            if self.beside != AssayColumns():
                self.notes.append(self.beside.describe(wanted.name))
        self.p_column = next((name for name in names if "pchembl" in name.casefold() and name != wanted.name), None)
        self.log: LogScale | None = None
        self.style, self.units = NumberStyle(), UnitPlan("", {"": (1.0, 0.0)})

    def read(self, total: int) -> LabelColumn:
        """Read the labels of all molecules."""
        records, evidence = self._count_records()
        classes = {} if self.account.plain else find_class_words(r.text for r in records.elements())
        if classes:
            told = " and ".join(f"{word!r} as {number}" for word, number in classes.items())
            self.notes.append(f"the words of {self.column!r} are two classes: {told}")
        cells = {r: split_cell(classes.get(_fold(r.text), r.text)) for r in records}
        self._drop_strange_words(records, cells)
        self._decide(records, cells, evidence)
        known = {record: self._label(record, cells[record], count) for record, count in records.items()}
        made, start = LabelColumn.make_empty(total), 0
        for part in self.parts:
            at = slice(start, start + part.molecules)
            plain = self._read_plain(part)
            if plain is not None:
                factor, offset = self.units.lines[""]
                values = plain.to_numpy(zero_copy_only=False) * factor + offset
                is_number = np.abs(values) <= LARGEST
                self.account.add_plain(is_number, part.read(self.column))
                made.value[at] = np.where(is_number, values, np.nan)
            else:
                rows = [known[record] for record in self._read_records(part)]
                for array, place in ((made.value, 0), (made.lower, 1), (made.upper, 2)):
                    array[at] = [row.label[place] for row in rows]
                made.spread[at] = [row.spread for row in rows]
                masses = np.array([row.mass for row in rows])
                heavy = np.flatnonzero(np.isfinite(masses))
                if len(heavy):
                    factors = masses[heavy] / part.read_weights(heavy)
                    for array in (made.value, made.lower, made.upper, made.spread):
                        array[start + heavy] *= factors
            start = at.stop
        self._report()
        outliers = self.config.leave_out_outliers
        made = self._leave_out(made, self.column, outliers and self.log is None)
        if self.log is None:
            return made
        return self._leave_out(self._take_logarithms(made, self.log), self.wanted.learned_name, outliers)

    def describe(self) -> dict[str, Any]:
        """Describe how the column was read, for the manifest."""
        entry: dict[str, Any] = {"unit": self.units.unit, "column": self.column, "labels": self.account.to_dict()}
        entry["decimal_comma"] = self.account.decimal_commas > 0
        if self.beside != AssayColumns():
            entry["beside"] = {kind: name for kind, name in asdict(self.beside).items() if name}
        if self.log is not None:
            entry |= {"unit": self.log.unit, "log": self.log.to_dict()}
        return entry

    # -- look at the cells -------------------------------------------------------------------------------------------

    def _count_cells(self, column: str) -> Mapping[str, int]:
        counts: Counter[str] = Counter()
        for part in self.parts:
            for entry in pc.value_counts(part.read(column).cast(pa.string())).to_pylist():
                if entry["values"] and entry["values"].strip():
                    counts[entry["values"]] += entry["counts"]
        return counts

    def _read_plain(self, part: _Part) -> pa.ChunkedArray | None:
        """Read a column of plain numbers without anything beside them; None where it has other cells."""
        if self.beside != AssayColumns() or self.where:
            return None
        try:
            return pc.cast(part.read(self.column), pa.float64())
        except pa.ArrowInvalid:
            return None

    def _read_records(self, part: _Part) -> Iterator[_Record]:
        """Read what each row of a part says."""
        beside = self.beside
        columns = [
            [""] * part.molecules if name is None else [cell or "" for cell in part.read(name).to_pylist()]
            for name in (self.column, beside.relation, beside.unit, beside.type)
        ]
        wanted = self.where.find_rows(part.read, part.molecules)
        return map(_Record, *columns, wanted)

    def _count_records(self) -> tuple[Counter[_Record], StyleEvidence]:
        records: Counter[_Record] = Counter()
        evidence = StyleEvidence()
        for part in self.parts:
            if self._read_plain(part) is None:
                records.update(self._read_records(part))
                continue
            text = part.read(self.column)
            is_ambiguous = pc.match_substring_regex(text, _AMBIGUOUS_POINT)
            ambiguous = pc.sum(is_ambiguous).as_py() or 0
            evidence.add_plain(
                pc.sum(pc.match_substring(text, ".")).as_py() or 0,
                ambiguous,
                pc.sum(pc.match_substring_regex(text, _LARGE_INTEGER)).as_py() or 0,
                text.filter(is_ambiguous)[0].as_py() if ambiguous else None,
            )
            numbers = len(text) - text.null_count - (pc.sum(pc.equal(text, "")).as_py() or 0)
            self.account.plain += numbers
            if numbers and not self.account.plain_example:
                self.account.plain_example = next(str(t) for t in text.drop_null().to_pylist() if t)
        return records, evidence

    # -- decide ------------------------------------------------------------------------------------------------------

    def _drop_strange_words(self, records: Mapping[_Record, int], cells: dict[_Record, Cell | str | None]) -> None:
        """Take the cells with a word behind their number that is no unit as cells that cannot be read."""
        words: Counter[str] = Counter()
        numbers, said = self.account.plain, {self.wanted.unit} if self.wanted.unit else set()
        for record, count in records.items():
            cell = cells[record]
            if isinstance(cell, Cell) and record.is_wanted:
                numbers += count
                words[normalize_unit(cell.unit)] += count
                if record.unit:
                    said.add(_find_unit(record, cell._replace(unit="")))
        words.pop("", None)
        strange = find_strange_words(self.column, words, numbers, said)
        for record, cell in cells.items():
            if strange and isinstance(cell, Cell) and normalize_unit(cell.unit) in strange:
                cells[record] = None

    def _decide(
        self, records: Mapping[_Record, int], cells: Mapping[_Record, Cell | str | None], evidence: StyleEvidence
    ) -> None:
        """Decide the number style and the unit of the column, and refuse what cannot be decided."""
        seen: Counter[str] = Counter()
        kinds: Counter[str] = Counter()
        examples: dict[str, str] = {}
        bare, bare_example = self.account.plain, self.account.plain_example
        for record, count in records.items():
            cell = cells[record]
            if not isinstance(cell, Cell) or not record.is_wanted:
                continue
            for number in (cell.number, cell.end, cell.error.rstrip("%")):
                if number:
                    evidence.add(number, count)
            kinds[record.kind.strip().strip("'")] += count
            if unit := _find_unit(record, cell):
                seen[unit] += count
                examples.setdefault(unit, record.text.strip() if cell.unit else f"{record.text.strip()} {unit}")
            else:
                bare, bare_example = bare + count, bare_example or record.text.strip()
        self._check_kinds(kinds)
        self.style = evidence.decide(self.column, self.config.decimal)
        self.account.decimal_commas = evidence.decimal[","]
        self.notes += [f"{self.column!r}: {clause}" for clause in evidence.describe(self.style)]
        facts = UnitFacts(
            self.column, self.wanted.unit, self.header_unit, seen, bare, bare_example, examples, self.beside.unit
        )
        self.units = plan_units(facts, self.config.accept_lost_labels)
        self.notes += self.units.notes
        if self.p_column and self.beside.type and not is_p_value(self.column) and not self.wanted.log:
            self.notes.append(f"the file has {self.p_column!r} as well, ready to learn: --property {self.p_column!r}")
        if self.wanted.log:
            self.log = LogScale.choose(self.wanted, self.units.unit)

    def _check_kinds(self, kinds: Counter[str]) -> None:
        """Refuse, or for p-values tell, that the rows hold several kinds of measurements."""
        kinds.pop("", None)
        if len({kind.casefold() for kind in kinds}) < 2:
            return
        listed = ", ".join(f"{kind} ({n:,})" for kind, n in kinds.most_common(6))
        choice = f'--where "{self.beside.type}={kinds.most_common(1)[0][0]}"'
        if is_p_value(self.column):
            self.warnings.append(
                f"{self.column!r} mixes {len(kinds)} kinds of measurements, {listed}; choose one with {choice}"
            )
            return
        raise DataError(
            f"{self.column!r} holds {len(kinds)} kinds of measurements, as the column {self.beside.type!r} says: {listed}; "
            f"choose one with {choice}"
            + (f", learn --property {self.p_column!r} instead" if self.p_column else "")
            + ", or read the column alone with --no-assay-columns"
        )

    # -- make labels -------------------------------------------------------------------------------------------------

    def _label(self, record: _Record, cell: Cell | str | None, count: int) -> _Known:
        """Make the label of a record, and count it."""
        account = self.account
        if not record.text.strip():
            account.empty += count
            return _Known(Label())
        if not record.is_wanted:
            account.other_rows += count
            return _Known(Label())
        if isinstance(cell, str):
            account.words[cell[:40]] += count
            return _Known(Label())
        value = self.style.read(cell.number) if cell is not None else math.nan
        end = self.style.read(cell.end) if cell is not None and cell.end else math.nan
        is_range = cell is not None and bool(cell.end)
        if cell is None or not abs(value) <= LARGEST or (is_range and not value < end <= LARGEST):
            account.add_unreadable(record.text, count)
            return _Known(Label())
        unit = _find_unit(record, cell)
        if unit in self.units.lost:
            account.add_unreadable(record.text, count)
            return _Known(Label())
        mass = self.units.masses.get(unit, math.nan)
        factor, offset = self.units.lines.get(unit, (1.0, 0.0))

        def convert(number: float) -> float:
            converted = factor * number + offset
            return converted if (factor, offset) == (1.0, 0.0) else float(f"{converted:.12g}")

        relation = cell.relation or read_relation(record.relation) or ""
        if relation in "<>" and relation and not cell.relation and is_p_value(self.column) and self._is_turned():
            relation = "<" if relation == ">" else ">"
        account.marks += count * bool(cell.mark)
        if cell.mark:
            account.mark_example = account.mark_example or record.text.strip()
        shown = record.text.strip() if cell.relation or is_range else f"{relation} {record.text.strip()}"
        if is_range:
            label = Label(math.nan, convert(value), convert(end))
        elif relation == ">":
            label = Label(math.nan, convert(value))
        elif relation == "<":
            label = Label(math.nan, math.nan, convert(value))
        else:
            label = Label(convert(value), approximate=relation == "~")
        account.add_label(label, shown, count)
        if self.config.censored == "leave_out" and math.isnan(label.value):
            return _Known(Label())
        spread = math.nan
        if cell.error:
            error = self.style.read(cell.error.rstrip("%"))
            spread = abs(value * error / 100 * factor) if cell.error.endswith("%") else abs(error * factor)
            account.errors += count
        return _Known(label, spread, mass)

    def _is_turned(self) -> bool:
        """Whether the relations beside a p-value are those of the raw value, which run the other way."""
        return self.beside.relation is not None and self.stem.casefold() not in self.beside.relation.casefold()

    def _leave_out(self, made: LabelColumn, name: str, outliers: bool) -> LabelColumn:
        """Leave out the values of a name that the user asks to: the column's are raw values, the property's logarithms."""
        rules = [rule for rule in self.config.leave_out if LeaveOut.parse(rule).name == name]
        values, told = leave_out({name: made.value}, rules, outliers)
        self.notes += told
        return LabelColumn(values[name], made.lower, made.upper, made.spread)

    def _take_logarithms(self, made: LabelColumn, log: LogScale) -> LabelColumn:
        self.account.not_positive = int((made.value <= 0).sum() + (made.upper <= 0).sum())
        if number := self.account.not_positive:
            values = f"{count_things(number, 'value')} of {self.column!r} zero or negative, which have no logarithm"
            if not self.config.accept_lost_labels:
                raise DataError(
                    f"{values}; correct them, leave a code out with --leave-out '{self.column}=-999', or leave all of them out "
                    "with --accept-lost-labels"
                )
            self.warnings.append(f"{values}, were left out")
        self.notes.append(log.describe(self.column))
        return LabelColumn(*log.transform(made.value, made.lower, made.upper, made.spread))

    def _report(self) -> None:
        """Say what the cells were, and stop where there are words alone, or labels would be lost in a systematic way."""
        account = self.account
        if account.words and not (account.read or account.unreadable or account.other_rows):
            raise DataError(
                f"the property column {self.column!r} holds text, not numbers: its first value is {next(iter(account.words))!r}"
            )
        self.notes += self.account.describe(self.config.censored == "leave_out", self.where)
        self.warnings += self.account.describe_losses()
        check_losses(self.account, self.config.accept_lost_labels)


def _find_unit(record: _Record, cell: Cell) -> str:
    """Return the unit of a cell: its own, or that of the column beside it."""
    return normalize_unit(cell.unit or record.unit.strip().strip("'"))
