"""Finds similar molecules and substructures by files of packed fingerprints beside the library.

The files are made of the library's own table, and made again when many molecules were added; those added since are read from the
table. Of the fingerprints for similarity they hold each word of all molecules in a row, of those for substructures each bit, so that
only what the query has is read.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select

from chem_vae.errors import BusyError
from pipeline.library.schema import FingerprintRecord, LibraryFact
from pipeline.library.structures import BITS, Words, to_words
from pipeline.workspace.storage.folders import build_folder

MOST_ADDED = 20_000
"""Molecules that may be added before the files are made again."""
READ_AT_ONCE = 20_000
COMPARED_AT_ONCE = 65_536  # so that the words at work stay in the processor's cache
TURNED_AT_ONCE = 16_384
_LAYOUT = "bits"
"""In the name of the files' folder; files of another layout are made again."""

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class _Part:
    """Molecules with their fingerprints: ids (n,), bits set (n,), words (WORDS, n), and bits packed eight to a byte (BITS, n / 8)."""

    ids: Numbers
    counts: NDArray[np.uint16]
    morgan: Words
    pattern_bits: NDArray[np.uint8]

    @classmethod
    def of_rows(cls, ids: Numbers, morgan: bytes, pattern: bytes) -> _Part:
        """Make it of packed fingerprints, sorted by the number of bits."""
        words = to_words(morgan)
        counts = np.bitwise_count(words).sum(axis=1, dtype=np.uint16)
        order = np.argsort(counts, kind="stable")
        patterns = np.frombuffer(pattern, dtype=np.uint8).reshape(-1, BITS // 8)[order]
        return cls(ids[order], counts[order], np.ascontiguousarray(words[order].T), _turn_bits(patterns))


class StructureIndex:
    """The fingerprints of all molecules of a library, as of a connection's transaction.

    Args:
        connection: A transaction that reads the library.
        folder: Where the files are kept.
    """

    def __init__(self, connection: Connection, folder: Path) -> None:
        newest = connection.execute(select(func.max(FingerprintRecord.molecule_id))).scalar_one() or 0
        known, files = _find_files(folder, _read_library_id(connection), newest)
        if newest - known > MOST_ADDED:
            # Where another process is writing them, or the disk takes nothing, what is missing is read from the table.
            with contextlib.suppress(BusyError, OSError):
                known, files = newest, _write_files(connection, folder, newest)
        self._parts = [] if files is None else [_open_files(files)]
        if newest > known:
            self._parts.append(_Part.of_rows(*_read_fingerprints(connection, known, newest)))
        self.newest = newest

    def find_similar(self, bits: bytes, least: float) -> tuple[Numbers, NDArray[np.float64]]:
        """Find the molecules with at least a Tanimoto similarity (ECFP4, 2048 bits) to a packed fingerprint, most similar first.

        Returns:
            Their ids and their similarities.
        """
        query = to_words(bits)[0]
        count = int(np.bitwise_count(query).sum())
        ids, similarities = [], []
        for part in self._parts:
            first = int(np.searchsorted(part.counts, np.ceil(least * count - 1e-9), "left"))
            last = int(np.searchsorted(part.counts, count / least if least > 0 else np.inf, "right"))
            for block in _list_blocks(first, last):
                common = _count_common(part.morgan[:, block], query)
                union = count + part.counts[block].astype(np.int32) - common
                similarity = np.divide(common, union, out=np.zeros(len(common)), where=union > 0)
                found = np.flatnonzero(similarity >= least)
                ids.append(part.ids[block][found])
                similarities.append(similarity[found])
        if not ids:
            return np.zeros(0, np.int64), np.zeros(0)
        all_ids, values = np.concatenate(ids), np.concatenate(similarities)
        order = np.lexsort((all_ids, -values))
        return all_ids[order], values[order]

    def screen(self, bits: bytes) -> Numbers:
        """Return the ids of the molecules that have all bits of a packed pattern fingerprint."""
        wanted = np.flatnonzero(np.unpackbits(np.frombuffer(bits, dtype=np.uint8), bitorder="little"))
        found = []
        for part in self._parts:
            passing = np.full(part.pattern_bits.shape[1], 255, dtype=np.uint8)
            for bit in wanted:
                passing &= part.pattern_bits[bit]
            found.append(part.ids[np.flatnonzero(np.unpackbits(passing, count=len(part.ids), bitorder="little"))])
        return np.concatenate(found) if found else np.zeros(0, np.int64)


def _turn_bits(packed: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Turn fingerprints (n, BITS / 8) into one row for each bit (BITS, n / 8)."""
    turned = np.empty((BITS, -(-len(packed) // 8)), dtype=np.uint8)
    for start in range(0, len(packed), TURNED_AT_ONCE):
        bits = np.unpackbits(packed[start : start + TURNED_AT_ONCE], axis=1, bitorder="little")
        turned[:, start // 8 : (start + TURNED_AT_ONCE) // 8] = np.packbits(bits.T, axis=1, bitorder="little")
    return turned


def _count_common(words: Words, query: Words) -> NDArray[np.int32]:
    """Count the bits that fingerprints (WORDS, n) have in common with a query (WORDS,)."""
    small = int(np.bitwise_count(query).sum()) < 256
    common = np.zeros(words.shape[1], dtype=np.uint8 if small else np.uint16)
    for word in np.flatnonzero(query):
        np.add(common, np.bitwise_count(words[word] & query[word]), out=common)
    return common.astype(np.int32)


def _list_blocks(first: int, last: int) -> Iterator[slice]:
    for start in range(first, last, COMPARED_AT_ONCE):
        yield slice(start, min(start + COMPARED_AT_ONCE, last))


def _read_library_id(connection: Connection) -> str:
    return str(connection.execute(select(LibraryFact.value).where(LibraryFact.name == "id")).scalar_one())


def _read_fingerprints(connection: Connection, after: int, until: int) -> tuple[Numbers, bytes, bytes]:
    """Read the ids and the packed fingerprints of the molecules after an id, until another."""
    chosen = (FingerprintRecord.molecule_id > after) & (FingerprintRecord.molecule_id <= until)
    columns = (FingerprintRecord.molecule_id, FingerprintRecord.morgan, FingerprintRecord.pattern)
    rows = connection.execute(
        select(*columns).where(chosen).order_by(FingerprintRecord.molecule_id),
        execution_options={"yield_per": READ_AT_ONCE},
    )
    ids: list[int] = []
    morgan, pattern = bytearray(), bytearray()
    for number, one, other in rows:
        ids.append(number)
        morgan += one
        pattern += other
    return np.array(ids, np.int64), bytes(morgan), bytes(pattern)


def _find_files(folder: Path, library: str, newest: int) -> tuple[int, Path | None]:
    """Find the newest files of a library that hold no later molecule than `newest`; return their last id too."""
    found = []
    for files in folder.glob(f"{library[:12]}-{_LAYOUT}-*"):
        number = files.name.rpartition("-")[2]
        if number.isdecimal() and int(number) <= newest and files.is_dir():
            found.append((int(number), files))
    return max(found, default=(0, None))


def _write_files(connection: Connection, folder: Path, newest: int) -> Path:
    """Write the fingerprints until an id to files, and remove the files before."""
    library = _read_library_id(connection)
    name = f"{library[:12]}-{_LAYOUT}-{newest}"
    with build_folder(folder / name, "indexing the candidate library") as building:
        if building.name != name:
            part = _Part.of_rows(*_read_fingerprints(connection, 0, newest))
            for field, array in vars(part).items():
                np.save(building / f"{field}.npy", array)
    for older in folder.glob(f"{library[:12]}-*"):
        number = older.name.rpartition("-")[2]
        if older.name != name and number.isdecimal() and int(number) <= newest:
            shutil.rmtree(older, ignore_errors=True)
    return folder / name


def _open_files(files: Path) -> _Part:
    """Open the files without reading them: the system reads what is looked at, and keeps it."""

    def open_array(field: str) -> Any:
        return np.asarray(np.load(files / f"{field}.npy", mmap_mode="r", allow_pickle=False))

    return _Part(*(open_array(field) for field in ("ids", "counts", "morgan", "pattern_bits")))
