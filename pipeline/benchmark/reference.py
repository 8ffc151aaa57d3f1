"""The two test sets of MOSES, measured once and kept in the cache: `test` and `test_scaffolds` (scaffolds that the
training set does not have).

Two files each, since one takes minutes of RDKit and the other minutes of ChemNet: plain arrays, keyed by the content of
the source and by the versions that computed them. One that is damaged is computed again.
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
from pipeline.benchmark.chemnet import Gaussian, Moments, chemnet_gaussian, chemnet_moments, fcd_version
from pipeline.benchmark.molecules import PROPERTIES, Molecules, Wanted, measure
from pipeline.workspace.folders import hash_content, lock_folder
from pipeline.workspace.registry import find_cache_folder, find_extra_file, hash_file, resolve

TEST_SETS = {"Test": "test", "TestSF": "test_scaffolds"}
"""MOSES' names of the two test sets, and the names of their files."""
_FORMAT = 1
Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Reference:
    """A set of molecules that samples are compared with, measured."""

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
        """(n,) of one property."""
        return self.properties[:, PROPERTIES.index(name)]


def moses_reference(
    name: str, *, chemnet: bool = True, workers: int | None = None, progress: Progress = silent
) -> Reference:
    """A test set of MOSES, `Test` or `TestSF`, from the cache or computed now (some minutes each; kept for next time).

    Raises UserError for another name, and without fcd_torch where ChemNet is asked for.
    """
    if name not in TEST_SETS:
        raise unknown_name("MOSES test set", name, TEST_SETS)
    fcd = fcd_version() if chemnet else ""
    source = resolve("moses", progress=progress).path
    path = source if name == "Test" else find_extra_file("moses", TEST_SETS[name])
    digest = hash_file(path)
    canonical: list[str] = []

    def molecules() -> list[str]:
        return moses_split("test") if name == "Test" else _column(path)

    def chemistry() -> Arrays:
        stage, wanted = f"measure MOSES {name} (once)", Wanted(properties=name == "Test")
        measured = measure(molecules(), wanted, workers=workers, progress=progress, stage=stage)
        canonical.extend(measured.smiles)
        return to_arrays(measured)

    def features() -> Arrays:
        if not canonical:
            plain = Wanted(structure=False, properties=False)
            canonical.extend(measure(molecules(), plain, workers=workers, progress=progress, stage="read MOSES").smiles)
        found = _in_pieces(canonical, features_path, progress, f"ChemNet of MOSES {name} (once)").gaussian()
        return {"mean": found.mean, "covariance": found.covariance, "n": np.array(found.n)}

    folder, stem = find_cache_folder() / "benchmark", f"moses-{TEST_SETS[name]}"
    key = hash_content(_FORMAT, digest, version("rdkit"), PROPERTIES)[:12]
    arrays = cached_arrays(folder / f"{stem}-chemistry-{key}.npz", _CHEMISTRY, chemistry)
    gaussian = None
    if chemnet:
        key = hash_content(_FORMAT, digest, version("rdkit"), fcd)[:12]
        features_path = folder / f"{stem}-chemnet-{key}.npz"
        kept = cached_arrays(features_path, _FEATURES, features)
        for piece in folder.glob(f"{features_path.stem}-*.npz"):  # the whole is there now
            piece.unlink(missing_ok=True)
        gaussian = Gaussian(kept["mean"], kept["covariance"], int(kept["n"]))
    return Reference(
        name,
        arrays["fingerprints"],
        arrays["properties"],
        _counter(arrays, "fragments"),
        _counter(arrays, "scaffolds"),
        gaussian,
    )


def reference_of(name: str, smiles: Sequence[str], *, workers: int | None = None, chemnet: bool = True) -> Reference:
    """A reference of your own SMILES, not cached."""
    m = measure(smiles, workers=workers)
    gaussian = chemnet_gaussian(m.smiles) if chemnet else None
    return Reference(name, m.fingerprints, m.properties, m.fragments, m.scaffolds, gaussian)


def moses_split(split: str) -> list[str]:
    """The SMILES of the train or test split, spelled as MOSES has them."""
    return _column(resolve("moses").path, split)


# -- the cache -------------------------------------------------------------------------------------------------------

_CHEMISTRY = ("fingerprints", "properties", "fragments", "fragments_counts", "scaffolds", "scaffolds_counts")
_FEATURES = ("mean", "covariance", "n")
_MOMENTS = ("total", "products", "n")
_PIECE = 16_384


def cached_arrays(path: Path, names: Sequence[str], make: Callable[[], Arrays]) -> Arrays:
    """The named arrays of an .npz, made and written (whole, by a rename) where it is missing or damaged.

    Raises BusyError where another process is making it.
    """
    if (kept := _read(path, names)) is not None:
        return kept
    with lock_folder(path, "computing a reference of the benchmark"):
        if (kept := _read(path, names)) is not None:
            return kept
        made = make()
        _write(path, made)
        return made


def _in_pieces(smiles: Sequence[str], path: Path, progress: Progress, stage: str) -> Moments:
    """ChemNet's moments, kept piece by piece until all are there: a stopped computation goes on at its piece."""
    moments = Moments.none()
    for start in range(0, len(smiles), _PIECE):
        some = smiles[start : start + _PIECE]

        def told(stage: str, done: int, total: int, figures: Any = None, start: int = start) -> None:
            progress(stage, start + done, len(smiles))

        piece = path.with_name(f"{path.stem}-{start}.npz")
        arrays = _read(piece, _MOMENTS)
        if arrays is None:
            found = chemnet_moments(some, progress=told, stage=stage)
            arrays = {"n": np.array(found.n), "total": found.total, "products": found.products}
            _write(piece, arrays)
        moments += Moments(int(arrays["n"]), arrays["total"], arrays["products"])
    return moments


def to_arrays(measured: Molecules) -> Arrays:
    """What a Reference keeps of measured molecules, as arrays without objects."""
    arrays: Arrays = {"fingerprints": measured.fingerprints, "properties": measured.properties}
    for name, counts in (("fragments", measured.fragments), ("scaffolds", measured.scaffolds)):
        text = "\n".join(counts)  # SMILES have no line ends
        arrays[name] = np.frombuffer(text.encode("ascii"), dtype=np.uint8)
        arrays[f"{name}_counts"] = np.fromiter(counts.values(), dtype=np.int64)
    return arrays


def _counter(arrays: Mapping[str, NDArray[Any]], name: str) -> Counter[str]:
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


def _column(path: Path, split: str | None = None) -> list[str]:
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            return [row["SMILES"] for row in csv.DictReader(file) if split is None or row["split"] == split]
    except (OSError, EOFError, KeyError) as error:
        raise DataError(f"{path} is damaged ({error}); delete it, and it is fetched again") from None
