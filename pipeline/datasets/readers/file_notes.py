"""Says how a file is read where its name, or what the user gives, does not fit its format."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from pipeline.datasets.readers import Hints
from pipeline.datasets.readers.file_kinds import OWN_TEXT, find_named_format

_HELD = {"sdf": "mol blocks (SDF)", "xlsx": "a workbook", "parquet": "a Parquet table"} | dict.fromkeys(
    OWN_TEXT, "a text table"
)
_READ = {
    "sdf": ("encoding",),
    "xlsx": ("smiles_column", "header", "sheet"),
    "parquet": ("smiles_column",),
    **dict.fromkeys(OWN_TEXT, ("smiles_column", "header", "delimiter", "encoding")),
}
"""The hints that the reader of a format takes; a format of another package is not judged."""
_GIVEN = {
    "smiles_column": "the SMILES column {!r} (--smiles-column)",
    "header": "the setting of a header (--header, --no-header)",
    "delimiter": "the delimiter {!r} (--delimiter)",
    "encoding": "the encoding {!r} (--encoding)",
    "sheet": "the sheet {!r} (--sheet)",
}


def explain_format(path: Path, kind: str) -> list[str]:
    """Say what a file holds where the ending of its name says something else."""
    named = find_named_format(path)
    if named is None or kind not in _HELD or _HELD[kind] == _HELD.get(named):
        return []
    return [f"the file holds {_HELD[kind]}, whatever its name says, and was read so"]


def explain_hints(kinds: Collection[str], hints: Hints) -> list[str]:
    """Say what the user gives of files that applies to none of their formats."""
    if not all(kind in _READ for kind in kinds):
        return []
    read = {name for kind in kinds for name in _READ[kind]}
    held = " or ".join(dict.fromkeys(_HELD[kind] for kind in kinds))
    given = [(text, getattr(hints, name)) for name, text in _GIVEN.items() if name not in read]
    return [
        f"{text.format(value)} does not apply to {held}, and was left aside"
        for text, value in given
        if value is not None
    ]
