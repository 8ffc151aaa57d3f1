"""Opens the storage behind an address that fsspec knows (s3://, gs://, abfs://, sftp:// and others), and explains its errors.

Credentials come from the environment alone, as the packages of the storages read them.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from chem_vae.errors import ChemVAEError, UserError, unknown_name
from pipeline.workspace.remote.outages import NoAnswerError, UnreachableError
from pipeline.workspace.remote.redaction import expand_variables, redact, redact_error
from pipeline.workspace.remote.wheels import find_reason
from pipeline.workspace.storage.disk_space import FULL

_SCHEME = re.compile(r"^(?P<scheme>[a-z][a-z0-9+.-]+)://", re.IGNORECASE)
_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs", "abfs": "abfs", "abfss": "abfs", "az": "abfs"}
"""The extras of this package that bring the packages of the usual storages, by the scheme of an address."""
_WITHIN_OTHERS = {"asyncwrapper", "async_wrapper", "asynclocal", "blockcache", "cached", "dask", "data", "dir", "filecache", "generic",
                  "libarchive", "pyscript", "reference", "simplecache", "tar", "zip"}  # fmt: skip
"""Schemes of fsspec that stand for no storage of their own."""
_CREDENTIALS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or AWS_PROFILE)",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS",
    "abfs": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}
_LOCAL = (*FULL, errno.EACCES, errno.EROFS, errno.EISDIR, errno.ENOTDIR)


@dataclass(frozen=True)
class RemotePlace:
    """A file, a folder or a pattern of files in a storage."""

    address: str
    """The address that the user gave, without its secrets."""
    storage: Any
    """The file system of fsspec."""
    path: str
    """The path in the storage."""

    def join(self, name: str) -> RemotePlace:
        """Return the place of a file or folder within this folder."""
        return RemotePlace(f"{self.address.rstrip('/')}/{name}", self.storage, f"{self.path.rstrip('/')}/{name}")


def is_remote(text: str) -> bool:
    """Tell whether a text is an address with a scheme (s3://bucket/file); also where a path has left one slash of it."""
    return re.match(r"^[A-Za-z][A-Za-z0-9+.-]+:/", text) is not None


def read_scheme(address: str) -> str:
    """Return the scheme of an address in lower case, or "file" for a path."""
    found = _SCHEME.match(address)
    return found["scheme"].lower() if found else "file"


def open_place(address: str) -> RemotePlace:
    """Open the storage of an address; nothing is read yet.

    Args:
        address: An address that fsspec knows, in which `${NAME}` stands for an environment variable; or the path of a local folder.

    Raises:
        UserError: If the scheme is unknown, or if the package that opens such storages is not installed.
        ChemVAEError: If the storage cannot be opened.
    """
    import fsspec  # here: loads fsspec

    address = re.sub(r"^(?!file:)([A-Za-z][A-Za-z0-9+.-]+):/(?!/)", r"\1://", address)  # a path has left one slash
    scheme, shown = read_scheme(address), redact(address)
    if "::" in address or scheme in _WITHIN_OTHERS:
        raise UserError(
            f"{shown} leads through one storage into another; give the address of the file or folder itself"
        )
    options = {"auto_mkdir": True} if scheme in ("file", "local") else {}
    with explain_errors(shown):
        try:
            # A file system of its own: others would go on with the listing of another time, or with other credentials.
            storage, path = fsspec.core.url_to_fs(expand_variables(address), skip_instance_cache=True, **options)
        except ImportError as error:
            extra = _EXTRAS.get(scheme)
            install = f'pip install "chem-vae[{extra}]"' if extra else str(error).rstrip(".")
            raise UserError(f"{scheme}:// addresses need a package that is not installed: {install}") from None
        except ValueError as error:
            if "rotocol" in str(error):
                known = {*fsspec.available_protocols()} - _WITHIN_OTHERS
                raise unknown_name("scheme of an address", scheme, known) from None
            raise
    return RemotePlace(shown, storage, str(path))


@contextmanager
def explain_errors(address: str) -> Iterator[None]:
    """Turn what a storage raises into a sentence without secrets.

    Args:
        address: The address that the work is for, without secrets.

    Raises:
        UnreachableError: If there is nothing at the address, or if it may not be read.
        NoAnswerError: If the storage does not answer, or fails.
    """
    try:
        yield
    except ChemVAEError:
        raise
    except Exception as error:  # botocore, aiohttp, azure, google, paramiko: each storage has classes of its own
        redact_error(error)
        scheme = read_scheme(address)
        if isinstance(error, OSError) and error.errno in _LOCAL and error.filename is not None:
            raise
        if isinstance(error, OSError) and error.errno in FULL:
            raise
        reason = redact(find_reason(str(error)) or type(error).__name__)
        names = {base.__name__ for base in type(error).__mro__}
        if isinstance(error, FileNotFoundError):
            raise UnreachableError(f"there is nothing at {address}{_add_reason(error, address)}") from None
        if isinstance(error, PermissionError) or any("Credential" in n or "Authentication" in n for n in names):
            variables = _CREDENTIALS.get(_EXTRAS.get(scheme, scheme))
            told = f", such as {variables}" if variables else ""
            raise UnreachableError(
                f"access to {address} is denied ({reason}); credentials are taken from the environment{told}"
            ) from None
        raise NoAnswerError(
            f"the storage of {address} does not answer as it should: {reason}; check the address and the network"
        ) from error


def _add_reason(error: FileNotFoundError, address: str) -> str:
    """Return in brackets what a storage says more than the path ("The specified bucket does not exist")."""
    said = str(error).strip()
    return f" ({said})" if " " in said and said.rstrip("/") not in address else ""
