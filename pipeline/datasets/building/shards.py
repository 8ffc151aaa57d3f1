"""The work on one part of a dataset, in a worker: standardize and compute first; write the shard once splits are known."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import selfies
from pyarrow import parquet

from chem_vae.atomic_files import write_whole
from chem_vae.errors import VocabularyError
from chem_vae.vocabulary import SelfiesVocabulary, smiles_to_selfies, use_bond_constraints
from pipeline.chemistry.config import StandardizeOptions
from pipeline.chemistry.molecule import Molecule
from pipeline.chemistry.properties import compute
from pipeline.chemistry.standardization.standardize import Rejection, Standardizer, write_molblock
from pipeline.chemistry.standardization.stereo_groups import count_undefined_stereo
from pipeline.datasets.account import SEPARATOR
from pipeline.datasets.building.part_cache import FIRST_ROW, keep_part, take_part
from pipeline.datasets.building.parts import write_part
from pipeline.datasets.dataset import SPLITS
from pipeline.datasets.labels.class_words import list_text
from pipeline.datasets.readers.source import Chunk
from pipeline.datasets.shard_settings import (
    CAME_AS_NUMBERS,
    FIGURES,
    INSIDE,
    OWN_COLUMNS,
    SPLIT_WORDS,
    UNASSIGNED,
    PartFigures,
    ShardSettings,
    name_kept_column,
)

_ROWS_AT_ONCE = 100
"""Rows that go through each step together: one library call many times over takes a fifth less time than all of them in turn, since the
processor keeps its code and tables at hand."""
_SHOWN_CELL = 500  # characters of a cell that is kept of a rejected row
REJECTION_SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("input", pa.string()),
        ("stage", pa.string()),
        ("reason", pa.string()),
        ("cells", pa.string()),
    ]
)


def standardize_part(job: tuple[ShardSettings, Chunk]) -> PartFigures:
    """Turn a chunk into a part, or take the part that an earlier ingest has made of the same rows."""
    settings, chunk = job
    if (found := take_part(settings, chunk)) is not None:
        return found
    figures = _standardize_rows(settings, chunk)
    keep_part(settings, chunk)
    return figures


def _standardize_rows(settings: ShardSettings, chunk: Chunk) -> PartFigures:
    """Make of each row of a chunk a molecule with its properties and SELFIES, or a rejection, and write the part."""
    standardizer = _get_standardizer(settings.options)
    figures = PartFigures(len(chunk))
    rejections = list(chunk.rejections)
    cells_of_rejected: dict[int, str] = {}
    table: dict[str, list[Any]] = {
        name: [] for name in (*OWN_COLUMNS[:-1], *INSIDE, *settings.compute, *settings.sources)
    }
    kept: list[int] = []
    given = chunk.columns.get(settings.split_column, []) if settings.split_column else []
    with use_bond_constraints(dict(settings.constraints)):
        for start in range(0, len(chunk.rows), _ROWS_AT_ONCE):
            block = range(start, min(start + _ROWS_AT_ONCE, len(chunk.rows)))
            fine: list[Molecule] = []
            for i, found in zip(block, _standardize_block(standardizer, chunk, block, given), strict=True):
                row, text = chunk.rows[i], chunk.inputs[i]
                if isinstance(found, Rejection):
                    rejections.append(found)
                    cells_of_rejected[row] = _list_cells(chunk, i)
                    continue
                molecule, string, split = found
                table["row"].append(row)
                table["input"].append(_show_input(molecule, chunk.molblocks, text))
                table["smiles"].append(molecule.smiles)
                table["inchikey"].append(molecule.inchikey)
                table["selfies"].append(string)
                table["changes"].append(SEPARATOR.join(molecule.changes))
                table["hash"].append(hash_text(molecule.inchikey))
                table["given_split"].append(split)
                figures.undefined_stereo += settings.options.stereo and count_undefined_stereo(molecule.mol) > 0
                if settings.scaffolds:
                    table["scaffold"].append(_hash_scaffold(molecule))
                kept.append(i)
                fine.append(molecule)
            for name in settings.compute:
                table[name] += [compute(molecule.mol, [name])[0] for molecule in fine]
    for wanted in settings.properties:
        name = wanted.name
        cells = [_clean_measured(cell) for cell in chunk.columns.get(name, [None] * len(chunk.rows))]
        words = list_text(cells, wanted.classes)
        figures.not_numeric[name] = len(words)
        figures.numeric[name] = sum(cell is not None for cell in cells) - len(words)
        if words:
            figures.example[name] = words[0][:80]
        table[name] = [cells[i] for i in kept]
    types = _list_types(settings)
    arrays = {name: pa.array(values, types[name]) for name, values in table.items() if values or name != "scaffold"}
    if not settings.scaffolds:
        arrays.pop("scaffold", None)
    for name, cells in chunk.columns.items():
        if name not in settings.sources and name != settings.split_column:
            arrays[name_kept_column(name, settings)] = pa.array([_clean(cells[i]) for i in kept], pa.string())
    if numbers := {n: [chunk.numbers[n][i] for i in kept] for n in settings.sources if n in chunk.numbers}:
        arrays[CAME_AS_NUMBERS] = pa.StructArray.from_arrays(list(map(pa.array, numbers.values())), list(numbers))
    figures.molecules, figures.rejected = len(kept), len(rejections)
    path = settings.part(chunk.number)
    write_rejections(rejections, cells_of_rejected, path.with_suffix(".rejections.parquet"))
    metadata = {FIGURES: json.dumps(asdict(figures)).encode(), FIRST_ROW: str(chunk.first_row).encode()}
    write_part(path, pa.table(arrays).replace_schema_metadata(metadata))
    return figures


def collect_symbols(
    job: tuple[ShardSettings, int, np.ndarray, np.ndarray, np.ndarray],
) -> tuple[set[str], set[str], list[str]]:
    """Collect the symbols of the training split, those of the other splits, and the strings of the sample.

    Args:
        job: The settings, the number of the part, and three masks of its rows: training, other splits, sample.
    """
    settings, number, *splits, sample = job
    strings = parquet.read_table(settings.part(number), columns=["selfies"]).column(0)
    symbols: list[set[str]] = [set(), set()]
    for found, rows in zip(symbols, splits, strict=True):
        for string in strings.filter(pa.array(rows)).to_pylist():
            found.update(selfies.split_selfies(string))
    return symbols[0], symbols[1], strings.filter(pa.array(sample)).to_pylist()


@dataclass(frozen=True)
class KeepJob:
    """A part and what is kept of it: `keep` and `split` have an entry for each molecule, `values` are measured columns."""

    settings: ShardSettings
    number: int
    keep: np.ndarray
    split: np.ndarray
    values: Mapping[str, np.ndarray]
    vocabulary: str  # as JSON
    shards: Path  # the folder of the finished shards
    columns: tuple[str, ...]  # the user's other columns of all parts


def write_shard(job: KeepJob) -> tuple[int, int]:
    """Write the shard and the tokens of one part.

    Returns:
        The number of molecules that were kept, and of their tokens.
    """
    path = job.settings.part(job.number)
    vocabulary = _read_vocabulary(job.vocabulary)
    table = parquet.read_table(path).replace_schema_metadata(None).filter(pa.array(job.keep))
    split = job.split[job.keep]
    ids = vocabulary.encode_batch(table.column("selfies").to_pylist())
    lengths = np.fromiter(map(len, ids), np.int64, len(ids))
    _save(path.with_suffix(".lengths.npy"), lengths)
    _save(path.with_suffix(".tokens.npy"), np.fromiter((t for row in ids for t in row), np.uint16, int(lengths.sum())))
    if len(split):
        write_table(_make_table(job, table, split), job.shards / path.name)
    return len(split), int(lengths.sum())


def _make_table(job: KeepJob, table: pa.Table, split: np.ndarray) -> pa.Table:
    columns: dict[str, Any] = {name: table.column(name) for name in OWN_COLUMNS[:-1]}
    columns["split"] = pa.DictionaryArray.from_arrays(pa.array(split, pa.int8()), pa.array(SPLITS)).cast(pa.string())
    for name in job.settings.compute:
        columns[name] = table.column(name)
    for name, values in job.values.items():
        columns[name] = pa.array(values[job.keep], pa.float64())
    for name in job.columns:
        columns[name] = table.column(name) if name in table.column_names else pa.nulls(len(split), pa.string())
    return pa.table(columns)


def write_table(table: pa.Table, path: Path) -> None:
    """Write a Parquet file that appears whole."""
    with write_whole(path) as partial:
        parquet.write_table(table, partial, compression="zstd")


def write_rejections(rejections: Sequence[Rejection], cells: Mapping[int, str], path: Path) -> None:
    """Write rejections as Parquet, by row.

    Args:
        rejections: The rejections.
        cells: The user's other columns of a row as JSON, by row, where they are known.
        path: The file.
    """
    ordered = sorted(rejections, key=lambda r: r.row)
    columns: dict[str, list[Any]] = {n: [getattr(r, n) for r in ordered] for n in REJECTION_SCHEMA.names[:-1]}
    columns["cells"] = [cells.get(r.row) for r in ordered]
    write_table(pa.table(columns, REJECTION_SCHEMA), path)


def _list_cells(chunk: Chunk, i: int) -> str:
    """Return the user's other columns of a row as JSON, long cells cut."""
    cells = {name: _clean(column[i]) for name, column in chunk.columns.items()}
    return json.dumps({name: cell[:_SHOWN_CELL] for name, cell in cells.items() if cell})


