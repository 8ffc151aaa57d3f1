"""Reads the measured columns of all parts: what a column's cells mean is decided for the whole column.

The parts keep cells as text, so an ingest that was stopped and goes on decides the same. Each column is read twice from the
parts: once to count what its cells are, and once to turn them into labels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from chem_vae.errors import DataError
from pipeline.datasets.config import IngestConfig, MeasuredProperty
from pipeline.datasets.labels.assay_export import AssayColumns, find_assay_columns, is_raw_value
from pipeline.datasets.labels.class_words import find_class_words, fold_word
from pipeline.datasets.labels.column_units import UnitFacts, UnitPlan, find_strange_words, plan_units
from pipeline.datasets.labels.label import LARGEST, Cell, LabelColumn, split_cell
from pipeline.datasets.labels.label_account import LabelAccount, check_losses
from pipeline.datasets.labels.left_out import LeaveOut, leave_out
from pipeline.datasets.labels.log_scale import LogScale
from pipeline.datasets.labels.logarithm_names import is_p_value
from pipeline.datasets.labels.measured_cells import Part, Record, RecordReader, check_where, count_cells
from pipeline.datasets.labels.measured_labels import LabelMaker
from pipeline.datasets.labels.number_style import NumberStyle, StyleEvidence
from pipeline.datasets.labels.units import normalize_unit, split_header
from pipeline.datasets.labels.where import Where
from pipeline.datasets.shard_settings import ShardSettings
from pipeline.workspace.presentation.formatting import count_things


@dataclass
class Labels:
    """The labels of all measured properties, with what is to be said of them.

    `entries` are what the manifest keeps of each property: how it was read, and counts.
    """

    columns: dict[str, LabelColumn] = field(default_factory=dict)
    entries: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


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
        UserError: If no row holds what `where` asks for.
    """
    labels = Labels()
    known = {name: np.zeros(0) for p in settings.properties for name in (p.learned_name, p.name)}
    leave_out(known, config.leave_out, False)  # raises where a rule names no measured property
    parts = [Part(settings, i, n) for i, n in enumerate(molecules) if n]
    names = list(columns) or list(dict.fromkeys(name for part in parts for name in part.names))
    where = Where.read(config.where, names)
    check_where(where, parts)
    for wanted in settings.properties:
        reader = _ColumnReader(wanted, config, parts, names, where)
        labels.columns[wanted.learned_name] = reader.read(sum(molecules))
        labels.entries[wanted.learned_name] = reader.describe()
        labels.notes += reader.notes
        labels.warnings += reader.warnings
    return labels


