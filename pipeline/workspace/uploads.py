"""Keeps the files that a person gives to the app in the workspace, under names that are safe."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import unicodedata
from datetime import UTC, datetime
from pathlib import Path

from chem_vae.errors import DataError
from pipeline.workspace.storage.disk_space import check_writable

UPLOADS = "uploads"
"""The folder of a workspace with the files that were given to the app."""
MOST_BYTES = 100_000_000
"""The largest file that the app takes."""
_LONGEST_NAME = 100
_BAD = re.compile(r"[^\w.()+ -]+")


def make_safe_name(name: str) -> str:
    r"""Make a file name of whatever a browser sends: letters of any script stay, and no folder is left in it.

    >>> make_safe_name("../../etc/<img onerror=x>.csv")
    'img onerror_x_.csv'
    >>> make_safe_name("Löslichkeit 测试.xlsx")
    'Löslichkeit 测试.xlsx'
    """
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    cleaned = _BAD.sub("_", last).strip(" ._-") or "file"
    stem, dot, ending = cleaned.rpartition(".")
    if not dot:
        return cleaned[:_LONGEST_NAME]
    while len(f"{stem}.{ending}".encode()) > _LONGEST_NAME and stem:
        stem = stem[:-1]
    return f"{stem.strip(' .') or 'file'}.{ending}"


def make_upload(workspace: Path, name: str) -> Path:
    """Make the folder of an upload, and return the path that its file is to get.

    Raises:
        UserError: The workspace cannot be written to.
    """
    check_writable(workspace)
    folder = workspace.resolve() / UPLOADS / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    folder.mkdir(parents=True)
    return folder / make_safe_name(name)


def keep_upload(partial: Path, path: Path) -> Path:
    """Give a file that has arrived whole its name."""
    os.replace(partial, path)
    return path


def drop_upload(path: Path) -> None:
    """Delete the folder of an upload that is of no use."""
    shutil.rmtree(path.parent, ignore_errors=True)


def find_upload(workspace: Path, upload_id: str) -> Path:
    """Find the file of an upload by its id.

    Raises:
        DataError: There is none.
    """
    folder = workspace.resolve() / UPLOADS / upload_id
    files = (
        [p for p in folder.glob("[!.]*") if p.is_file()]
        if re.fullmatch(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{4}", upload_id)
        else []
    )
    if not files:
        raise DataError(f"there is no uploaded file {upload_id!r} in {workspace}; drop the file once more")
    return files[0]