def _standardize_block(
    standardizer: Standardizer, chunk: Chunk, block: range, given: Sequence[str | None]
) -> list[tuple[Molecule, str, int] | Rejection]:
    """Make of each row of a block a molecule, its SELFIES and the code of its split, or a rejection; one step for all rows after another."""
    read = standardizer.from_molblock if chunk.molblocks else standardizer
    molecules = [read(chunk.inputs[i] or "", chunk.rows[i]) for i in block]
    found: list[tuple[Molecule, str, int] | Rejection] = []
    for i, molecule in zip(block, molecules, strict=True):
        if isinstance(molecule, Rejection):
            found.append(molecule)
            continue
        row, split, code = chunk.rows[i], given[i] if given else None, UNASSIGNED
        if split is not None and split.strip():
            code = SPLIT_WORDS.get(split.strip().casefold(), -1)
            if code < 0:
                reason = f"the split column says {split.strip()[:40]!r}, not train, validation or test"
                found.append(Rejection(row, _show_input(molecule, chunk.molblocks, chunk.inputs[i]), "split", reason))
                continue
        try:
            found.append((molecule, smiles_to_selfies(molecule.smiles), code))
        except VocabularyError as error:
            shown = _show_input(molecule, chunk.molblocks, chunk.inputs[i])
            found.append(Rejection(row, shown, "encode", str(error)))
    return found


