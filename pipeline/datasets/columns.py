"""Decides what the columns of a source are for: measured properties, the split, and the user's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chem_vae.errors import DataError, UserError, unknown_name
from pipeline.datasets.config import IngestConfig
from pipeline.datasets.readers import Hints
from pipeline.datasets.shards import INSIDE, OWN_COLUMNS, SPLIT_WORDS, PartFigures
from pipeline.datasets.source import Chunk, Source
from pipeline.workspace.registry import ResolvedSource


@dataclass(frozen=True)
class Columns:
    """The columns of a source that mean something.

    Args:
        units: The measured properties, each with its unit.
        split: The column that says train, validation or test; None where the split is drawn.
        notes: Sentences for the user on what was decided.
    """

    units: Mapping[str, str]
    split: str | None
    notes: tuple[str, ...]


def open_source(config: IngestConfig, resolved: ResolvedSource) -> Source:
    """Open the file of a source as the configuration says."""
    columns = [*_list_units(config, resolved), config.split_column, resolved.split_column]
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
    units = _list_units(config, resolved)
    file = resolved.path.name
    for name in units:
        if name in (*OWN_COLUMNS, *INSIDE):
            raise UserError(f"a property cannot be called {name!r}, a column that every dataset has; rename the column")
        if name == source.smiles_column:
            raise UserError(f"{name!r} is the SMILES column, not a property")
        if name in source.layout.doubled:
            raise DataError(f"{file} has two columns named {name!r}, a property; rename one of them")
        if source.layout.names and name not in source.columns:
            raise unknown_name(f"column of {file}", name, source.columns)
    wanted = config.split_column or resolved.split_column
    if wanted is None:
        return Columns(units, *_guess_split(source))
    if wanted not in (names := source.read_columns(1000)):
        raise unknown_name(f"split column of {file}", wanted, names)
    return Columns(units, wanted, ())


def check_numbers(units: Mapping[str, str], parts: Sequence[PartFigures]) -> None:
    """Check that no column of a measured property holds text alone.

    Raises:
        DataError: If one does.
    """
    for name in units:
        examples = [part.example[name] for part in parts if name in part.example]
        if examples and not any(part.numeric[name] for part in parts):
            raise DataError(f"the property column {name!r} holds text, not numbers: its first value is {examples[0]!r}")


def describe_unmeasured(units: Mapping[str, str], parts: Sequence[PartFigures], file: str) -> list[str]:
    """Describe the cells of measured properties that are no numbers, in a sentence for each property that has some.

    Raises:
        DataError: If no row has a value of a property.
    """
    notes = []
    for name in units:
        if any(part.molecules for part in parts) and not any(part.numeric[name] for part in parts):
            raise DataError(f"no row of {file} has a value of the property {name!r}")
        if count := sum(part.not_numeric[name] for part in parts):
            example = next(part.example[name] for part in parts if name in part.example)
            notes.append(
                f"{count:,} cells of {name!r} are no finite numbers (such as {example!r}) and count as unmeasured"
            )
    return notes


def _list_units(config: IngestConfig, resolved: ResolvedSource) -> dict[str, str]:
    return dict(resolved.properties) | {p.name: p.unit for p in config.properties}


def _guess_split(source: Source) -> tuple[str | None, tuple[str, ...]]:
    """Find a column called split whose cells are words for splits, and say so."""
    for name in source.columns:
        if name.casefold() == "split":
            first = next(source.chunks(rows=50, limit=50), Chunk(0)).columns.get(name, [])
            words = {cell.strip().casefold() for cell in first if cell and cell.strip()}
            if words and words <= set(SPLIT_WORDS):
                return name, (f"the column {name!r} says train, validation or test, so it was taken as the split",)
    return None, ()
