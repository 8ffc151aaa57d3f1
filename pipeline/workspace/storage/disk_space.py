"""Finds out before the work whether a folder can be written to and whether its disk has room."""

from __future__ import annotations

import errno
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chem_vae.errors import ChemVAEError, UserError

FULL = (errno.ENOSPC, errno.EDQUOT)


def check_writable(folder: Path, needed: int = 0, work: str = "the work", option: str = "--workspace") -> None:
    """Check that files can be written into a folder, which need not exist yet.

    Args:
        folder: The folder.
        needed: The bytes that the work will take, as well as can be estimated.
        work: What takes them, for the message ("the training").
        option: The option that names another folder.

    Raises:
        UserError: If it is a file, if it may not be written to, or if the disk has not enough room.
    """
    refuse_remote(folder)
    there = next(
        place for place in (folder.absolute(), *folder.absolute().parents) if place.exists() or place.is_symlink()
    )
    if not there.is_dir():
        raise UserError(
            f"{there} is {'a broken link' if there.is_symlink() else 'a file'}, not a folder; give another {option}"
        )
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        if error.errno not in FULL:
            reason = (error.strerror or str(error)).lower()
            raise UserError(
                f"cannot write into {there}: {reason}; choose another folder with {option}, or change its permissions"
            ) from None
        needed = max(needed, 1)
    try:
        free = shutil.disk_usage(there).free
    except OSError:  # a file system that does not tell
        return
    if free < needed:
        raise UserError(
            f"{work} needs about {format_size(needed)}, and the disk of {there} has {format_size(free)} left; free some space, "
            f"or choose another disk with {option}"
        )


def refuse_remote(workspace: Path) -> None:
    """Refuse the address of a storage where a folder of this machine is needed.

    Raises:
        UserError: If it is one.
    """
    if found := re.match(r"^([A-Za-z][A-Za-z0-9+.-]+):/+(.*)", str(workspace)):
        raise UserError(
            f"the workspace {found[1]}://{found[2]} is in a storage, which has no locks: keep the workspace on a disk, and copy what is finished "
            f"to the storage with --publish {found[1]}://{found[2]}; a group shares its candidates with --library postgresql://..."
        )


@contextmanager
def explain_full_disk(workspace: Path) -> Iterator[None]:
    """Turn the error of a disk that is full in the middle of the work into a sentence; what is written stays.

    Raises:
        ChemVAEError: If the disk is full.
    """
    try:
        yield
    except OSError as error:
        if isinstance(error, ChemVAEError) or error.errno not in FULL:
            raise
        raise ChemVAEError(
            f"the disk of {workspace} is full; free some space and run again, it goes on where it stopped"
        ) from error


def measure_folder(folder: Path) -> int:
    """Return the bytes of all files of a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def format_size(size: int) -> str:
    """Write a number of bytes for a person.

    >>> format_size(2_340_000)
    '2.3 MB'
    """
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            break
        size /= 1000  # type: ignore[assignment]
    return f"{size:,.0f} {unit}" if unit == "bytes" or size >= 100 else f"{size:.1f} {unit}"
