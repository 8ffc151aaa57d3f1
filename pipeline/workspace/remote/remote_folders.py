"""Fetches a published dataset, model or run from a storage into the workspace, and verifies what lies in the storage.

Nothing of a storage is trusted: a manifest is checked as one of a local folder, the files get the names that it lists and no others, and
each is compared with its size and hash before the folder gets its name.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chem_vae.atomic_files import MOST_JSON_BYTES, parse_json, read_json, write_bytes, write_json, write_whole
from chem_vae.errors import ChemVAEWarning, DataError, UserError
from pipeline.workspace.remote.outages import NoAnswerError, UnreachableError, describe_age
from pipeline.workspace.remote.remote_storage import RemotePlace, explain_errors, open_place
from pipeline.workspace.storage.disk_space import check_writable
from pipeline.workspace.storage.folders import KINDS, finish_folder, lock_folder, make_partial, read_manifest
from pipeline.workspace.storage.integrity import (
    CONTENTS,
    MANIFEST,
    check_contents,
    is_inner_path,
    is_plain_name,
    read_contents,
)

FETCHED = "fetched"
"""The folder of a workspace with the folders that were fetched, each below the hash of its manifest."""
_WAIT = 3600.0  # seconds for another process that fetches the same


@dataclass(frozen=True)
class RemoteFolder:
    """A finished folder in a storage, of which the manifest was read and checked."""

    place: RemotePlace
    data: bytes
    """The manifest as it stands there."""
    manifest: dict[str, Any]
    files: dict[str, tuple[int, str | None]]
    """The size and the SHA-256 of each file; without hash where the manifest, of an earlier version, does not list the files."""

    @property
    def name(self) -> str:
        """The name of the folder."""
        name = self.place.path.rstrip("/").rpartition("/")[2]
        return name if is_plain_name(name) and not name.startswith(".") else "folder"

    @property
    def bytes(self) -> int:
        """The size of all files."""
        return sum(size for size, _ in self.files.values())


def fetch_folder(address: str, workspace: Path, inner: str | None = None) -> Path:
    """Fetch a published folder, unless the same content was fetched before.

    Where the storage does not answer, what was fetched from that address before is taken, with a warning.

    Args:
        address: The address of the folder.
        workspace: The workspace that keeps it, in `fetched/`.
        inner: The name of a folder in it that is wanted where the address is that of a run ("model").

    Returns:
        The local folder, whose files have the sizes and hashes of its manifest.

    Raises:
        DataError: If there is no finished folder, or if it is damaged, of another kind or listing files elsewhere.
        UserError: If the address cannot be used, or if the disk has no room.
        NoAnswerError: If the storage does not answer.
    """
    key = hashlib.sha256(f"{address.rstrip('/')} {inner}".encode()).hexdigest()[:16]
    note = workspace / FETCHED / f".{key}.json"
    try:
        found = open_folder(address)
        parent: tuple[str, ...] = ()
        if inner is not None and found.manifest["format"] == KINDS["runs"]:
            parent = (found.name,)
            found = _read_folder(found.place.join(inner))
        folder = _fetch(found, workspace / FETCHED / hashlib.sha256(found.data).hexdigest()[:16], parent)
    except NoAnswerError as error:
        if (last := _find_last(note, workspace)) is None:
            raise
        told = f"{str(error).partition('; ')[0]}; what was fetched {describe_age(note.stat().st_mtime)} is used"
        warnings.warn(told, ChemVAEWarning, stacklevel=3)
        return last
    os.utime(
        workspace / FETCHED / folder.relative_to(workspace / FETCHED).parts[0]
    )  # when it was last used, for `chem-vae gc`
    write_json(note, {"address": found.place.address, "folder": folder.relative_to(workspace / FETCHED).as_posix()})
    return folder


def open_folder(address: str) -> RemoteFolder:
    """Read the manifest of a published folder, and check it.

    Raises:
        DataError: If there is none, or if it is damaged, of another kind or listing files elsewhere.
        NoAnswerError: If the storage does not answer.
    """
    return _read_folder(open_place(address.removesuffix(f"/{MANIFEST}")))


def list_folders(address: str) -> list[str]:
    """List the addresses of the folders that were published to an address, or that address itself where it is one of them.

    Raises:
        UnreachableError: If there are none.
        NoAnswerError: If the storage does not answer.
    """
    place = open_place(address.removesuffix(f"/{MANIFEST}"))
    shown = address.removesuffix(f"/{MANIFEST}").rstrip("/")
    found = []
    with explain_errors(place.address):
        if place.storage.isfile(place.join(MANIFEST).path):
            return [shown]
        for kind in KINDS:
            if place.storage.isdir(place.join(kind).path):
                below = place.storage.ls(place.join(kind).path, detail=True)
                names = [
                    str(info["name"]).rstrip("/").rpartition("/")[2] for info in below if info["type"] == "directory"
                ]
                found += [f"{shown}/{kind}/{name}" for name in sorted(names)]
    if not found:
        raise UnreachableError(f"nothing is published at {place.address}")
    return found


def check_folder(folder: RemoteFolder) -> None:
    """Read every file of a folder in its storage, and compare it with its size and hash.

    Raises:
        DataError: If a file is missing or of another content.
        NoAnswerError: If the storage does not answer.
    """
    for name, (size, sha256) in folder.files.items():
        file = folder.place.join(name)
        with explain_errors(file.address):
            try:
                there, found = hash_remote(file)
            except FileNotFoundError:
                raise DataError(f"{name} is missing") from None
        if there != size:
            raise DataError(f"{name} has {there:,} bytes instead of {size:,}")
        if sha256 is not None and found != sha256:
            raise DataError(f"{name} has another content than when it was written")


def hash_remote(file: RemotePlace) -> tuple[int, str]:
    """Read a file in its storage, and return its size and SHA-256."""
    size, digest = 0, hashlib.sha256()
    with file.storage.open(file.path, "rb") as stream:
        while part := stream.read(1 << 20):
            size += len(part)
            digest.update(part)
    return size, digest.hexdigest()


def _read_folder(place: RemotePlace) -> RemoteFolder:
    data = _read_manifest(place)
    with tempfile.TemporaryDirectory(prefix="chem-vae-") as scratch:
        folder = Path(scratch)
        (folder / MANIFEST).write_bytes(data)
        try:
            kind = _read_kind(data)
            manifest = read_manifest(folder, kind if kind in KINDS.values() else "chem-vae folder")
            if CONTENTS in manifest:
                files: dict[str, tuple[int, str | None]] = {**read_contents(folder, manifest[CONTENTS])}
            else:
                files = dict(_list_files(place))
        except UserError as error:
            raise DataError(str(error).replace(str(folder), place.address)) from None
    for name in files:
        if name == MANIFEST or not is_inner_path(name) or any(part.startswith(".") for part in name.split("/")):
            raise DataError(f"{place.address} lists the file {name[:80]!r}, which no folder of this kind has")
    return RemoteFolder(place, data, manifest, files)


def _read_kind(manifest: bytes) -> str:
    """Return what a manifest says of its kind; "" where it cannot be read, which `read_manifest` then explains."""
    try:
        told = parse_json(manifest)
    except ValueError:
        return ""
    return str(told.get("format")) if isinstance(told, dict) else ""


def _read_manifest(place: RemotePlace) -> bytes:
    file = place.join(MANIFEST)
    with explain_errors(file.address):
        try:
            size = int(file.storage.info(file.path)["size"] or 0)
            if size > MOST_JSON_BYTES:
                raise DataError(f"{file.address} has {size:,} bytes, more than a manifest can have")
            return bytes(file.storage.cat_file(file.path))
        except FileNotFoundError as error:
            why = f" ({error})" if "bucket" in str(error).lower() else ""
            raise UnreachableError(
                f"there is no finished dataset, model or run at {place.address}: it has no {MANIFEST}{why}"
            ) from None


def _list_files(place: RemotePlace) -> Iterator[tuple[str, tuple[int, None]]]:
    """List the files of a folder whose manifest, of an earlier version, does not list them."""
    with explain_errors(place.address):
        for path, info in place.storage.find(place.path, detail=True).items():
            name = str(path)[len(place.path.rstrip("/")) + 1 :]
            if name != MANIFEST and not name.startswith("."):
                yield name, (int(info["size"]), None)


def _fetch(found: RemoteFolder, cache: Path, parent: tuple[str, ...]) -> Path:
    folder = cache.joinpath(*parent, "model" if parent else found.name)
    with lock_folder(folder, "fetching this folder", wait=_WAIT):
        if folder.exists():
            try:
                check_contents(folder, found.manifest)
                return folder
            except DataError as error:
                warnings.warn(f"{str(error).partition('; ')[0]}; it is fetched again", ChemVAEWarning, stacklevel=4)
        check_writable(folder.parent, found.bytes, f"to fetch {found.place.address}")
        partial = folder.with_name(f"{folder.name}.partial")
        make_partial(partial)
        for name, (size, sha256) in found.files.items():
            _fetch_file(found.place.join(name), partial / name, size, sha256)
        for left in partial.rglob(".*.partial"):  # of a fetch that was killed
            left.unlink(missing_ok=True)
        write_bytes(partial / MANIFEST, found.data)
        finish_folder(partial, folder)
    return folder


def _fetch_file(file: RemotePlace, path: Path, size: int, sha256: str | None) -> None:
    """Fetch a file unless an interrupted fetch has it already."""
    if sha256 is not None and path.is_file() and not path.is_symlink() and path.stat().st_size == size:
        with path.open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() == sha256:
                return
    path.parent.mkdir(parents=True, exist_ok=True)
    with write_whole(path) as partial:
        with explain_errors(file.address):
            try:
                there = file.storage.info(file.path).get("size")
                if there is not None and there != size:  # before it is fetched: it may be huge
                    raise DataError(f"{file.address} is damaged: it has {there:,} bytes instead of {size:,}")
                file.storage.get_file(file.path, str(partial))
            except FileNotFoundError:
                raise DataError(f"{file.address} is missing, so that its folder is not whole") from None
        with partial.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if partial.stat().st_size != size or (sha256 is not None and found != sha256):
            raise DataError(f"{file.address} is damaged: it has another content than when it was published")


def _find_last(note: Path, workspace: Path) -> Path | None:
    """Find the folder that was fetched from an address the last time."""
    try:
        inside = read_json(note)["folder"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    folder = workspace / FETCHED / str(inside)
    return folder if is_inner_path(inside) and (folder / MANIFEST).is_file() else None
