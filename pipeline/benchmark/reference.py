"""The two test sets of MOSES as references, measured once and kept in the cache.

They are `test` and `test_scaffolds`, whose scaffolds the training set does not have. Each has two files of plain arrays, since one takes
minutes of RDKit and the other minutes of ChemNet, keyed by the content of the source and by the versions that computed them. A damaged
file is computed again.
"""

from __future__ import annotations

import csv
import gzip
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chem_vae.atomic_files import write_whole
from chem_vae.errors import DataError, unknown_name
from chem_vae.progress import Progress, silent
from pipeline.benchmark.chemnet import Gaussian, Moments, find_fcd_version, fit_gaussian, sum_moments
from pipeline.benchmark.molecules import PROPERTIES, MeasuredParts, Molecules, measure
from pipeline.workspace.registry import find_extra_file, hash_file, resolve
from pipeline.workspace.storage.cache_folder import find_cache_folder
from pipeline.workspace.storage.folders import hash_content, lock_folder

TEST_SETS = {"Test": "test", "TestSF": "test_scaffolds"}
"""MOSES' names of the two test sets, and the names of their files."""
_FORMAT = 1
Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Reference:
    """A measured set of molecules that samples are compared with."""

    name: str
    fingerprints: NDArray[np.uint8]
    """(n, 128) packed."""
    properties: NDArray[np.float64]
    """(n, 5) in the order of molecules.PROPERTIES; empty (0, 5) for TestSF, whose properties MOSES does not compare."""
    fragments: Counter[str]
    scaffolds: Counter[str]
    gaussian: Gaussian | None
    """None where it was made without ChemNet."""

    def values(self, name: str) -> NDArray[np.float64]:
        """Return the values (n,) of one property."""
        return self.properties[:, PROPERTIES.index(name)]


def load_reference(
    name: str, *, chemnet: bool = True, workers: int | None = None, progress: Progress = silent
) -> Reference:
    """Load a test set of MOSES from the cache, or compute it (some minutes) and keep it.

    Args:
        name: `Test` or `TestSF`.
        chemnet: Whether to fit the Gaussian for FCD.
        workers: Processes; None: all cores.
        progress: Is told of each stage.

    Raises:
        UserError: The name is another one, or fcd_torch is missing and ChemNet is wanted.
    """
    if name not in TEST_SETS:
        raise unknown_name("MOSES test set", name, TEST_SETS)
    fcd = find_fcd_version() if chemnet else ""
    source = resolve("moses", progress=progress).path
    path = source if name == "Test" else find_extra_file("moses", TEST_SETS[name])
    digest = hash_file(path)
    canonical: list[str] = []

    def molecules() -> list[str]:
        return read_split("test") if name == "Test" else _read_column(path)

    def chemistry() -> Arrays:
        stage, wanted = f"measure MOSES {name} (once)", MeasuredParts(properties=name == "Test")
        measured = measure(molecules(), wanted, workers=workers, progress=progress, stage=stage)
        canonical.extend(measured.smiles)
        return to_arrays(measured)

    def features() -> Arrays:
        if not canonical:
            plain = MeasuredParts(structure=False, properties=False)
            canonical.extend(measure(molecules(), plain, workers=workers, progress=progress, stage="read MOSES").smiles)
        found = _sum_in_pieces(canonical, features_path, progress, f"ChemNet of MOSES {name} (once)").gaussian()
        return {"mean": found.mean, "covariance": found.covariance, "n": np.array(found.n)}

    folder, stem = find_cache_folder() / "benchmark", f"moses-{TEST_SETS[name]}"
    key = hash_content(_FORMAT, digest, version("rdkit"), PROPERTIES)[:12]
    arrays = load_arrays(folder / f"{stem}-chemistry-{key}.npz", _CHEMISTRY, chemistry)
    gaussian = None
    if chemnet:
        key = hash_content(_FORMAT, digest, version("rdkit"), fcd)[:12]
        features_path = folder / f"{stem}-chemnet-{key}.npz"
        kept = load_arrays(features_path, _FEATURES, features)
        for piece in folder.glob(f"{features_path.stem}-*.npz"):  # the whole is there now
            piece.unlink(missing_ok=True)
        gaussian = Gaussian(kept["mean"], kept["covariance"], int(kept["n"]))
    return Reference(
        name,
        arrays["fingerprints"],
        arrays["properties"],
        _read_counter(arrays, "fragments"),
        _read_counter(arrays, "scaffolds"),
        gaussian,
    )


