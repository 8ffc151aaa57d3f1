"""Records the size and SHA-256 of every file of a folder, and checks them when the folder is opened."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any

from chem_vae.atomic_files import read_json, write_json
from chem_vae.errors import DataError, UserError
from pipeline.workspace.registry import hash_file
from pipeline.workspace.storage.cache_folder import find_cache_folder

MANIFEST = "manifest.json"
"""The file of a finished folder that is written last."""
CONTENTS = "contents"
"""The key of a manifest with {path: {size, sha256}}; missing in manifests that versions before 0.3 wrote."""
_MOST_NESTED = 8
_MOST_KEPT = 500  # folders of which the cache remembers the hashes
_SETTLED = 50_000_000  # nanoseconds: a file that changed so shortly before may change again without another time stamp


def describe_contents(folder: Path) -> dict[str, dict[str, Any]]:
    """List the size in bytes and the SHA-256 of every file of a folder, by its path in it.

    The manifest, which holds the list, is left out; so are hidden and unfinished files.
    """
    return {
        name: {"size": stat.st_size, "sha256": hash_file(folder / name)}
        for name, stat in sorted(scan_folder(folder).items())
        if name != MANIFEST and not name.endswith(".partial")
    }


def check_contents(folder: Path, manifest: Mapping[str, Any], *, use_cache: bool = True) -> int:
    """Check the files of a folder against its manifest: sizes always, each content once.

    Hashes that were found right are remembered in the user's cache with the size and the time stamps of the file; a file whose
    time stamps changed since is hashed again.

    Args:
        folder: The folder of a dataset, model or run.
        manifest: Its manifest. One without `contents`, of an earlier version, tells nothing of the files.
        use_cache: False hashes every file.

    Returns:
        The number of files whose content was compared; 0 for a manifest of an earlier version.

    Raises:
        DataError: If a file is missing, of another size or content, or if the folder holds a link or the like.
        UserError: If a file may not be read.
    """
    there = scan_folder(folder)
    if CONTENTS not in manifest:
        return 0
    listed = read_contents(folder, manifest[CONTENTS])
    for name, (size, _) in listed.items():
        if name not in there:
            what = "is a folder" if (folder / name).is_dir() else "is missing"
            raise DataError(f"{folder} is damaged: {name} {what}")
        if there[name].st_size != size:
            raise DataError(f"{folder} is damaged: {name} has {there[name].st_size:,} bytes instead of {size:,}")
    known = _Remembered(folder)
    for name, (_, expected) in listed.items():
        if use_cache and known.get(name, there[name]) == expected:
            continue
        started = time.time_ns()
        if (found := hash_file(folder / name)) != expected:
            raise DataError(f"{folder} is damaged: {name} has another content than when it was written")
        known.add(name, there[name], found, started)
    known.save()
    return len(listed)


def scan_folder(folder: Path) -> dict[str, os.stat_result]:
    """List the files of a folder and of the folders in it, by their path in it with forward slashes; without hidden ones.

    Raises:
        DataError: If it holds a link, a pipe or the like, by which a file outside of the folder would be read.
        UserError: If it may not be listed.
    """
    found: dict[str, os.stat_result] = {}
    pending = [(folder, PurePosixPath(), 0)]
    while pending:
        place, inside, depth = pending.pop()
        try:
            entries = list(os.scandir(place))
        except PermissionError:
            raise UserError(f"no permission to list {place}; change its permissions") from None
        except OSError as error:
            raise DataError(f"cannot list {place}: {error.strerror or error}") from None
        for entry in entries:
            name = inside / entry.name
            if entry.name.startswith("."):
                continue
            if entry.is_symlink():
                raise DataError(
                    f"{folder} holds the link {name}: a file outside of the folder is not read; put the file itself in its "
                    "place (cp -rL copies a folder so)"
                )
            if entry.is_dir(follow_symlinks=False):
                if depth >= _MOST_NESTED:
                    raise DataError(f"{folder} is nested too deep: {name}")
                pending.append((place / entry.name, name, depth + 1))
            elif entry.is_file(follow_symlinks=False):
                found[str(name)] = entry.stat(follow_symlinks=False)
            else:
                raise DataError(f"{folder} holds {name}, which is neither a file nor a folder; remove it")
    return found


def is_plain_name(name: Any) -> bool:
    """Tell whether a text is the name of a file or folder alone, without a way to another place."""
    return isinstance(name, str) and name not in ("", ".", "..") and not set(name) & set('/\\:*?[]\0"<>|')


def is_inner_path(name: Any) -> bool:
    """Tell whether a text is the path of a file within a folder: with forward slashes, and not up or absolute."""
    return isinstance(name, str) and all(is_plain_name(part) for part in name.split("/"))


def read_contents(folder: Path, contents: Any) -> dict[str, tuple[int, str]]:
    """Check the list of a manifest, which may come from a stranger, and return {path: (size, sha256)}.

    Raises:
        DataError: If it names a file outside of the folder, or is damaged otherwise.
    """
    if not isinstance(contents, dict):
        raise DataError(f"{folder} is damaged: its manifest does not list its files")
    listed = {}
    for name, entry in contents.items():
        size, sha256 = (entry.get("size"), entry.get("sha256")) if isinstance(entry, dict) else (None, None)
        if not is_inner_path(name) or type(size) is not int or not isinstance(sha256, str):
            raise DataError(f"{folder} is damaged: its manifest lists the file {str(name)[:80]!r} in a wrong way")
        listed[name] = (size, sha256)
    return listed


class _Remembered:
    """The hashes of the files of one folder that were found right before, kept in the user's cache folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder.resolve())
        self.path = find_cache_folder() / "verified" / f"{hashlib.sha256(self.folder.encode()).hexdigest()[:32]}.json"
        self.changed = False
        self.files: dict[str, Any] = {}
        with suppress(OSError, ValueError):
            kept = read_json(self.path)
            if isinstance(kept, dict) and kept.get("folder") == self.folder and isinstance(kept.get("files"), dict):
                self.files = kept["files"]

    def get(self, name: str, stat: os.stat_result) -> str | None:
        """Return the hash of a file that did not change since."""
        kept = self.files.get(name)
        if isinstance(kept, list) and len(kept) == 5 and kept[:4] == _mark(stat):
            return str(kept[4])
        return None

    def add(self, name: str, stat: os.stat_result, sha256: str, now: int) -> None:
        """Remember a hash, unless the file is so new that it may change within the same tick of the clock."""
        self.changed = True
        if max(stat.st_mtime_ns, stat.st_ctime_ns) < now - _SETTLED:
            self.files[name] = [*_mark(stat), sha256]
        else:
            self.files.pop(name, None)

    def save(self) -> None:
        """Write what is new; a cache that cannot be written only costs time."""
        if not self.changed:
            return
        with suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_json(self.path, {"folder": self.folder, "files": self.files})
            kept = sorted(self.path.parent.glob("*.json"), key=lambda p: p.stat().st_mtime)
            for old in kept[:-_MOST_KEPT]:
                old.unlink(missing_ok=True)


def _mark(stat: os.stat_result) -> list[int]:
    """Return what changes when a file is written or replaced."""
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]
