"""Hashes of a model's training molecules: what is novel can be told without the data."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chem_vae.atomic_files import write_bytes
from chem_vae.errors import CheckpointError
from pipeline.chemistry.molecule import remove_stereo

FILE = "training_hashes.npz"
"""The file of a model's folder with the hashes; a model without it cannot tell what is novel without its data."""
ONE_IN = 2**32
"""A new molecule is taken for a known one with the probability of the number of hashes in so many."""
_KINDS = ("smiles", "without_stereo")


class TrainingHashes:
    """Says of canonical SMILES whether they are among the training molecules.

    Args:
        smiles: The sorted hashes of the molecules.
        without_stereo: The sorted hashes of the molecules without stereo and isotopes.
    """

    def __init__(self, smiles: NDArray[np.uint32], without_stereo: NDArray[np.uint32]) -> None:
        self.smiles, self.without_stereo = smiles, without_stereo

    def __len__(self) -> int:
        """Count the hashes."""
        return len(self.smiles)

    def find(self, smiles: Sequence[str], *, stereo_blind: bool = False) -> list[bool]:
        """Say of each SMILES whether it is known; of about one in 3,000 new ones a model of MOSES says so wrongly."""
        if stereo_blind:
            return _contains(self.without_stereo, hash_smiles(map(remove_stereo, smiles)))
        return _contains(self.smiles, hash_smiles(smiles))


def hash_smiles(smiles: Iterable[str]) -> NDArray[np.uint32]:
    """Hash canonical SMILES to 32 bits each."""
    parts = b"".join(hashlib.blake2b(text.encode("utf-8"), digest_size=4).digest() for text in smiles)
    return np.frombuffer(parts, dtype="<u4").astype(np.uint32)


def write_training_hashes(folder: Path, smiles: Sequence[str]) -> Path:
    """Write the hashes of canonical SMILES into a model's folder, whose manifest is to be written after it.

    They are kept as differences, the bytes of each place together, which compresses to two bytes a molecule.
    """
    both = {"smiles": hash_smiles(smiles), "without_stereo": hash_smiles(map(remove_stereo, smiles))}
    if np.array_equal(both["smiles"], both["without_stereo"]):  # as of data without stereo
        del both["without_stereo"]
    planes: dict[str, NDArray[np.uint8]] = {}
    for name, hashes in both.items():
        steps = np.diff(np.unique(hashes), prepend=np.uint32(0)).astype("<u4")
        bytes_ = steps.view(np.uint8).reshape(-1, 4)
        planes |= {f"{name}_{place}": np.ascontiguousarray(bytes_[:, place]) for place in range(4)}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, plane in planes.items():
            content = io.BytesIO()
            np.save(content, plane, allow_pickle=False)
            archive.writestr(
                zipfile.ZipInfo(f"{name}.npy"), content.getvalue(), zipfile.ZIP_DEFLATED
            )  # without the time
    return write_bytes(folder / FILE, buffer.getvalue())


@lru_cache(maxsize=4)
def _read(path: Path, changed: int) -> TrainingHashes:
    try:
        with np.load(path, allow_pickle=False) as planes:
            found = {name: _join(planes, name) for name in _KINDS if f"{name}_0" in planes}
        return TrainingHashes(found["smiles"], found.get("without_stereo", found["smiles"]))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"the model {path.parent} is damaged: {path.name}: {error}") from None


def read_training_hashes(folder: Path) -> TrainingHashes | None:
    """Read the hashes of a model's folder; None where it has none.

    Raises:
        CheckpointError: The file is damaged.
    """
    path = folder / FILE
    return _read(path, path.stat().st_mtime_ns) if path.is_file() else None


def _join(planes: np.lib.npyio.NpzFile, name: str) -> NDArray[np.uint32]:
    steps = np.stack([planes[f"{name}_{place}"] for place in range(4)], axis=1)
    return np.cumsum(steps.reshape(-1).view("<u4"), dtype=np.uint32)


def _contains(known: NDArray[np.uint32], asked: NDArray[np.uint32]) -> list[bool]:
    if not len(known):
        return [False] * len(asked)
    places = np.searchsorted(known, asked).clip(max=len(known) - 1)
    return [bool(same) for same in known[places] == asked]
