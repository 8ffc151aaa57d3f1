"""Keeps in the user's cache what is computed from inputs that do not change, so that the next command only reads it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from chem_vae.atomic_files import write_bytes
from pipeline.workspace.storage.cache_folder import find_cache_folder
from pipeline.workspace.storage.folders import hash_content

KEPT = "kept"
"""The folder of the cache; `chem-vae gc` deletes what was not used for long."""


def keep_result(kind: str, about: Any, compute: Callable[[], bytes]) -> bytes:
    """Return what was kept of an earlier computation from the same inputs, or compute it and keep it.

    What is damaged is computed anew. Where the cache cannot be written to, nothing is kept.

    Args:
        kind: What it is, as the start of a file's name.
        about: All that the result depends on, as plain data: also versions, and the hash of the code.
        compute: Computes the result.
    """
    path = find_cache_folder() / KEPT / f"{kind}-{hash_content(about)[:32]}"
    with suppress(OSError):
        digest, _, content = path.read_bytes().partition(b"\n")
        if digest == _digest(content):
            with suppress(OSError):
                os.utime(path)
            return content
    content = compute()
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # plots show measured values
        write_bytes(path, _digest(content) + b"\n" + content)
    return content


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()
