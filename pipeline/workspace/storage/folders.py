"""Builds folders that appear whole, locks them, and writes and reads the manifest of a finished one."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from chem_vae.atomic_files import read_json, sync_folder, to_plain, write_json
from chem_vae.errors import BusyError, DataError, UserError
from pipeline.workspace.storage.integrity import CONTENTS, MANIFEST, describe_contents

KINDS = {"datasets": "chem-vae dataset", "models": "chem-vae trained model", "runs": "chem-vae run"}
"""The kind of finished folders, as their manifests give it, by the folder of a workspace in which they are."""
SEAL = "seal"
"""The key of a manifest with the hash of all its other keys; missing in those that versions before 0.3 wrote."""


@contextmanager
def lock_folder(folder: Path, doing: str, wait: float = 0) -> Iterator[None]:
    """Hold the lock of a folder, a file beside it, for this process alone.

    Args:
        folder: The folder, which need not exist.
        doing: What another process that holds the lock is doing, for the message ("training this model").
        wait: The seconds to wait for a process that holds it.

    Raises:
        BusyError: If another process holds the lock.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(str(_name_lock(folder)), timeout=wait)
    try:
        lock.acquire()
    except Timeout:
        raise BusyError(
            f"another process is {doing} in {folder}; wait until it is done, or choose another --workspace"
        ) from None
    try:
        yield
    finally:
        lock.release()


def is_locked(folder: Path) -> bool:
    """Whether a process holds the lock of a folder. Whoever looks holds it for a moment."""
    path = _name_lock(folder)
    try:
        if path.exists():
            with FileLock(str(path), timeout=0):
                return False
    except Timeout:
        return True
    except OSError:  # a workspace that may only be read
        return False
    return False


