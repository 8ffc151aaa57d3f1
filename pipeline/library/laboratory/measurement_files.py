"""Reads a file of measurements by the rules of the data: which molecule each row is about, and what was measured."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from typing import Any

from chem_vae.errors import DataError, UserError, unknown_name
from chem_vae.progress import silent
from pipeline.chemistry.config import StandardizeOptions
from pipeline.chemistry.standardization.standardize import Rejection, Standardizer
from pipeline.datasets.labels.assay_export import find_assay_columns
from pipeline.datasets.labels.class_words import find_class_words, fold_word
from pipeline.datasets.labels.column_units import UnitFacts, plan_units
from pipeline.datasets.labels.label import Cell, Label, is_blank, split_cell
from pipeline.datasets.labels.label_account import LabelAccount
from pipeline.datasets.labels.measured_cells import Record
from pipeline.datasets.labels.measured_labels import LabelMaker
from pipeline.datasets.labels.number_style import StyleEvidence, add_all
from pipeline.datasets.labels.units import normalize_unit, split_header
from pipeline.datasets.layout.smiles_column import fold_name
from pipeline.datasets.readers import Hints
from pipeline.datasets.readers.row_numbers import RowNumbers
from pipeline.datasets.readers.source import Source
from pipeline.workspace.remote.downloads import download, find_address, name_file
from pipeline.workspace.remote.redaction import expand_variables

ID_NAMES = ("id", "library_id", "molecule_id", "compound_id", "cv_id", "cv")
KEY_NAMES = ("inchikey", "inchi_key", "standard_inchikey", "standard_inchi_key")
_ASSAY_NAMES = ("assay", "assay_name", "assay_id", "protocol", "test")
_DATE_NAMES = ("date", "measured_on", "measured", "test_date", "assay_date", "date_measured", "run_date")
_REPLICATE_NAMES = (
    "replicate", "replicate_id", "replicate_no", "replicate_number", "rep", "batch", "batch_id", "lot", "lot_number", "experiment",
    "experiment_id", "plate", "plate_id", "well", "measurement_id", "result_id",
)  # fmt: skip
"""Columns by which two equal values are different measurements."""


@dataclass(frozen=True)
class FileOptions:
    """The options for reading a file of measurements; what they leave open is found by the names of its columns."""

    properties: Mapping[str, str] = field(default_factory=dict)
    """The measured columns, each with its unit or ""."""
    id_column: str | None = None
    """The column of ids, InChIKeys or SMILES that says which molecule a row is about."""
    smiles_column: str | None = None
    assay: str = ""
    """The assay, where no column says it."""
    decimal: str | None = None
    """The decimal mark, where the numbers do not tell."""
    delimiter: str | None = None
    encoding: str | None = None
    sheet: str | None = None


@dataclass(frozen=True)
class KnownProperty:
    """What the library knows of a property."""

    unit: str = ""
    classes: Sequence[str] | None = None
    """The words that are read as 1 and 0."""
    is_number: bool = False
    """Whether it has values beyond 0 and 1, so that no words are read as such."""


@dataclass(frozen=True)
class Measured:
    """A measurement of one property from one cell of a file, in the unit of the library."""

    property: str
    label: Label
    spread: float
    mass: float
    """NaN, or a factor by which the label is still to be multiplied and divided by the molecular weight."""
    cell: str


@dataclass
class MeasuredRow:
    """A row of a file of measurements."""

    number: int
    """The number of the row, counted as a spreadsheet does."""
    names: list[str]
    """The ids, InChIKeys and SMILES that say which molecule the row is about."""
    measured: list[Measured]
    assay: str
    date: str
    replicate: str
    """The cells of the columns that number repeated measurements."""
    cells: dict[str, str]
    unreadable: list[str] = field(default_factory=list)
    """The columns whose cells hold something that is no number."""


@dataclass
class MeasurementFile:
    """A file of measurements as it was read."""

    rows: list[MeasuredRow]
    units: dict[str, str]
    """The unit of each property."""
    classes: dict[str, list[str]]
    """The words that were read as 1 and 0, of the properties that have classes."""
    notes: list[str]
    rejected: list[tuple[int, str, str]]
    """Rows that could not be read at all: number, input and reason."""


def fetch_measurements(asked: str | Path) -> tuple[Path, str]:
    """Find a file of measurements, or fetch it where an address is given; return it, and its name for the history.

    Raises:
        ChemVAEError: It cannot be fetched; an old copy is not taken in its place.
    """
    if (address := find_address(str(asked))) is None:
        path = Path(asked).expanduser()
        return path, path.name
    return download(expand_variables(address), None, silent), name_file(address)


def read_file(path: Path, options: FileOptions, known: Mapping[str, KnownProperty]) -> MeasurementFile:
    """Read a file of measurements.

    Args:
        path: A table (csv, tsv, xlsx, parquet) or an SD file.
        options: What the user says of it.
        known: The properties of the library by their names, by which the measured columns are found.

    Raises:
        DataError: The file or one of its columns cannot be read.
        UserError: No column says which molecule a row is about, or none holds a known property.
    """
    source = _open(path, options)
    table, came_as_numbers, inputs, numbers, rejected = _read_table(source)
    asked = _choose_properties(path, list(table), options, known)
    told = [note for note in source.notes if "seems to hold InChIKeys" not in note]  # which they may here
    beside = {fold_name(name): name for name in table}
    assay, date = (_find(beside, names) for names in (_ASSAY_NAMES, _DATE_NAMES))
    replicates = [beside[n] for n in _REPLICATE_NAMES if n in beside and beside[n] not in asked]
    names = [beside[n] for n in (*ID_NAMES, *KEY_NAMES) if n in beside]
    if source.smiles_column is not None:
        names = [n for n in names if n != source.smiles_column]
    rows = [
        MeasuredRow(
            number,
            [text for text in (*(table[n][i] for n in names), inputs[i]) if text],
            [],
            (table[assay][i] if assay else "") or options.assay,
            table[date][i] if date else "",
            " ".join(filter(None, (table[n][i].strip() for n in replicates))),
            {
                **({source.smiles_column: inputs[i]} if source.smiles_column else {}),
                **{n: cells[i] for n, cells in table.items() if cells[i]},
            },
        )
        for i, number in enumerate(numbers)
    ]
    found = MeasurementFile(rows, {}, {}, told, rejected)
    for column, unit in asked.items():
        name = _name_property(column, known)
        _read_column(
            column, name, known.get(name, KnownProperty()), unit, table, came_as_numbers[column], found, options
        )
    return found


def _open(path: Path, options: FileOptions) -> Source:
    """Open a file by its column of SMILES or, where it has none, by that of ids or InChIKeys."""
    layout: dict[str, Any] = {"delimiter": options.delimiter, "encoding": options.encoding, "sheet": options.sheet}
    wanted = options.id_column or options.smiles_column
    try:
        return Source.open(path, Hints(wanted, columns=tuple(options.properties), **layout))
    except DataError as error:
        if wanted is not None:
            raise
        for name in (*ID_NAMES, *KEY_NAMES):
            for spelled in (name, name.upper(), name.title(), "InChIKey", name.replace("_", " ")):
                try:
                    return Source.open(path, Hints(spelled, True, **layout))
                except DataError:
                    continue
        raise DataError(
            f"{error}; a column named id or InChIKey says the molecule too, or name it with --id-column"
        ) from None


def _read_table(
    source: Source,
) -> tuple[dict[str, list[str]], dict[str, list[bool]], list[str], list[int], list[tuple[int, str, str]]]:
    """Read all rows: the columns as text, whether each cell came as a number, the molecules' column, the rows' numbers, and the rows that cannot be read."""
    numbers, standardizer = RowNumbers.of_layout(source.layout), Standardizer(StandardizeOptions())
    table, came_as_numbers = dict[str, list[str]](), dict[str, list[bool]]()
    inputs, rows, rejected = list[str](), list[int](), list[tuple[int, str, str]]()
    for chunk in source.chunks():
        for name in chunk.columns:
            table.setdefault(name, [""] * len(rows))
            came_as_numbers.setdefault(name, [False] * len(rows))
        for name, cells in table.items():
            cells += [cell or "" for cell in chunk.columns.get(name, [""] * len(chunk.rows))]
            came_as_numbers[name] += chunk.numbers.get(name, [False] * len(chunk.rows))
        for text, row in zip(chunk.inputs, chunk.rows, strict=True):
            found = standardizer.from_molblock(text or "", row) if chunk.molblocks else text or ""
            inputs.append(found if isinstance(found, str) else "" if isinstance(found, Rejection) else found.smiles)
        rows += [numbers.number(row) for row in chunk.rows]
        rejected += [(numbers.number(r.row), r.input, r.reason) for r in chunk.rejections]
    return table, came_as_numbers, inputs, rows, rejected


def _choose_properties(
    path: Path, columns: Sequence[str], options: FileOptions, known: Mapping[str, KnownProperty]
) -> dict[str, str]:
    """Choose the measured columns: those that the user names, else those of the name of a property of the library."""
    if options.properties:
        for name in options.properties:
            if name not in columns:
                raise unknown_name(f"column of {path.name}", name, columns)
        return dict(options.properties)
    folded = {fold_name(name) for name in known}
    found = {c: "" for c in columns if fold_name(c) in folded or fold_name(split_header(c)[0]) in folded}
    if not found:
        raise UserError(
            f"no column of {path.name} has the name of a property in the library ({', '.join(known) or 'none yet'}); name the "
            f"measured ones: --property NAME, or NAME=UNIT. Columns: {', '.join(columns) or 'none'}"
        )
    return found


def _name_property(column: str, known: Iterable[str]) -> str:
    """Return the property of the library that a column is, by its whole name or without its unit; else its own name."""
    folded = {fold_name(name): name for name in known}
    return folded.get(fold_name(column)) or folded.get(fold_name(split_header(column)[0])) or column


def _find(columns: Mapping[str, str], names: Sequence[str]) -> str | None:
    return next((columns[name] for name in names if name in columns), None)


def _read_beside(table: Mapping[str, list[str]], column: str | None, blank: list[str]) -> list[str]:
    """Return the cells of a column beside a value, those that say nothing as empty ones; `blank` where there is no column."""
    return blank if column is None else ["" if is_blank(cell) else cell for cell in table[column]]


def _read_column(
    column: str,
    name: str,
    known: KnownProperty,
    stated: str,
    table: Mapping[str, list[str]],
    came_as_numbers: Sequence[bool],
    found: MeasurementFile,
    options: FileOptions,
) -> None:
    """Read the cells of a measured column into the rows, as values of a property as the library knows it; `stated` is the unit of bare numbers."""
    beside = find_assay_columns(
        column, list(table), (), lambda name: Counter(cell for cell in table[name] if cell.strip())
    )
    blank = [""] * len(found.rows)
    said = [_read_beside(table, n, blank) for n in (beside.relation, beside.unit, beside.type)]
    records = list(map(Record, table[column], *said, repeat(True), came_as_numbers))
    classes = {} if known.is_number else find_class_words(table[column], known.classes)
    if classes:
        found.classes[name] = list(classes)
        told = " and ".join(f"{word!r} as {number}" for word, number in classes.items())
        found.notes.append(f"the words of {column!r} are two classes: {told}")
    texts = [classes.get(fold_word(record.text), record.text) for record in records]
    cells = [split_cell(text) if text.strip() else None for text in texts]
    evidence, seen, examples, bare = StyleEvidence(), Counter[str](), dict[str, str](), list[str]()
    for record, cell in zip(records, cells, strict=True):
        if isinstance(cell, Cell):
            if not record.is_number:
                add_all(evidence, (cell.number, cell.end, cell.error), 1)
            if unit := record.find_unit(cell):
                seen[unit] += 1
                examples.setdefault(unit, record.text.strip())
            else:
                bare.append(record.text.strip())
    style = evidence.decide(column, "," if options.decimal == "," else "." if options.decimal == "." else None)
    header = stated or split_header(column)[1]
    facts = UnitFacts(
        column, known.unit or stated, header, seen, len(bare), bare[0] if bare else "", examples, beside.unit
    )
    units = plan_units(facts, False)
    maker = LabelMaker(LabelAccount(column), style, units, False, False)
    found.units[name] = normalize_unit(units.unit)
    found.notes += [*(f"{column!r}: {clause}" for clause in evidence.describe(style)), *units.notes]
    for row, record, cell in zip(found.rows, records, cells, strict=True):
        if not record.text.strip():
            continue
        made = maker.make(record, cell, 1)
        if all(map(math.isnan, made.label[:3])):
            row.unreadable.append(column)
        else:
            row.measured.append(Measured(name, made.label, made.spread, made.mass, record.text.strip()))
