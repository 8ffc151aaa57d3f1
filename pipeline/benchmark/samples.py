"""A user's file of generated SMILES; every row is kept, and one without a molecule counts as invalid."""

from __future__ import annotations

from pathlib import Path

from chem_vae.errors import DataError, UserError
from pipeline.datasets.readers.source import Source


def read_samples(path: Path) -> list[str | None]:
    """Read the SMILES of a file in the order of its rows, by the rules of an ingest; an empty or damaged row is None.

    Args:
        path: A table with a column of SMILES, or a list of SMILES without a header, plain or with .gz.

    Raises:
        DataError: The file is missing or empty, or has no such column.
        UserError: It is of no known format, or holds structures instead of SMILES.
    """
    source = Source.open(path)
    if source.layout.smiles is None:
        raise UserError(
            f"{path.name} holds structures, not the SMILES as they were generated; write these as .smi or .csv"
        )
    rows: dict[int, str | None] = {}
    for chunk in source.chunks():
        rows |= {rejection.row: None for rejection in chunk.rejections}
        rows |= {row: text or None for row, text in zip(chunk.rows, chunk.inputs, strict=True)}
    if not rows:
        raise DataError(f"{path} holds no molecules")
    return [rows[row] for row in sorted(rows)]
