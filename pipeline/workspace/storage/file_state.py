"""Tells whether a file was changed or replaced while it was read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from chem_vae.errors import DataError


class FileChangedError(DataError):
    """A file was changed while it was read; another try finds it whole."""


@dataclass(frozen=True)
class FileState:
    """What changes with a file's content: its size in bytes, the time of its last change, and which file it is."""

    size: int
    modified: int
    inode: int

    @classmethod
    def read(cls, path: Path) -> FileState:
        """Read the state of a file."""
        found = path.stat()
        return cls(found.st_size, found.st_mtime_ns, found.st_ino)

    def check(self, path: Path) -> None:
        """Check that a file is still in this state.

        Raises:
            FileChangedError: It was changed, replaced or deleted.
        """
        try:
            is_same = FileState.read(path) == self
        except OSError:
            is_same = False
        if not is_same:
            raise FileChangedError(
                f"{path.name} was changed or replaced while it was read, so nothing of it was kept; run again when it is whole"
            )
