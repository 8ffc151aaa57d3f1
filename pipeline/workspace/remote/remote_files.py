"""Fetches the files of a storage into a folder; a file that did not change since the last time is not fetched again."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chem_vae.atomic_files import read_json, write_json, write_whole
from chem_vae.errors import DataError
from chem_vae.progress import Progress
from pipeline.workspace.remote.outages import NoAnswerError, UnreachableError
from pipeline.workspace.remote.remote_storage import RemotePlace, explain_errors, open_place

LIST = ".files.json"
"""The ending of the name of a list of files that are read as one."""
_PATTERN = re.compile(r"[*?\[]")
_CONTENT = ("ETag", "etag", "generation", "md5Hash", "checksum")
_CHANGED = ("LastModified", "last_modified", "updated", "mtime", "modified", "created")
_UNSAFE = re.compile(r"[^A-Za-z0-9._+@=,-]+")


def fetch_source(address: str, path: Path, progress: Progress) -> None:
    """Fetch the file of an address, or all files that its pattern fits, with a list of them.

    Args:
        address: The address, with its secrets; of a pattern (s3://bucket/night/*.csv) the files are taken in the order of their names.
        path: The file that is to appear, or to be replaced. For a pattern it is a list of the files, which lie beside it.
        progress: Told of the files done.

    Raises:
        UnreachableError: If there is no such file, or if it may not be read.
        DataError: If it is a folder.
        NoAnswerError: If the storage does not answer.
        OSError: If the file cannot be kept.
    """
    place = open_place(address)
    files = _list_files(place)
    if not path.name.endswith(LIST):
        fetch_file(place, files[0], path)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    common = os.path.commonpath([str(info["name"]).rpartition("/")[0] for info in files])
    entries: list[dict[str, str]] = []
    for done, info in enumerate(files):
        progress("download", done, len(files))
        name = str(info["name"]).removeprefix(common).lstrip("/")
        kept = _UNSAFE.sub("-", name)
        if kept.startswith(".") or any(entry["file"] == kept for entry in entries):
            kept = f"{done}-{kept}"
        sha256 = fetch_file(RemotePlace(place.address, place.storage, str(info["name"])), info, path.with_name(kept))
        entries.append({"name": name, "file": kept, "sha256": sha256})
    write_json(path, {"files": entries})
    there = {path.name, *(entry["file"] for entry in entries)}
    for old in path.parent.iterdir():  # no longer in the storage
        if old.name not in there and not old.name.startswith("."):
            old.unlink(missing_ok=True)
            _name_mark(old).unlink(missing_ok=True)


def check_there(address: str) -> None:
    """Check that there is a file at an address, or one that its pattern fits, and that it may be listed.

    Raises:
        UnreachableError: If there is no such file, or if it may not be read.
        NoAnswerError: If the storage does not answer.
    """
    _list_files(open_place(address))


def _list_files(place: RemotePlace) -> list[Mapping[str, Any]]:
    """Return what a storage says of the file at a place, or of all files that its pattern fits."""
    with explain_errors(place.address):
        if has_pattern(place.path) and not place.storage.isfile(place.path):
            found = place.storage.glob(place.path, detail=True)
            files = [info for _, info in sorted(found.items()) if info.get("type") != "directory"]
            if not files:
                raise UnreachableError(f"no file fits {place.address}")
            return files
        info = place.storage.info(place.path)
    if info.get("type") == "directory":
        example = f"{place.address.rstrip('/')}/*.csv"
        raise DataError(f"{place.address} is a folder; say which of its files are read, as in {example}")
    return [info]


def has_pattern(address: str) -> bool:
    """Tell whether an address may stand for several files."""
    return _PATTERN.search(address) is not None


def fetch_file(place: RemotePlace, info: Mapping[str, Any], path: Path) -> str:
    """Fetch one file, unless the one that is there came from the same content.

    Args:
        place: The file in its storage.
        info: What the storage says of the file.
        path: The file that is to appear, or to be replaced.

    Returns:
        Its SHA-256.

    Raises:
        UnreachableError: If it is no longer there, or may not be read.
        NoAnswerError: If the storage does not answer, or if the file is not whole.
        OSError: If the file cannot be kept.
    """
    origin, mark = _describe_origin(info), _name_mark(path)
    with suppress(OSError, ValueError):
        kept = read_json(mark)
        if origin and kept["origin"] == origin and kept["sha256"] == _hash(path):
            os.utime(path)  # when it was known to be the newest
            return str(kept["sha256"])
    path.parent.mkdir(parents=True, exist_ok=True)
    with write_whole(path) as partial:
        with explain_errors(place.address):
            place.storage.get_file(place.path, str(partial))
        size = partial.stat().st_size
        if info.get("size") is not None and size != info["size"]:
            raise NoAnswerError(
                f"{place.address} is not whole: {size:,} of {info['size']:,} bytes came; run the same again"
            )
        sha256 = _hash(partial)
    write_json(mark, {"origin": origin, "sha256": sha256})
    return sha256


def _describe_origin(info: Mapping[str, Any]) -> dict[str, Any]:
    """Return what tells one content of a file from another; {} where a storage says too little."""
    found = {name: info[name] for name in (*_CONTENT, *_CHANGED) if info.get(name) is not None}
    if not found:
        return {}
    times = {name: _write_time(value) for name, value in found.items()}
    return {**times, "size": info.get("size")}


def _write_time(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value if isinstance(value, int | float | str) else str(value)


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _name_mark(path: Path) -> Path:
    return path.with_name(f".{path.name}.origin.json")