class _ColumnReader:
    """Reads one measured column."""

    def __init__(
        self,
        wanted: MeasuredProperty,
        config: IngestConfig,
        parts: Sequence[Part],
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
            others = [p.name for p in config.properties if p.name != wanted.name]
            self.beside = find_assay_columns(wanted.name, names, others, lambda column: count_cells(parts, column))
            if self.beside != AssayColumns():
                self.notes.append(self.beside.describe(wanted.name))
        self.names = names
        self.records = RecordReader(wanted.name, self.beside, where)
        self.p_column = next((name for name in names if "pchembl" in name.casefold() and name != wanted.name), None)
        self.log: LogScale | None = None
        self.classes = wanted.classes
        """The words that are read as 1 and 0."""
        self.style, self.units = NumberStyle(), UnitPlan("", {"": (1.0, 0.0)})

    def read(self, total: int) -> LabelColumn:
        """Read the labels of all molecules."""
        records, evidence = self.records.count(self.parts, self.account)
        classes: dict[str, str] = {}
        if self.classes or not self.account.plain:
            classes = find_class_words((r.text for r in records.elements()), self.classes)
        if classes:
            high, low = classes
            self.classes = self.classes or (high, low)
            told = " and ".join(f"{word!r} as {number}" for word, number in classes.items())
            self.notes.append(f"the words of {self.column!r} are two classes: {told}")
        cells = {r: split_cell(classes.get(fold_word(r.text), r.text)) for r in records}
        self._drop_strange_words(records, cells)
        self._decide(records, cells, evidence)
        maker = self._open_maker()
        known = {record: maker.make(record, cells[record], count) for record, count in records.items()}
        made, start = LabelColumn.make_empty(total), 0
        for part in self.parts:
            at = slice(start, start + part.molecules)
            plain = self.records.read_plain(part)
            if plain is not None:
                values = self._read_plain(part, plain)
                is_number = np.abs(values) <= LARGEST
                self.account.add_plain(is_number, part.read(self.column))
                made.value[at] = np.where(is_number, values, np.nan)
            else:
                rows = [known[record] for record in self.records.read(part)]
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

    def _read_plain(self, part: Part, plain: pa.ChunkedArray) -> np.ndarray:
        """Convert a part's plain numbers to the unit of the column; where their points split thousands, they are read again."""
        values = np.asarray(plain.to_numpy(zero_copy_only=False))
        if not self.style.point_is_decimal:
            texts = part.read(self.column).cast(pa.string()).to_pylist()
            again = [self.style.read(text.strip()) if text and text.strip() else np.nan for text in texts]
            values = np.where(part.find_numbers(self.column), values, again)
        if (mass := self.units.masses.get("")) is not None:
            there = np.flatnonzero(np.isfinite(values))
            values = values.copy()
            values[there] *= mass / part.read_weights(there)
            return values
        factor, offset = self.units.lines[""]
        return values * factor + offset

    def describe(self) -> dict[str, Any]:
        """Describe how the column was read, for the manifest."""
        entry: dict[str, Any] = {"unit": self.units.unit, "column": self.column, "labels": self.account.to_dict()}
        entry["decimal_comma"] = self.account.decimal_commas > 0
        if self.beside != AssayColumns():
            entry["beside"] = {kind: name for kind, name in asdict(self.beside).items() if name}
        if self.classes is not None:
            entry["classes"] = list(self.classes)
        if self.log is not None:
            entry |= {"unit": self.log.unit, "log": self.log.to_dict()}
        return entry

    def _drop_strange_words(self, records: Mapping[Record, int], cells: dict[Record, Cell | str | None]) -> None:
        """Take the cells with a word behind their number that is no unit as cells that cannot be read."""
        words: Counter[str] = Counter()
        numbers, said = self.account.plain, {self.wanted.unit} if self.wanted.unit else set()
        for record, count in records.items():
            cell = cells[record]
            if isinstance(cell, Cell) and record.is_wanted:
                numbers += count
                words[normalize_unit(cell.unit)] += count
                if record.unit:
                    said.add(record.find_unit(cell._replace(unit="")))
        words.pop("", None)
        strange = find_strange_words(self.column, words, numbers, said)
        for record, cell in cells.items():
            if strange and isinstance(cell, Cell) and normalize_unit(cell.unit) in strange:
                cells[record] = None

    def _decide(
        self, records: Mapping[Record, int], cells: Mapping[Record, Cell | str | None], evidence: StyleEvidence
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
                if number and not record.is_number:
                    evidence.add(number, count)
            kinds[record.kind.strip().strip("'")] += count
            if unit := record.find_unit(cell):
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
            + (f", take --property {self.p_column!r} instead" if self.p_column else "")
            + ", or read the column alone with --no-assay-columns"
        )

    def _open_maker(self) -> LabelMaker:
        """Return what makes the labels, where all is decided."""
        beside = self.beside.relation  # ">" in a column of another name beside a p-value is that of the raw value
        is_of_raw = beside is not None and self.stem.casefold() not in beside.casefold()
        has_raw = "pchembl" in self.column.casefold() or any(map(is_raw_value, self.names))
        is_turned = is_p_value(self.column) and is_of_raw and has_raw
        if is_turned:
            self.notes.append(
                f"the relations in {beside!r} are those of the raw value: > there is < of {self.column!r}, and the other way round"
            )
        return LabelMaker(self.account, self.style, self.units, self.config.censored == "leave_out", is_turned)

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
