"""Decides what the columns of a source are for: measured properties, the split, and the user's own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from chem_vae.errors import DataError, UserError, unknown_name
from pipeline.datasets.config import IngestConfig, MeasuredProperty
from pipeline.datasets.labels.class_words import list_text
from pipeline.datasets.labels.where import Where
from pipeline.datasets.readers import Hints
from pipeline.datasets.readers.source import Chunk, Source
from pipeline.datasets.shard_settings import BESIDE, CAME_AS_NUMBERS, INSIDE, OWN_COLUMNS, SPLIT_WORDS, PartFigures
from pipeline.workspace.registry import ResolvedSource


@dataclass(frozen=True)
class Columns:
    """The columns of a source that mean something.

    Args:
        properties: The measured properties.
        split: The column that says train, validation or test; None where the split is drawn.
        notes: Sentences for the user on what was decided.
    """

    properties: tuple[MeasuredProperty, ...]
    split: str | None
    notes: tuple[str, ...]


def open_source(config: IngestConfig, resolved: ResolvedSource) -> Source:
    """Open the file of a source as the configuration says."""
    columns = [*(p.name for p in list_measured(config, resolved)), config.split_column, resolved.split_column]
    smiles_column = config.smiles_column or resolved.smiles_column
    named = tuple(c for c in columns if c)
    hints = Hints(smiles_column, config.header, named, config.delimiter, config.encoding, config.sheet)
    return Source.open(resolved.path, hints)


def find_columns(source: Source, config: IngestConfig, resolved: ResolvedSource) -> Columns:
    """Find the measured properties and the split among the columns of a source.

    Raises:
        UserError: If a column is missing, or if its name cannot be that of a property.
        DataError: If two columns have the name of a property.
    """
    properties = list_measured(config, resolved)
    file = resolved.path.name
    for name in (p.name for p in properties):
        if name in (*OWN_COLUMNS, *INSIDE, CAME_AS_NUMBERS):
            raise UserError(f"a property cannot be called {name!r}, a column that every dataset has; rename the column")
        if name == source.smiles_column:
            raise UserError(f"{name!r} is the SMILES column, not a property")
        if name in source.layout.doubled:
            raise DataError(f"{file} has two columns named {name!r}, a property; rename one of them")
        if source.layout.names and name not in source.columns:
            raise unknown_name(f"column of {file}", name, source.columns)
    _refuse_names_of_bounds(properties)
    if source.layout.names:
        Where.read(config.where, source.columns)  # raises UserError where a condition names no column
    wanted = config.split_column or resolved.split_column
    if wanted is None:
        return Columns(properties, *_guess_split(source))
    if wanted not in (names := source.read_columns(1000)):
        raise unknown_name(f"split column of {file}", wanted, names)
    return Columns(properties, wanted, ())


def _refuse_names_of_bounds(properties: Sequence[MeasuredProperty]) -> None:
    """Raise UserError where a property has the name of the column that holds the bounds or spread of another one."""
    learned = {p.learned_name for p in properties}
    for name in (name for p in properties for name in dict.fromkeys((p.name, p.learned_name))):
        for kind in BESIDE:
            other = name.removesuffix(f"_{kind}")
            if other != name and other in learned:
                raise UserError(
                    f"a property cannot be called {name!r} beside {other!r}: a dataset keeps the {kind} "
                    f"{'bounds' if kind != 'spread' else 'of the measurements'} of {other!r} in a column of that name; rename the column"
                )


def check_first_part(
    source: Source, properties: Iterable[MeasuredProperty], part: PartFigures, limit: int | None
) -> None:
    """Check by the first part that no measured column holds text alone: where it does so there, by all other rows, too.

    Raises:
        DataError: If one does, long before all molecules are standardized.
    """
    for wanted in properties:
        again = replace(source)  # a reader of its own, whose notes are not those of the ingest
        if wanted.name in part.example and not part.numeric[wanted.name] and not _has_number(again, wanted, limit):
            check_numbers([wanted.name], [part], again.notes)


def _has_number(source: Source, wanted: MeasuredProperty, limit: int | None) -> bool:
    """Read the rows of a source up to the first number of a measured column; False where there is none."""
    for chunk in source.chunks(limit=limit):
        cells = [text for cell in chunk.columns.get(wanted.name, []) if (text := (cell or "").strip())]
        if len(cells) > len(list_text(cells, wanted.classes)):
            return True
    return False


def check_numbers(names: Iterable[str], parts: Sequence[PartFigures], notes: Iterable[str]) -> None:
    """Check that no measured column holds text alone; `notes` are the reader's, which may say why.

    Raises:
        DataError: If one does.
    """
    for name in names:
        examples = [part.example[name] for part in parts if name in part.example]
        if examples and not any(part.numeric[name] for part in parts):
            said = f"the property column {name!r} holds text, not numbers: its first value is {examples[0]!r}"
            raise DataError(add_notes(said, notes))


def check_values(names: Iterable[str], parts: Sequence[PartFigures], file: str, notes: Iterable[str]) -> None:
    """Check that each measured column has a value in some row; `notes` are the reader's, which may say why.

    Raises:
        DataError: If one has none.
    """
    for name in names:
        if any(part.molecules for part in parts) and not any(part.numeric[name] for part in parts):
            raise DataError(add_notes(f"no row of {file} has a value of the property {name!r}", notes))


def add_notes(said: str, notes: Iterable[str]) -> str:
    """Add to an error what the reader has noticed of the file, which is lost with the ingest otherwise."""
    told = "; ".join(dict.fromkeys(notes))
    return f"{said}. Of the file: {told}" if told else said


def list_measured(config: IngestConfig, resolved: ResolvedSource) -> tuple[MeasuredProperty, ...]:
    """List the measured properties: those of the registered source, and those that the configuration names."""
    known = {name: MeasuredProperty(name=name, unit=unit, log=config.log) for name, unit in resolved.properties.items()}
    return tuple((known | {p.name: p for p in config.measured}).values())


def _guess_split(source: Source) -> tuple[str | None, tuple[str, ...]]:
    """Find a column called split whose cells are words for splits, and say so."""
    for name in source.columns:
        if name.casefold() == "split":
            first = next(source.chunks(rows=50, limit=50), Chunk(0)).columns.get(name, [])
            words = {cell.strip().casefold() for cell in first if cell and cell.strip()}
            if words and words <= set(SPLIT_WORDS):
                return name, (f"the column {name!r} says train, validation or test, so it was taken as the split",)
    return None, ()
