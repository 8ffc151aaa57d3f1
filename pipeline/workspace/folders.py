"""Folders that appear whole: built beside their place under a lock, and renamed when they are done."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from chem_vae.atomic_files import to_plain
from chem_vae.errors import BusyError, DataError


@contextmanager
def build_folder(folder: Path, doing: str) -> Iterator[Path]:
    """Yield `<folder>.partial` to build in, alone; afterwards it becomes `folder`. After an error or a kill it stays,
    so that the next try goes on from what is in it.

    doing: what the other process would be at, for BusyError's message ("training this model").
    """
    partial = folder.with_name(folder.name + ".partial")
    if int(os.environ.get("LOCAL_RANK", "0")) > 0:  # Lightning's process for a further device: the first holds the lock
        yield partial
        return
    with lock_folder(folder, doing):
        if folder.exists():  # finished by another process while we waited to start
            yield folder
            return
        partial.mkdir(parents=True, exist_ok=True)
        yield partial
        os.replace(partial, folder)


@contextmanager
def lock_folder(folder: Path, doing: str) -> Iterator[None]:
    """Hold `<folder>.lock`. Raises BusyError at once where another process holds it."""
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


def hash_content(*parts: Any) -> str:
    """A hash (64 hex digits) of plain data: equal data, equal key."""
    text = json.dumps(to_plain(parts), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def read_manifest(folder: Path, kind: str) -> dict[str, Any]:
    """The manifest.json of a finished folder of that kind ("chem-vae run"). Raises DataError."""
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


def copy_folder(source: Path, target: Path) -> None:
    """Copy a folder so that it appears whole."""
    partial = target.with_name(target.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(source, partial)
    os.replace(partial, target)
