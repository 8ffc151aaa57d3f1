"""Downloads the file of an address, and goes on with the copy of the last time where the server does not answer."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import time
import warnings
from pathlib import Path
from urllib.parse import unquote, urlsplit

from chem_vae.errors import ChemVAEError, ChemVAEWarning, DataError, UserError
from chem_vae.progress import Progress
from pipeline.workspace.outages import describe_outage, note_outage
from pipeline.workspace.redaction import redact, redact_error
from pipeline.workspace.wheels import find_reason

_ADDRESS = re.compile(r"^(https?|ftp)://", re.IGNORECASE)
_WAITS = (1.0, 4.0)
"""Seconds between the tries to reach a server, before the copy of the last time is taken."""


def is_address(source: str) -> bool:
    """Tell whether a source is the address of a file on a server."""
    return _ADDRESS.match(source) is not None


def find_cache_folder() -> Path:
    """Find the folder of downloads: that of the variable CHEM_VAE_CACHE, or the user's cache folder. It is not created."""
    if told := os.environ.get("CHEM_VAE_CACHE"):
        return Path(told).expanduser()
    import platformdirs  # here: loads platformdirs

    return Path(platformdirs.user_cache_dir("chem-vae", appauthor=False))


def name_file(address: str) -> str:
    """Return the name of the file that an address leads to, without its server, user and query.

    Raises:
        UserError: If the address cannot be read.
    """
    try:
        return unquote(urlsplit(address).path).rstrip("/").rsplit("/", 1)[-1]
    except ValueError:
        raise UserError(f"{redact(address)} is no address that can be read") from None


def name_download(address: str) -> Path:
    """Name the file of the cache that holds the download of an address."""
    clean = re.sub(r"[^A-Za-z0-9._-]+", "-", name_file(address))[-80:]
    return find_cache_folder() / "downloads" / f"{hashlib.sha256(address.encode()).hexdigest()[:8]}-{clean or 'file'}"


def download(address: str, sha256: str | None, progress: Progress, *, keep: bool = False) -> Path:
    """Download a file; without a checksum nothing tells whether the address still holds the same, and it is fetched anew.

    Args:
        address: The address, with its secrets.
        sha256: The expected SHA-256; a download that has it is not fetched again.
        progress: Is told when it begins and ends.
        keep: Take the copy of the last time, with a warning, where the server does not answer.

    Returns:
        The file, which appears whole.

    Raises:
        DataError: If the checksum differs.
        ChemVAEError: If it cannot be downloaded or kept.
    """
    path = name_download(address)
    known = sha256.lower().removeprefix("sha256:") if sha256 else None
    progress("download", 0, 1)
    if known is not None:
        _retrieve(address, path, known)
    else:
        fresh = path.with_name(f"{path.name}.partial")
        fresh.unlink(missing_ok=True)
        kept = keep and path.is_file()
        for wait in (*(_WAITS if kept else ()), None):
            try:
                _retrieve(address, fresh, None)
                os.replace(fresh, path)
                note_outage(path, None)
                break
            except ChemVAEError as error:
                if wait is not None:
                    time.sleep(wait)
                    continue
                if not kept:
                    raise
                note_outage(path, str(error))
                told = describe_outage(str(error), path.stat().st_mtime, "the copy")
                warnings.warn(told, ChemVAEWarning, stacklevel=2)
    progress("download", 1, 1)
    return path


def _retrieve(address: str, path: Path, known: str | None) -> None:
    """Download a file once; pooch renames it when it is whole and its hash is right."""
    import pooch  # here: loads pooch

    pooch.get_logger().setLevel("ERROR")  # at lower levels it writes the whole address
    try:
        pooch.retrieve(address, known_hash=f"sha256:{known}" if known else None, fname=path.name, path=path.parent)
    except Exception as error:  # requests, urllib3 and OSError, as the address may have it
        shown = redact(address)
        redact_error(error)
        if type(error) is ValueError and known:  # pooch: the hash differs
            raise DataError(
                f"the file at {shown} does not have the SHA-256 {known}; check the address and the checksum"
            ) from None
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
            raise ChemVAEError(
                f"cannot keep the file of {shown} in {path.parent}: {error.strerror}; CHEM_VAE_CACHE names another folder"
            ) from None
        raise ChemVAEError(
            f"cannot download {shown}: {redact(find_reason(str(error)))}; check the network, or pass a local file"
        ) from None  # the address stands in what requests raised
