"""Marks the parts of an unfinished ingest that are done, so that a later run goes on with those that are whole."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from chem_vae.atomic_files import read_json, write_json, write_whole
from chem_vae.errors import DataError
from pipeline.workspace.registry import hash_file

FORMAT = 4
"""Raised with every change of what a part holds: parts of another format are made again."""
_REJECTIONS = ".rejections.parquet"
FILES = (".parquet", _REJECTIONS)
"""The endings of the files of a part: its molecules and its rejections."""


def write_part(path: Path, table: pa.Table) -> None:
    """Write the molecules of a part with the mark that it is done, after its rejections."""
    with write_whole(path) as partial:
        parquet.write_table(table, partial, compression="zstd")
        mark_part(path, partial)


def mark_part(path: Path, partial: Path) -> None:
    """Write the mark of a part, with the hashes of its files.

    Args:
        path: The Parquet file of its molecules, beside which its rejections are written already.
        partial: The file that will get that name next.
    """
    hashes = {".parquet": hash_file(partial), _REJECTIONS: hash_file(path.with_suffix(_REJECTIONS))}
    write_json(_name_mark(path), {"format": FORMAT, "sha256": hashes})


def is_finished_part(path: Path) -> bool:
    """Tell whether a part of an earlier run is there, whole, undamaged and of this format."""
    try:
        mark = read_json(_name_mark(path))
        if not isinstance(mark, dict) or mark.get("format") != FORMAT:
            return False
        return bool(
            mark.get("sha256") == {suffix: hash_file(path.with_suffix(suffix)) for suffix in (".parquet", _REJECTIONS)}
        )
    except (OSError, ValueError, DataError):
        return False


def _name_mark(path: Path) -> Path:
    return path.with_suffix(".done.json")
