"""Builds folders that appear whole, locks them, and reads the manifest of a finished one."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from chem_vae.atomic_files import to_plain
from chem_vae.errors import BusyError, DataError


@contextmanager
def lock_folder(folder: Path, doing: str) -> Iterator[None]:
    """Hold the lock of a folder, a file beside it, for this process alone.

    Args:
        folder: The folder, which need not exist.
        doing: What another process that holds the lock is doing, for the message ("training this model").

    Raises:
        BusyError: If another process holds the lock.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(str(folder.with_name(f".{folder.name}.lock")), timeout=0)
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
    if int(os.environ.get("LOCAL_RANK", "0")) > 0:  # Lightning's process for a further device: the first holds the lock
        yield partial
        return
    with lock_folder(folder, doing):
        if folder.exists():
            yield folder
            return
        partial.mkdir(parents=True, exist_ok=True)
        yield partial
        os.replace(partial, folder)


def hash_content(*parts: Any) -> str:
    """Hash plain data (64 hex digits): equal data gives an equal hash."""
    text = json.dumps(to_plain(parts), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def read_manifest(folder: Path, kind: str) -> dict[str, Any]:
    """Read the manifest of a finished folder.

    Args:
        folder: A dataset, model or run.
        kind: Its kind, as the manifest gives it ("chem-vae run").

    Raises:
        DataError: If there is none, or if it is damaged, of another kind or of a newer format.
    """
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        what = (
            "does not exist"
            if not folder.exists()
            else "has no manifest.json: it is not whole, or another kind of folder"
        )
        raise DataError(f"{folder} {what}") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{folder}/manifest.json is damaged: {error}") from None
    if not isinstance(manifest, dict) or manifest.get("format") != kind:
        found = manifest.get("format") if isinstance(manifest, dict) else type(manifest).__name__
        raise DataError(f"{folder} is a {found!r}, not a {kind!r}")
    if manifest.get("format_version") != 1:
        raise DataError(
            f"{folder} is in format {manifest.get('format_version')} and this version reads format 1; make it again, or "
            "use the version that wrote it"
        )
    return manifest
