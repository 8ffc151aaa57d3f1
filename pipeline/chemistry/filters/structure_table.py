"""Writes and reads the table of known structures: what has been seen in real molecules, and how often, in about a megabyte.

The table holds counts, no molecules. It is a safetensors file: keys of atom environments of radius 1 and of ring systems with the number of
molecules that have them, and a set of environments of radius 2, folded to `BITS` bits and written as compressed differences.
"""

from __future__ import annotations

import hashlib
import zlib
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save

from chem_vae.atomic_files import write_bytes
from chem_vae.errors import DataError
from pipeline.chemistry.filters.atom_environments import Words
from pipeline.chemistry.filters.structure_counts import Counts, StructureCounts
from pipeline.workspace.registry import find_data_folder

FILE = "structures.safetensors"
BITS = 26
"""An environment of radius 2 is known by so many bits of its key; the share of unseen ones that pass for seen is the filled share."""
LEAST_RADIUS_1, LEAST_RADIUS_2, LEAST_RING_SYSTEM = 2, 2, 2
"""Molecules that must have a structure for the table to hold it."""
Tensors = dict[str, NDArray[Any]]

_SHIFT, _HALF, _MOST = np.uint64(64 - BITS), np.uint64(32), 65535


class Known(NamedTuple):
    """Keys of structures (the upper half of each), ascending, and the number of molecules that have each (65,535 at most)."""

    keys: NDArray[np.uint32]
    molecules: NDArray[np.uint16]

    def look_up(self, keys: Words) -> NDArray[np.int64]:
        """Return the number of molecules that have each structure; 0 where it is not in the table."""
        if not len(self.keys):
            return np.zeros(len(keys), dtype=np.int64)
        short = (keys >> _HALF).astype(np.uint32)
        places = np.minimum(np.searchsorted(self.keys, short), len(self.keys) - 1)
        return np.where(self.keys[places] == short, self.molecules[places], 0).astype(np.int64)


class StructureTable(NamedTuple):
    """The structures that a reference of real molecules has."""

    molecules: int
    """The number of molecules of the reference."""
    radius_1: Known
    ring_systems: Known
    radius_2: NDArray[np.uint8]
    """One bit for each environment of radius 2 that was seen, at the first `BITS` bits of its key."""

    def has_seen(self, keys: Words) -> NDArray[np.bool_]:
        """Whether each environment of radius 2 was seen."""
        places = (keys >> _SHIFT).astype(np.intp)
        return (self.radius_2[places >> 3] >> (places & 7).astype(np.uint8) & 1).astype(bool)


def write_table(counts: StructureCounts, path: Path) -> None:
    """Write the table of the structures that were counted; the same counts give the same bytes."""
    seen = np.unique(counts.radius_2.keys[counts.radius_2.molecules >= LEAST_RADIUS_2] >> _SHIFT).astype(np.int64)
    tensors: Tensors = {
        "molecules": np.array([counts.molecules]),
        "radius_2": np.frombuffer(zlib.compress(_write_differences(seen), 9), dtype=np.uint8),
    }
    for name, counted, least in (
        ("radius_1", counts.radius_1, LEAST_RADIUS_1),
        ("ring_systems", counts.ring_systems, LEAST_RING_SYSTEM),
    ):
        known = _shorten(counted, least)
        tensors |= {f"{name}_keys": known.keys, f"{name}_molecules": known.molecules}
    write_bytes(path, save(tensors, {"sha256": _hash(tensors)}))


def read_table(path: Path) -> StructureTable:
    """Read a table. Raises DataError if it is damaged, or no table."""
    try:
        with safe_open(str(path), framework="numpy") as file:
            about = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        if about["sha256"] != _hash(tensors):
            raise ValueError("its contents do not have the checksum that was written with them")
        seen = _read_differences(zlib.decompress(tensors["radius_2"].tobytes()))
        bits = np.zeros(1 << (BITS - 3), dtype=np.uint8)
        np.bitwise_or.at(bits, seen >> 3, np.uint8(1) << (seen & 7).astype(np.uint8))
        return StructureTable(
            int(tensors["molecules"][0]),
            Known(tensors["radius_1_keys"], tensors["radius_1_molecules"]),
            Known(tensors["ring_systems_keys"], tensors["ring_systems_molecules"]),
            bits,
        )
    except Exception as error:
        raise DataError(f"{path} cannot be read as a table of known structures: {error}") from error


@cache
def load_table() -> StructureTable:
    """Load the table that came with the installation."""
    return read_table(find_data_folder() / FILE)


def _shorten(counts: Counts, least: int) -> Known:
    """Keep the upper half of each key; where two become one, their molecules are added."""
    frequent = counts.molecules >= least
    keys, places = np.unique((counts.keys[frequent] >> _HALF).astype(np.uint32), return_inverse=True)
    molecules = np.zeros(len(keys), dtype=np.int64)
    np.add.at(molecules, places, counts.molecules[frequent])
    return Known(keys, np.minimum(molecules, _MOST).astype(np.uint16))


def _write_differences(ascending: NDArray[np.int64]) -> bytes:
    """Write each difference to the number before in base 255: a byte of 255 adds 255 and goes on."""
    differences = np.diff(ascending, prepend=0)
    long = differences // 255
    written = np.full(len(differences) + int(long.sum()), 255, dtype=np.uint8)
    written[np.cumsum(long + 1) - 1] = differences % 255
    return written.tobytes()


def _read_differences(written: bytes) -> NDArray[np.int64]:
    digits = np.frombuffer(written, dtype=np.uint8)
    return np.cumsum(digits, dtype=np.int64)[digits != 255]


def _hash(tensors: Tensors) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].dtype} {tensors[name].shape}".encode() + tensors[name].tobytes())
    return digest.hexdigest()
