"""Keeps standardized parts by the content of their rows, so that a source that has grown costs only its new rows.

A part depends on nothing but its rows, on the options of standardization and on the versions of what reads and writes
molecules, and all of that is in its key. The numbers of its rows are not: rows that were added above only move them.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from chem_vae.atomic_files import write_whole
from chem_vae.errors import UserError
from pipeline.datasets.building.parts import FILES, FORMAT, is_finished_part, write_part
from pipeline.datasets.dataset import RULES
from pipeline.datasets.readers.source import Chunk
from pipeline.datasets.shard_settings import PartFigures, ShardSettings, read_part_figures
from pipeline.workspace.storage.linked_folders import link_or_copy_file

FOLDER = "parts"
"""The folder of a workspace with the parts that ingests have made."""
FIRST_ROW = b"first_row"
"""The key of the metadata of a part with the number of its first row."""


def take_part(settings: ShardSettings, chunk: Chunk) -> PartFigures | None:
    """Take the part of a chunk that an earlier ingest has made, with the numbers of its rows as they are now.

    Returns:
        Its counts; None where there is none, or where it is damaged.
    """
    if settings.cache is None:
        return None
    kept, part = name_kept_part(settings, chunk), settings.part(chunk.number)
    if not is_finished_part(kept):
        return None
    try:
        metadata = parquet.read_schema(kept).metadata
        moved = chunk.first_row - int(metadata[FIRST_ROW])
        if moved:
            for suffix in FILES[1:]:  # the molecules last: where they are, the part is done
                with write_whole(part.with_suffix(suffix)) as partial:
                    parquet.write_table(
                        _move_rows(parquet.read_table(kept.with_suffix(suffix)), moved), partial, compression="zstd"
                    )
            table = _move_rows(parquet.read_table(kept), moved)
            write_part(part, table.replace_schema_metadata({**metadata, FIRST_ROW: str(chunk.first_row).encode()}))
        else:
            for suffix in (*FILES[1:], ".done.json", FILES[0]):
                link_or_copy_file(kept.with_suffix(suffix), part.with_suffix(suffix))
    except FileNotFoundError:  # cleaned up meanwhile
        return None
    with suppress(OSError):
        os.utime(kept)  # when it was last used, which `chem-vae gc` looks at
    figures = read_part_figures(part)
    figures.reused = figures.rows
    return figures


def keep_part(settings: ShardSettings, chunk: Chunk) -> None:
    """Keep a part that was made for later ingests; a cache that cannot be written only costs time."""
    if settings.cache is None:
        return
    kept, part = name_kept_part(settings, chunk), settings.part(chunk.number)
    if is_finished_part(kept):
        return
    with suppress(OSError, UserError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        for suffix in (*FILES[1:], ".done.json", FILES[0]):
            link_or_copy_file(part.with_suffix(suffix), kept.with_suffix(suffix))


def name_kept_part(settings: ShardSettings, chunk: Chunk) -> Path:
    """Name the file of the part of a chunk in the cache, by the hash of all that it depends on."""
    assert settings.cache is not None
    first = chunk.first_row
    content: list[Any] = [
        FORMAT,
        RULES,
        [importlib.metadata.version(name) for name in ("rdkit", "selfies")],
        settings.options.model_dump(mode="json"),
        settings.compute,
        [p.model_dump(mode="json") for p in settings.properties],
        [settings.split_column, settings.scaffolds, settings.constraints, settings.renamed],
        [row - first for row in chunk.rows],
        chunk.inputs,
        chunk.columns,
        {name: chunk.numbers[name] for name in settings.sources if name in chunk.numbers},
        [[r.row - first, r.input, r.stage, r.reason] for r in chunk.rejections],
        [chunk.molblocks, chunk.line_breaks],
    ]
    key = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    return Path(settings.cache) / key[:2] / f"{key}.parquet"


def _move_rows(table: pa.Table, by: int) -> pa.Table:
    """Add a number to the row numbers of a table."""
    at = table.schema.get_field_index("row")
    return table.set_column(at, table.schema.field(at), pc.add(table.column(at), pa.scalar(by, pa.int64())))
