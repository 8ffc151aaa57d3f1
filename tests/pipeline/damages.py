"""The ways in which a file of a folder gets damaged."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def flip(path: Path) -> None:
    """Flip one bit in the middle of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def remove(path: Path) -> None:
    path.unlink()


def swap(path: Path) -> None:
    """Put the content of another file in its place."""
    other = next(p for p in sorted(path.parent.iterdir()) if p.is_file() and p.suffix == path.suffix and p != path)
    path.write_bytes(other.read_bytes())


def put_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def link(path: Path) -> None:
    """Put a link to the same content outside of the folder in its place."""
    outside = path.parents[1] / f"outside-{path.name}"
    shutil.move(path, outside)
    path.symlink_to(outside)


def break_json(path: Path) -> None:
    path.write_text(path.read_text()[: len(path.read_text()) // 2])


def deepen(path: Path) -> None:
    path.write_text("[" * 200_000 + "]" * 200_000)


def edit(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    """A damage that changes a file of JSON."""

    def damage(path: Path) -> None:
        data = json.loads(path.read_text())
        change(data)
        path.write_text(json.dumps(data))

    return damage


FILE_DAMAGES = {f.__name__: f for f in (cut, empty, flip, remove, swap, put_folder, link)}


def forget_hashes(folder: Path) -> None:
    """Make a manifest as a version without hashes wrote it."""
    edit(lambda m: [m.pop(key) for key in ("contents", "seal")])(folder / "manifest.json")