def _show_input(molecule: Molecule, molblock: bool, text: str | None) -> str:
    """Return the input of a molecule: its text, or the SMILES of its mol block as it was given."""
    if not molblock:
        return text or ""
    return write_molblock(text or "") if molecule.changes else molecule.smiles


def _clean_measured(cell: str | None) -> str | None:
    """Return a cell of a measured column without the blanks around it; None for an empty one."""
    return _clean(cell.strip()) or None if cell is not None else None


def hash_text(text: str) -> int:
    """Hash a text to 64 bits, by which two of a hundred million molecules are taken for one with a chance of 3 in 10,000."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def _hash_scaffold(molecule: Molecule) -> int:
    """Hash the Bemis-Murcko scaffold; a molecule without rings has none and stands for itself."""
    return hash_text(molecule.scaffold or molecule.inchikey)


def _clean(cell: str | None) -> str | None:
    return cell if cell is None or cell.isascii() else cell.encode("utf-8", "replace").decode("utf-8")


def _list_types(settings: ShardSettings) -> dict[str, pa.DataType]:
    types = {"row": pa.int64(), "hash": pa.uint64(), "scaffold": pa.uint64(), "given_split": pa.uint8()}
    types |= {name: pa.string() for name in (*OWN_COLUMNS, *settings.sources) if name != "row"}
    return types | {name: pa.float64() for name in settings.compute}


def _save(path: Path, array: np.ndarray) -> None:
    with write_whole(path) as partial, partial.open("wb") as file:
        np.save(file, array, allow_pickle=False)


@lru_cache(2)
def _get_standardizer(options: StandardizeOptions) -> Standardizer:
    return Standardizer(options)


@lru_cache(1)
def _read_vocabulary(text: str) -> SelfiesVocabulary:
    return SelfiesVocabulary.from_dict(json.loads(text))