def build_reference(name: str, smiles: Sequence[str], *, workers: int | None = None, chemnet: bool = True) -> Reference:
    """Build a reference of your own SMILES; it is not cached."""
    m = measure(smiles, workers=workers)
    gaussian = fit_gaussian(m.smiles) if chemnet else None
    return Reference(name, m.fingerprints, m.properties, m.fragments, m.scaffolds, gaussian)


def read_split(split: str) -> list[str]:
    """Read the SMILES of the train or test split, spelled as MOSES has them."""
    return _read_column(resolve("moses").path, split)


# -- the cache -------------------------------------------------------------------------------------------------------

_CHEMISTRY = ("fingerprints", "properties", "fragments", "fragments_counts", "scaffolds", "scaffolds_counts")
_FEATURES = ("mean", "covariance", "n")
_MOMENTS = ("total", "products", "n")
_PIECE = 16_384


def load_arrays(path: Path, names: Sequence[str], make: Callable[[], Arrays]) -> Arrays:
    """Load the named arrays of an .npz file, or make and write them where it is missing or damaged.

    Raises:
        BusyError: Another process is making them.
    """
    if (kept := _read(path, names)) is not None:
        return kept
    with lock_folder(path, "computing a reference of the benchmark"):
        if (kept := _read(path, names)) is not None:
            return kept
        made = make()
        _write(path, made)
        return made


def _sum_in_pieces(smiles: Sequence[str], path: Path, progress: Progress, stage: str) -> Moments:
    """Sum ChemNet's moments and keep them piece by piece, so that a stopped computation goes on at its piece."""
    moments = Moments.none()
    for start in range(0, len(smiles), _PIECE):
        some = smiles[start : start + _PIECE]

        def told(stage: str, done: int, total: int, figures: Any = None, start: int = start) -> None:
            progress(stage, start + done, len(smiles))

        piece = path.with_name(f"{path.stem}-{start}.npz")
        arrays = _read(piece, _MOMENTS)
        if arrays is None:
            found = sum_moments(some, progress=told, stage=stage)
            arrays = {"n": np.array(found.n), "total": found.total, "products": found.products}
            _write(piece, arrays)
        moments += Moments(int(arrays["n"]), arrays["total"], arrays["products"])
    return moments


def to_arrays(measured: Molecules) -> Arrays:
    """Turn measured molecules into the arrays that a Reference keeps, none of them of objects."""
    arrays: Arrays = {"fingerprints": measured.fingerprints, "properties": measured.properties}
    for name, counts in (("fragments", measured.fragments), ("scaffolds", measured.scaffolds)):
        text = "\n".join(counts)  # SMILES have no line ends
        arrays[name] = np.frombuffer(text.encode("ascii"), dtype=np.uint8)
        arrays[f"{name}_counts"] = np.fromiter(counts.values(), dtype=np.int64)
    return arrays


def _read_counter(arrays: Mapping[str, NDArray[Any]], name: str) -> Counter[str]:
    names = arrays[name].tobytes().decode("ascii").split("\n")
    counts = arrays[f"{name}_counts"].tolist()
    return Counter(dict(zip(names, counts, strict=True))) if counts else Counter()


def _read(path: Path, names: Sequence[str]) -> Arrays | None:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in names}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return None
    return arrays


def _write(path: Path, arrays: Arrays) -> None:
    with write_whole(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def _read_column(path: Path, split: str | None = None) -> list[str]:
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            return [row["SMILES"] for row in csv.DictReader(file) if split is None or row["split"] == split]
    except (OSError, EOFError, KeyError) as error:
        raise DataError(f"{path} is damaged ({error}); delete it, and it is fetched again") from None
