"""A user's file of generated SMILES; every row is kept, and one without a molecule counts as invalid."""

from __future__ import annotations

import csv
import gzip
import zlib
from pathlib import Path

from chem_vae.errors import DataError, UserError

_TABLES = {"csv": ",", "tsv": "\t"}
_LINES = ("smi", "smiles", "txt")


def read_samples(path: Path) -> list[str | None]:
    """Read the SMILES of a file; an empty cell or line is None.

    Args:
        path: A .csv or .tsv (a column SMILES, in any case), or a .smi, .smiles or .txt (the first word of each line); also with .gz.

    Raises:
        DataError: The file is missing or empty, or has no such column.
        UserError: It is another kind of file.
    """
    kind = path.name.lower().removesuffix(".gz").rpartition(".")[2]
    if kind not in (*_TABLES, *_LINES):
        raise UserError(f"{path.name} should end in .csv, .tsv, .smi, .smiles or .txt (or one of them and .gz)")
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"there is no file {path}") from None
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise DataError(f"cannot read {path}: {error}") from None
    found = (
        _read_column(path, text, _TABLES[kind])
        if kind in _TABLES
        else [_read_first_word(line) for line in text.splitlines()]
    )
    if not found:
        raise DataError(f"{path} holds no molecules")
    return found


def _read_column(path: Path, text: str, delimiter: str) -> list[str | None]:
    rows = list(csv.reader(text.splitlines(), delimiter=delimiter))
    names = [name.strip().lower() for name in rows[0]] if rows else []
    if "smiles" not in names:
        raise DataError(f"{path} has no column SMILES; it has {', '.join(names) or 'none'}")
    column = names.index("smiles")
    return [(row[column].strip() or None) if column < len(row) else None for row in rows[1:]]


def _read_first_word(line: str) -> str | None:
    words = line.split()
    return words[0] if words else None
