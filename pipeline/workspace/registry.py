"""Turns named datasets, local files and URLs into files on disk whose hash is known."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import stat
import tempfile
import tomllib
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chem_vae.atomic_files import read_json, write_json
from chem_vae.errors import ChemVAEError, ChemVAEWarning, DataError, UserError, unknown_name
from chem_vae.progress import Progress, silent
from pipeline.workspace.remote.downloads import download, find_address, name_file
from pipeline.workspace.remote.outages import UnreachableError as UnreachableError
from pipeline.workspace.remote.redaction import expand_variables, redact
from pipeline.workspace.remote.wheels import copy_molecules, download_package
from pipeline.workspace.storage.cache_folder import find_cache_folder
from pipeline.workspace.storage.file_state import FileState

_HASHES = "hashes.json"
"""The file of a folder of the cache with the SHA-256 of its other files."""


@dataclass(frozen=True)
class ResolvedSource:
    """A file of molecules on disk."""

    name: str
    path: Path
    sha256: str
    location: str
    """The name, path or URL that the user gave, without its secrets."""
    smiles_column: str | None = None
    split_column: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)  # measured columns -> unit
    title: str = ""
    licence: str = ""
    citation: str = ""
    state: FileState | None = None
    """The state of the file before its hash was computed; None where nobody else writes it, as in the cache."""

    def check_unchanged(self) -> None:
        """Check that the file is still the one of the hash. Raises FileChangedError where it was changed meanwhile."""
        if self.state is not None:
            self.state.check(self.path)


def find_data_folder() -> Path:
    """Find the folder of datasets.toml: inside the package when installed from a wheel, beside it in a checkout.

    Raises:
        ChemVAEError: If the installation is incomplete.
    """
    here = Path(__file__).resolve().parents[1]
    for folder in (here / "_data", here.parent / "data"):
        if (folder / "datasets.toml").is_file():
            return folder
    raise ChemVAEError(
        "the installation is incomplete: its data folder (datasets.toml) is missing; install chem-vae again"
    )


def list_datasets() -> dict[str, dict[str, Any]]:
    """List the named datasets, each with its table in datasets.toml."""
    with (find_data_folder() / "datasets.toml").open("rb") as file:
        return tomllib.load(file)


def resolve(
    source: str, sha256: str | None = None, progress: Progress = silent, *, keep: bool = False
) -> ResolvedSource:
    """Find the file of a source, downloaded into the cache where needed.

    Args:
        source: A named dataset, which wins over a file of that name in the current folder (write ./name for the file); a
            local file; or a URL, of a web server or of a storage that fsspec knows (s3://bucket/file.csv), in which `${NAME}` stands
            for an environment variable; or a pattern of files, local or in a storage (s3://bucket/night/*.csv), read as one.
        sha256: The expected SHA-256 of the file.
        progress: Is told of downloads.
        keep: Take the copy of the last time, with a warning, where the server does not answer.

    Raises:
        DataError: If the checksum differs.
        UnreachableError: If the file is missing.
        UserError: If the name is unknown.
        ChemVAEError: If a download fails.
    """
    datasets = list_datasets()
    if source in datasets:
        return _resolve_named(source, datasets[source], progress)
    if (address := find_address(source)) is not None:
        path = download(expand_variables(address), sha256, progress, keep=keep)
        return ResolvedSource(_write_stem(name_file(address)), path, _check_hash(path, sha256), redact(source))
    path = Path(source).expanduser()
    if not os.path.lexists(path) and not path.suffix and os.sep not in source and "/" not in source:
        raise unknown_name("dataset", source, datasets)
    check_file(path, redact(source))
    state = FileState.read(path)
    return ResolvedSource(_write_stem(path.name), path, _check_hash(path, sha256), str(path), state=state)


def check_file(path: Path, name: str | None = None) -> None:
    """Check that a path is that of an ordinary file, which can be read from its beginning to its end more than once.

    Args:
        path: The path.
        name: Its name in messages.

    Raises:
        UnreachableError: If it is missing, or a link that leads nowhere.
        DataError: If it is a folder, a pipe or a device.
    """
    name = str(path) if name is None else name
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise UnreachableError(
            f"{name} is a link to a file that is missing" if path.is_symlink() else f"there is no file {name}"
        ) from None
    except (OSError, ValueError) as error:  # a loop of links, a folder that is closed, a name that cannot be one
        raise UnreachableError(f"cannot read {name[:200]!r}: {getattr(error, 'strerror', None) or error}") from None
    if stat.S_ISDIR(mode):
        raise DataError(f"{name} is a folder, not a file of molecules")
    if not stat.S_ISREG(mode):
        raise DataError(f"{name} is a pipe or a device, which can be read only once; write it into a file first")


def hash_file(path: Path) -> str:
    """Compute the SHA-256 of a file, in hex.

    Raises:
        DataError: If it cannot be read.
        UserError: If it may not be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except PermissionError:
        raise UserError(f"no permission to read {path}; change its permissions") from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None


def find_extra_file(dataset: str, name: str) -> Path:
    """Find a further file of a named dataset in the cache, such as `test_scaffolds` of `moses`.

    Returns:
        A gzipped CSV, with a column SMILES where it holds molecules.

    Raises:
        UserError: If the dataset has no such file.
    """
    entry = list_datasets().get(dataset, {})
    if name not in entry.get("extras", {}):
        raise unknown_name(f"extra file of {dataset}", name, entry.get("extras", {}))
    return resolve(dataset).path.with_name(f"{name}.csv.gz")


def _resolve_named(name: str, entry: dict[str, Any], progress: Progress) -> ResolvedSource:
    if "file" in entry:
        path = find_data_folder() / entry["file"]
        sha256 = _check_hash(path, entry.get("sha256"))
    elif "url" in entry:
        path = download(entry["url"], entry["sha256"], progress)
        sha256 = _check_hash(path, entry["sha256"])
    else:
        path = _fetch_wheel(name, entry, progress)
        sha256 = hash_file(path)
    kept = {
        k: entry[k]
        for k in ("smiles_column", "split_column", "properties", "title", "licence", "citation")
        if k in entry
    }
    return ResolvedSource(name, path, sha256, name, **kept)


def _check_hash(path: Path, expected: str | None) -> str:
    found = hash_file(path)
    if expected is not None and found != expected.lower().removeprefix("sha256:"):
        raise DataError(
            f"{path.name} has the SHA-256 {found}, not {expected} as expected: it is damaged or another file"
        )
    return found


def _write_stem(name: str) -> str:
    stem = name.lower().removesuffix(".gz").rsplit(".", 1)[0]
    return re.sub(r"[^a-z0-9._-]+", "-", stem).strip("-._")[:60] or "data"


def _fetch_wheel(name: str, entry: dict[str, Any], progress: Progress) -> Path:
    """Fetch a wheel with pip, once, and write its members as one gzipped CSV with the columns SMILES and, of several members, split."""
    folder = find_cache_folder() / f"{name}-{entry['sha256'][:8]}"
    target = folder / f"{name}.csv.gz"
    extras = list(entry.get("extras", {}).items())
    kept = [target.name, *(f"{extra}.csv.gz" for extra, _ in extras)]
    if all((folder / file).is_file() for file in kept):
        if _has_same_hashes(folder, kept):
            return target
        warnings.warn(f"{name} in {folder} is damaged; it is fetched again", ChemVAEWarning, stacklevel=2)
    # (split, member); "" where the molecules have no split
    members = list(entry["members"].items()) if "members" in entry else [("", entry["member"])]
    steps = 1 + len(members) + len(extras)
    progress(f"fetch {name}", 0, steps)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="fetch-", dir=folder) as scratch:
            wheel = download_package(entry["package"], Path(scratch)) / entry["wheel"]
            if not wheel.is_file():
                raise ChemVAEError(f"pip fetched {entry['package']} as another file than {entry['wheel']}")
            _check_hash(wheel, entry["sha256"])
            progress(f"fetch {name}", 1, steps)
            with zipfile.ZipFile(wheel) as archive:
                for extra, member in extras:
                    part = Path(scratch) / f"{extra}.csv.gz"
                    content = archive.read(member)
                    part.write_bytes(content if member.endswith(".gz") else gzip.compress(content, mtime=0))
                    os.replace(part, folder / part.name)
                whole = Path(scratch) / target.name
                with whole.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as out:
                    out.write(b"SMILES,split\n" if "members" in entry else b"SMILES\n")
                    for step, (split, member) in enumerate(members, start=2 + len(extras)):
                        copy_molecules(archive, member, out, split, header=entry.get("header", True))
                        progress(f"fetch {name}", step, steps)
            os.replace(whole, target)
            write_json(folder / _HASHES, {file: hash_file(folder / file) for file in kept})
    except zipfile.BadZipFile:
        raise ChemVAEError(f"the wheel of {entry['package']} is damaged; run again to fetch it anew") from None
    except OSError as error:
        raise ChemVAEError(f"cannot keep {name} in {folder}: {error.strerror or error}") from error
    return target


def _has_same_hashes(folder: Path, files: Sequence[str]) -> bool:
    """Tell whether files of the cache have the hashes that they were written with; an older cache has none."""
    try:
        hashes = read_json(folder / _HASHES)
    except FileNotFoundError:
        return True
    except (OSError, ValueError):
        return False
    return isinstance(hashes, dict) and all(hashes.get(file) == hash_file(folder / file) for file in files)