def _name_lock(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.lock")


DELETED = ".deleted-"
"""A part of the name of a folder whose deletion has begun."""


def delete_folder(folder: Path) -> None:
    """Delete a folder, which is hidden under another name first, so that it is never there in part; nothing where there is none.

    Raises:
        OSError: If it cannot be deleted.
    """
    aside = folder.with_name(f".{folder.name.lstrip('.')}{DELETED}{secrets.token_hex(4)}")
    with suppress(FileNotFoundError):
        os.replace(folder, aside)
        shutil.rmtree(aside)


_RANKS = ("RANK", "NODE_RANK", "LOCAL_RANK")
"""The variables by which torchrun and Lightning number the processes of a training over all machines, the machines, and the processes of each."""


@contextmanager
def build_folder(folder: Path, doing: str) -> Iterator[Path]:
    """Yield a folder `<folder>.partial` to build in under a lock, and rename it to `folder` afterwards.

    After an error or a kill it stays, so that the next try goes on from what is in it.

    Args:
        folder: The folder that is to appear.
        doing: As `lock_folder` takes it.

    Yields:
        The folder to build in; `folder` itself where another process finished it while this one waited to start.

    Raises:
        BusyError: If another process builds it.
    """
    partial = folder.with_name(folder.name + ".partial")
    if any(
        int(os.environ.get(rank) or 0) > 0 for rank in _RANKS
    ):  # a further process of a training: the first holds the lock
        yield partial
        return
    with lock_folder(folder, doing):
        if folder.exists():
            yield folder
            return
        make_partial(partial)
        yield partial
        finish_folder(partial, folder)


def finish_folder(partial: Path, folder: Path) -> None:
    """Give a folder that is complete its name, when all of it is on the disk; what has that name goes."""
    sync_folder(partial, files=True)
    delete_folder(folder)
    os.replace(partial, folder)
    sync_folder(folder.parent)


def make_partial(partial: Path) -> None:
    """Make the folder of unfinished work, or go on with the one that is there.

    Raises:
        DataError: If something else than a folder has its name.
    """
    if partial.is_symlink() or (partial.exists() and not partial.is_dir()):
        raise DataError(
            f"{partial} is no folder, but unfinished work belongs there; move it away, and run the same again"
        )
    partial.mkdir(parents=True, exist_ok=True)


def set_aside(folder: Path) -> Path:
    """Rename a damaged folder, or what has its place, so that its files are kept; returns its new name."""
    aside = folder.with_name(f"{folder.name}.damaged-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}")
    os.replace(folder, aside)
    return aside


def hash_content(*parts: Any) -> str:
    """Hash plain data (64 hex digits): equal data gives an equal hash."""
    text = json.dumps(to_plain(parts), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def read_time(manifest: Mapping[str, Any]) -> float | None:
    """Read from a manifest when its folder was finished, in seconds since 1970; None where it does not tell."""
    card = manifest.get("card")
    told = (
        manifest.get("finished") or manifest.get("created") or (card.get("created") if isinstance(card, dict) else "")
    )
    try:
        return datetime.fromisoformat(str(told)).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def find_time(folder: Path) -> tuple[float, float]:
    """Find when a finished folder was finished, to sort by: as its manifest tells, which a copy does not change, then by its file."""
    path = folder / MANIFEST
    changed = path.stat().st_mtime_ns
    told = _find_told_time(path, changed)
    return (changed / 1e9 if told is None else told, changed / 1e9)


@lru_cache(maxsize=10_000)
def _find_told_time(path: Path, changed: int) -> float | None:
    """Read the time of a manifest that was changed last at the given one; None where it is damaged."""
    try:
        manifest = read_json(path)
    except (OSError, ValueError):
        return None
    return read_time(manifest) if isinstance(manifest, dict) else None


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Write the manifest of a folder, the last of its files, with the size and SHA-256 of all others.

    Args:
        folder: The folder of a dataset, model or run, in which all is written.
        manifest: What it holds.

    Returns:
        The manifest with the keys `contents` and `seal`.
    """
    sync_folder(folder, files=True)
    whole: dict[str, Any] = to_plain({**manifest, CONTENTS: describe_contents(folder)})
    whole[SEAL] = _hash_all_but_seal(whole)
    write_json(folder / MANIFEST, whole)
    return whole


def read_manifest(folder: Path, kind: str) -> dict[str, Any]:
    """Read the manifest of a finished folder.

    Args:
        folder: A dataset, model or run.
        kind: Its kind, as the manifest gives it ("chem-vae run").

    Raises:
        DataError: If there is none, or if it is damaged, of another kind or of a newer format.
        UserError: If it may not be read.
    """
    path = folder / MANIFEST
    try:
        if path.is_symlink():
            raise DataError(
                f"{path} is a link, and a file outside of the folder is not read; put the file itself there"
            )
        manifest = read_json(path)
    except FileNotFoundError:
        what = (
            "does not exist"
            if not folder.exists()
            else "has no manifest.json: it is not whole, or another kind of folder"
        )
        raise DataError(f"{folder} {what}") from None
    except NotADirectoryError:
        raise DataError(f"{folder} is a file, not the folder of a {kind.removeprefix('chem-vae ')}") from None
    except PermissionError:
        raise UserError(f"no permission to read {path}; change its permissions") from None
    except OSError as error:
        raise DataError(f"{path} is damaged: {error.strerror or error}") from None
    except ValueError as error:
        raise DataError(f"{path} is damaged: {error}") from None
    if not isinstance(manifest, dict) or manifest.get("format") != kind:
        found = manifest.get("format") if isinstance(manifest, dict) else type(manifest).__name__
        raise DataError(f"{folder} is a {str(found)[:80]!r}, not a {kind!r}")
    if manifest.get("format_version") != 1:
        raise DataError(
            f"{folder} is in format {str(manifest.get('format_version'))[:80]} and this version reads format 1; make it again, or "
            "use the version that wrote it"
        )
    if SEAL in manifest and manifest[SEAL] != _hash_all_but_seal(manifest):
        raise DataError(f"{path} is damaged: it was changed after it was written")
    return manifest


def read_any_manifest(folder: Path) -> dict[str, Any]:
    """Read the manifest of a finished dataset, model or run.

    Raises:
        DataError: If there is none, or if it is damaged or of a newer format.
        UserError: If it may not be read.
    """
    try:
        found = read_json(folder / MANIFEST)
        kind = str(found.get("format")) if isinstance(found, dict) else ""
    except (OSError, ValueError):
        kind = ""
    return read_manifest(folder, kind if kind in KINDS.values() else KINDS.get(folder.parent.name, "chem-vae run"))


def _hash_all_but_seal(manifest: Mapping[str, Any]) -> str:
    """Hash a manifest of plain JSON types."""
    text = json.dumps(
        {key: value for key, value in manifest.items() if key != SEAL}, sort_keys=True, separators=(",", ":")
    )
    return hashlib.sha256(text.encode()).hexdigest()
