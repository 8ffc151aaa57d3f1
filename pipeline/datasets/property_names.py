"""Splits what a user types of a measured column into its name and its unit; a name may hold `=` itself."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from chem_vae.errors import UserError, match_name
from pipeline.datasets.config import IngestConfig, MeasuredProperty
from pipeline.datasets.layout.smiles_column import quote_name
from pipeline.datasets.readers import Hints
from pipeline.datasets.readers.source import Source
from pipeline.datasets.readers.spellings import fold_spelling
from pipeline.workspace.name_splitting import split_at_equals

_LOOK = 1_000  # rows of a file whose columns only its rows tell


def resolve_properties(config: IngestConfig, path: Path) -> IngestConfig:
    """Take the names of measured columns as the file spells them, in capitals too: "pH=7" is a column where the file has one of that name.

    Args:
        config: The settings, in which "pH=7" was split into the name "pH" and the unit "7".
        path: The file.

    Returns:
        The settings with the names of columns; the same where nothing changed, or where the file cannot be read.
    """
    if not config.properties:
        return config
    columns = list_columns(config, path)
    resolved = tuple(_resolve(p, columns) for p in config.properties)
    if resolved == config.properties:
        return config
    return config.model_copy(update={"properties": resolved})


def list_columns(config: IngestConfig, path: Path) -> list[str]:
    """List the columns of a file beside the SMILES; none where it cannot be read, which is said when it is ingested."""
    try:
        hints = Hints(
            config.smiles_column, config.header, tuple(p.name for p in config.properties), config.delimiter, config.encoding,
            config.sheet,
        )  # fmt: skip
        return Source.open(path, hints).read_columns(_LOOK)
    except UserError:
        return []


def explain_forgotten(name: str, columns: Sequence[str]) -> str:
    """Say which option makes a column a property; "" where there is no such column."""
    near = [c for c in columns if c == name] or [c for c in columns if fold_spelling(c) == fold_spelling(name)]
    if not near:
        return ""
    column = near[0]
    same = "" if column == name else f", spelled {column!r}"
    return f"{name!r} is a column of the data{same}, but not one that is learned; add --property {quote_name(column)}"


def _resolve(given: MeasuredProperty, columns: Collection[str]) -> MeasuredProperty:
    if (same := match_name(given.name, columns)) is not None:
        return given if same == given.name else given.model_copy(update={"name": same})
    text = f"{given.name}={given.unit}" if given.unit else given.name
    for name, unit in split_at_equals(text):  # the longest name first
        if name in columns:
            return given.model_copy(update={"name": name, "unit": unit})
    return given
