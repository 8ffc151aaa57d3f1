"""Shares the files of equal folders by hard links, and measures the disk that folders take together."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.workspace.storage.integrity import scan_folder


def link_or_copy(source: Path, target: Path, twins: Callable[[], Iterable[Path]] = tuple) -> bool:
    """Make a folder with the files of another one: as hard links where the disk can, else as copies.

    A hard link is a second name of the same file. The new folder is whole by itself: it can be moved or copied to another disk,
    and it stays as it is when the source is deleted; until then, the files take their room once.

    Args:
        source: The folder whose files are wanted.
        target: The folder that is to appear; it must not exist.
        twins: Finds other folders with the same content, which are linked to where the source cannot be: it may lie on
            another disk, or belong to another user.

    Returns:
        Whether the files are shared with those of another folder.

    Raises:
        DataError: If the source holds a link or the like.
        OSError: If a file cannot be copied.
    """
    if _link(source, target) or any(_link(twin, target) for twin in twins()):
        return True
    for name in scan_folder(source):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, target / name)
    return False


def _link(source: Path, target: Path) -> bool:
    """Link every file of a folder; a disk that refuses one leaves nothing behind."""
    names = scan_folder(source)
    try:
        for name in names:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            os.link(source / name, target / name)
    except OSError:  # another disk, another owner, too many links, or a file system without links
        shutil.rmtree(target, ignore_errors=True)
        return False
    return True


def link_or_copy_file(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it where the disk has no links; what has that name already is replaced.

    Raises:
        OSError: If neither can be done.
    """
    partial = target.parent / f".{target.name}.{secrets.token_hex(6)}.partial"
    try:
        try:
            os.link(source, partial)
        except OSError:
            shutil.copyfile(source, partial)
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)  # it stays where both were the same file


def _walk(folder: Path) -> Iterator[Path]:
    """Walk over the files of a folder; a file is itself."""
    if folder.is_dir() and not folder.is_symlink():
        for place, _, names in os.walk(folder):
            yield from (Path(place, name) for name in names)
    else:
        yield folder


@dataclass(frozen=True)
class DiskUse:
    """The bytes that folders take on the disk."""

    own: int
    """Freed when the folders are deleted: files that have no further name elsewhere."""
    shared: int
    """Kept when the folders are deleted: files that have a further name outside of them."""

    @property
    def total(self) -> int:
        """All bytes, each file counted once."""
        return self.own + self.shared


def measure_disk(folders: Iterable[Path]) -> DiskUse:
    """Measure the disk that folders (or single files) take together; a file with several names counts once."""
    links: dict[tuple[int, int], list[int]] = {}
    for path in (path for folder in folders for path in _walk(folder)):
        try:
            found = path.lstat()
        except OSError:  # deleted meanwhile
            continue
        entry = links.setdefault((found.st_dev, found.st_ino), [found.st_size, found.st_nlink, 0])
        entry[2] += 1
    own = sum(size for size, names, seen in links.values() if seen >= names)
    return DiskUse(own, sum(size for size, _, _ in links.values()) - own)
