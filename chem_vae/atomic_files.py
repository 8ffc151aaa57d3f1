"""Write files that appear whole, and JSON that any program reads (without NaN and infinity)."""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any


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
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".partial")
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.chmod(0o644)  # mkstemp's files are the owner's alone
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> Path:
    """Write a text file in UTF-8 so that it appears whole; see `write_whole`."""
    return write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, data: bytes) -> Path:
    """Write bytes to a file that appears whole; see `write_whole`."""
    with write_whole(path) as partial:
        partial.write_bytes(data)
    return path


def write_json(path: Path, data: Any) -> Path:
    """Write data as strict JSON, as `format_json` gives it, to a file that appears whole."""
    return write_text(path, format_json(data))


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
