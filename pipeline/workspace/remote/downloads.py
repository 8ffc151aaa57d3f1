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
from pipeline.workspace.remote.outages import NoAnswerError, describe_outage, note_outage
from pipeline.workspace.remote.redaction import redact, redact_error
from pipeline.workspace.remote.remote_files import LIST, fetch_source, has_pattern
from pipeline.workspace.remote.wheels import find_reason
from pipeline.workspace.storage.cache_folder import find_cache_folder

_ADDRESS = re.compile(r"^[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_WEB = re.compile(r"^(https?|ftp)://", re.IGNORECASE)
_WAITS = (1.0, 4.0)
"""Seconds between the tries to reach a server, before the copy of the last time is taken."""


def is_address(source: str) -> bool:
    """Tell whether a source is the address of a file on a server or in a storage (s3://bucket/file.csv)."""
    return _ADDRESS.match(source) is not None


def is_web_address(address: str) -> bool:
    """Tell whether an address is that of a web or FTP server, not of a storage that fsspec opens."""
    return _WEB.match(address) is not None


def find_address(source: str) -> str | None:
    """Return the address that a source is fetched from; None for a local file.

    A pattern that fits local files (night/*.csv) is fetched like one of a storage.
    """
    if is_address(source):
        return source
    if has_pattern(source) and not os.path.lexists(path := Path(source).expanduser().absolute()):
        return f"file://{path}"
    return None


def name_file(address: str) -> str:
    """Return the name of the file that an address leads to, without its server, user and query.

    >>> name_file("s3://bucket/night/*.csv.gz")
    'night.csv.gz'

    Raises:
        UserError: If the address cannot be read.
    """
    if not is_web_address(address):
        return _name_files(address)
    try:
        return unquote(urlsplit(address).path).rstrip("/").rsplit("/", 1)[-1]
    except ValueError:
        raise UserError(f"{redact(address)} is no address that can be read") from None


def _name_files(address: str) -> str:
    """Return the name of a file in a storage; of several, the part of it that they share with the ending, or their folder's."""
    parts = address.partition("://")[2].rstrip("/").split("/")
    if not has_pattern(parts[-1]):
        return parts[-1]
    start, end = re.split(r"[*?\[]", parts[-1])[0], re.split(r"[*?\]]", parts[-1])[-1]
    folder = next((part for part in reversed(parts[:-1]) if not has_pattern(part)), "files")
    return (start.strip("-_. ") or folder) + (end if end.startswith(".") else "")


def name_download(address: str) -> Path:
    """Name the file of the cache that holds the download of an address; for a pattern, a list in a folder of its own."""
    clean = re.sub(r"[^A-Za-z0-9._-]+", "-", name_file(address))[-80:]
    path = find_cache_folder() / "downloads" / f"{hashlib.sha256(address.encode()).hexdigest()[:8]}-{clean or 'file'}"
    return path / f"{clean or 'file'}{LIST}" if has_pattern(address) and not is_web_address(address) else path


def download(address: str, sha256: str | None, progress: Progress, *, keep: bool = False) -> Path:
    """Download a file, or the files that a pattern of a storage fits.

    Args:
        address: The address, with its secrets.
        sha256: The expected SHA-256; a download that has it is not fetched again. Without it, a web server's file is fetched anew
            each time, and that of a storage where the storage says that it changed.
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
    if known is not None and is_web_address(address):
        _retrieve(address, path, known)
    elif known is None or not _has_hash(path, known):
        kept = keep and path.is_file()
        for wait in (*(_WAITS if kept else ()), None):
            try:
                _fetch_anew(address, path, progress)
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


def _has_hash(path: Path, known: str) -> bool:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == known
    except OSError:
        return False


def _fetch_anew(address: str, path: Path, progress: Progress) -> None:
    """Fetch what an address holds now, so that it appears whole."""
    if is_web_address(address):
        fresh = path.with_name(f"{path.name}.partial")
        fresh.unlink(missing_ok=True)
        _retrieve(address, fresh, None)
        os.replace(fresh, path)
        return
    try:
        fetch_source(address, path, progress)
    except OSError as error:
        raise _explain_full_cache(redact(address), path, error) from None


def _explain_full_cache(shown: str, path: Path, error: OSError) -> ChemVAEError:
    why = error.strerror or str(error)
    return ChemVAEError(f"cannot keep the file of {shown} in {path.parent}: {why}; CHEM_VAE_CACHE names another folder")


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
            raise _explain_full_cache(shown, path, error) from None
        raise NoAnswerError(
            f"cannot download {shown}: {redact(find_reason(str(error)))}; check the network, or pass a local file"
        ) from None  # the address stands in what requests raised
