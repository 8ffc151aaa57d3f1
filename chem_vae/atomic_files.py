"""Write files that appear whole, and write and read JSON that any program reads (without NaN and infinity)."""

from __future__ import annotations

import errno
import json
import math
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MOST_JSON_BYTES = 256 * 2**20
"""A larger JSON file is refused before it is read: the largest of ours hold a few megabytes."""
_MAY_OVERFLOW = re.compile(r"[eE]\+?\d{3}|\d{300}")


@contextmanager
def write_whole(path: Path) -> Iterator[Path]:
    """Yield another name in the same folder to write to; afterwards that file is renamed to `path`.

    A reader sees the old file or the new one, never a part, also when the computer stops. After an error the old file is as
    it was, and nothing else is left.

    Args:
        path: The file that is to appear, or to be replaced.

    Yields:
        The path of an empty file. Its name ends in ".partial": say the format where a writer takes it from the name.

    Raises:
        OSError: If the folder cannot be written to.
    """
    partial = path.parent / f".{path.name}.{secrets.token_hex(6)}.partial"
    # Exclusive, so that a link which another user put there is not followed; with the permissions that the user's umask leaves.
    os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        yield partial
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path, *, files: bool = False) -> None:
    """Wait until the entries of a folder are on the disk, so that a power cut loses none of them.

    Args:
        folder: The folder.
        files: Sync all files and folders within it, too: to be called before a folder gets its final name.

    Raises:
        OSError: If the disk is full or fails.
    """
    if files:
        for place, folders, names in os.walk(folder, topdown=False):
            for name in names:
                path = Path(place, name)
                if not path.is_symlink() and path.is_file():
                    with path.open("rb") as file:
                        os.fsync(file.fileno())
            for name in folders:
                sync_folder(Path(place, name))
    if os.name == "nt":  # Windows opens no folder, and keeps its entries by itself
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system without it, as some network folders are
            raise
    finally:
        os.close(handle)


def write_text(path: Path, text: str) -> Path:
    """Write a text file in UTF-8 so that it appears whole; see `write_whole`."""
    return write_bytes(path, text.encode("utf-8"))


def write_parts(path: Path, parts: Iterable[str]) -> Path:
    """Write a text in UTF-8, part by part, to a file that appears whole; see `write_whole`."""
    with write_whole(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        file.writelines(parts)
    return path


def write_bytes(path: Path, data: bytes) -> Path:
    """Write bytes to a file that appears whole; see `write_whole`."""
    with write_whole(path) as partial:
        partial.write_bytes(data)
    return path


def write_json(path: Path, data: Any) -> Path:
    """Write data as strict JSON, as `format_json` gives it, to a file that appears whole."""
    return write_text(path, format_json(data))


def parse_json(text: str | bytes) -> Any:
    """Parse strict JSON that may come from a stranger.

    Raises:
        ValueError: If it is no JSON, holds NaN or an infinity, is nested too deep, or is not UTF-8.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8")
    parse_float = _parse_finite if _MAY_OVERFLOW.search(text) else None  # which is slow
    try:
        return json.loads(text, parse_constant=_refuse_constant, parse_float=parse_float)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def read_json(path: Path) -> Any:
    """Read a file of strict JSON that may come from a stranger.

    Raises:
        ValueError: If it is larger than MOST_JSON_BYTES, or as `parse_json` says.
        OSError: If it cannot be read.
    """
    with path.open("rb") as file:
        data = file.read(MOST_JSON_BYTES + 1)
    if len(data) > MOST_JSON_BYTES:
        raise ValueError(f"it has more than {MOST_JSON_BYTES:,} bytes")
    return parse_json(data)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"it holds {name}, which is no number of JSON")


def _parse_finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"it holds the number {text[:20]}, which is too large")
    return value


def to_plain(value: Any) -> Any:
    """Convert a value to strict JSON types: NaN and infinity become None, and arrays, tensors and sets become lists.

    >>> to_plain({"r2": float("nan"), "of": (1, 2), 3: {"b", "a"}})
    {'r2': None, 'of': [1, 2], '3': ['a', 'b']}
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(k): to_plain(v) for k, v in value.items()}
    if isinstance(value, set | frozenset):
        return [to_plain(v) for v in sorted(value, key=str)]
    if type(value).__name__ in ("NAType", "NaTType"):  # pandas, which this room does not import
        return None
    if hasattr(value, "tolist"):  # numpy, torch, pandas
        return to_plain(value.tolist())
    if isinstance(value, Iterable):
        return [to_plain(v) for v in value]
    return str(value)


def format_json(data: Any) -> str:
    """Format data as strict JSON with a list of numbers on one line, so that a person can read it too."""
    return _dump(to_plain(data), 0) + "\n"


def _dump(value: Any, depth: int) -> str:
    within, after = "\n" + " " * (depth + 1), "\n" + " " * depth
    if isinstance(value, dict) and value:
        return "{" + ",".join(f"{within}{json.dumps(k)}: {_dump(v, depth + 1)}" for k, v in value.items()) + after + "}"
    if isinstance(value, list) and any(isinstance(v, dict) for v in value):
        return "[" + ",".join(within + _dump(v, depth + 1) for v in value) + after + "]"
    return json.dumps(value, allow_nan=False, ensure_ascii=False)
