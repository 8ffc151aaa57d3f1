"""Copies finished folders of a workspace to a storage, so that they can be used from there by their address.

The manifest of a folder is copied last: what has one is whole. A claim, written first, says by its hash which content a folder of the
storage will have. Two workspaces that publish another content under the same name therefore never mix their files: the second one
takes a name of its own. Whoever publishes the same content goes on with what is there.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chem_vae.atomic_files import parse_json, read_json, write_json
from chem_vae.errors import ChemVAEError, ChemVAEWarning, DataError, UserError
from chem_vae.progress import Progress, silent
from pipeline.workspace.lookup import find_folder, list_finished, write_model_name
from pipeline.workspace.presentation.formatting import count_things
from pipeline.workspace.registry import hash_file
from pipeline.workspace.remote.redaction import HIDDEN, redact
from pipeline.workspace.remote.remote_folders import hash_remote
from pipeline.workspace.remote.remote_storage import RemotePlace, explain_errors, open_place, read_scheme
from pipeline.workspace.storage.disk_space import format_size
from pipeline.workspace.storage.folders import KINDS, read_any_manifest
from pipeline.workspace.storage.integrity import MANIFEST, check_contents, scan_folder

VARIABLE = "CHEM_VAE_PUBLISH"
"""The environment variable that names the storage where no setting does."""
CLAIM = ".claim.json"
"""The file of a published folder that says which content is meant for it."""
MARKS = "published"
"""The folder of a workspace that says which of its folders were published where."""
_WITHOUT_FOLDERS = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "oss", "memory"}
"""Storages in which a file needs no folder to be made for it."""


@dataclass(frozen=True)
class Published:
    """A folder that is in a storage."""

    name: str
    """Its place and name in the workspace (runs/20260101-020000-nightly)."""
    address: str
    files: int
    """The files that were copied; 0 where all were there."""
    bytes: int

    def __str__(self) -> str:
        if not self.files:
            return f"{self.name}: was there already, {self.address}"
        return f"{self.name}: {count_things(self.files, 'file')}, {format_size(self.bytes)}, {self.address}"


@contextmanager
def publish_to(address: str | None, workspace: Path, say: Callable[[str], object]) -> Iterator[None]:
    """Publish all finished folders of a workspace that are not yet published, after the block.

    A storage that does not answer fails nothing: a warning says it, and the next run makes up for it.

    Args:
        address: The address of a folder in a storage; when None, CHEM_VAE_PUBLISH gives it, and without that nothing is published.
        workspace: The workspace.
        say: Told what was copied.

    Raises:
        UserError: Before the block, if the address cannot be used.
    """
    found = find_target(address, workspace)
    yield
    if found is not None:
        publish_finished(found, workspace, say)


def find_target(address: str | None, workspace: Path) -> str | None:
    """Return the address that is published to, that of CHEM_VAE_PUBLISH where none is given; None where nothing is published.

    Raises:
        UserError: If the address cannot be used.
    """
    named = os.environ.get(VARIABLE) or None
    if HIDDEN in (address or "") and named is None:  # the settings of a finished run are kept without the secret
        raise UserError(f"{address} was kept without its secret: give it again with --publish or in {VARIABLE}")
    address = named if address is None or HIDDEN in address else address
    if address is not None:
        open_target(address, workspace)
    return address


def publish_finished(address: str, workspace: Path, say: Callable[[str], object]) -> None:
    """Publish all finished folders of a workspace that are not yet published; what hinders it is a warning.

    Args:
        address: The address of a folder in a storage.
        workspace: The workspace.
        say: Told what was copied.
    """
    try:
        for made in publish_folders(workspace, address, only_new=True):
            if made.files:
                say(f"published {made}")
    except (ChemVAEError, OSError) as error:
        again = f"the next run makes up for it, or: chem-vae publish --workspace {shlex.quote(str(workspace))} --to {shlex.quote(redact(address))}"
        warnings.warn(
            f"not everything is published: {str(error).partition('; ')[0]}; {again}", ChemVAEWarning, stacklevel=3
        )


def open_target(address: str, workspace: Path) -> RemotePlace:
    """Open the folder of a storage that is published to.

    Raises:
        UserError: If the address cannot be used.
    """
    if read_scheme(address) == "file":
        path = Path(address.removeprefix("file://")).expanduser().absolute()
        if path == workspace.absolute() or path.is_relative_to(workspace.absolute()):
            raise UserError(f"{path} is within the workspace {workspace}: publish to another place")
        address = str(path)
    return open_place(address)


def check_target(address: str, workspace: Path) -> None:
    """Check that a storage can be written to, by a file that says what lies there.

    Raises:
        UserError: If the address cannot be used, or if it may not be written to.
        NoAnswerError: If the storage does not answer.
    """
    file = open_target(address, workspace).join(".chem-vae.json")
    with explain_errors(file.address):
        _pipe(file, b'{"format": "chem-vae storage"}\n')


def publish_folders(
    workspace: Path,
    address: str,
    what: Sequence[str] = (),
    progress: Progress = silent,
    *,
    only_new: bool = False,
    thorough: bool = False,
) -> Iterator[Published]:
    """Copy finished folders of a workspace to a storage, and yield each when it is whole there.

    Args:
        workspace: The workspace.
        address: The address of a folder in the storage; it gets `datasets/`, `models/` and `runs/`.
        what: The names of folders; all finished ones when empty.
        progress: Told of the files done.
        only_new: Pass over folders that were published to this address before, without asking the storage.
        thorough: Read every file that is there, and copy it anew where its content differs.

    Raises:
        DataError: If a folder is not there or damaged; the other folders are published first.
        UserError: If the address cannot be used, or if the storage denies it.
        NoAnswerError: If the storage does not answer.
    """
    target = open_target(address, workspace)
    marks = workspace / MARKS / hashlib.sha256(address.encode()).hexdigest()[:16]
    failed: ChemVAEError | None = None
    for folder in _choose_folders(workspace, what):
        try:
            data = (folder / MANIFEST).read_bytes()
            mark = marks / f"{folder.parent.name}--{folder.name}.json"
            if only_new and _read_mark(mark) == _hash(data):
                continue
            manifest = read_any_manifest(folder)
            check_contents(folder, manifest)
        except FileNotFoundError:  # deleted meanwhile
            if what:
                raise DataError(f"{folder} is not finished: it has no {MANIFEST}") from None
            continue
        except UserError as error:  # a damaged folder keeps no other one back
            failed = failed or error
            continue
        made = _publish(folder, manifest, data, target, progress, thorough=thorough)
        marks.mkdir(parents=True, exist_ok=True)
        write_json(mark, {"address": made.address, "manifest": _hash(data)})
        yield made
    if failed is not None:
        raise failed


def _choose_folders(workspace: Path, what: Sequence[str]) -> list[Path]:
    """Choose finished folders, what others need first, and the oldest first."""
    if what:
        return [find_folder(asked, workspace) for asked in what]
    return [folder for place in KINDS for folder in reversed(list_finished(workspace / place))]


def _publish(
    folder: Path, manifest: Mapping[str, Any], data: bytes, target: RemotePlace, progress: Progress, *, thorough: bool
) -> Published:
    sealed, place = _hash(data), next(place for place, kind in KINDS.items() if kind == manifest["format"])
    name = write_model_name(folder) if place == "models" else folder.name
    there = target.join(place).join(name)
    with explain_errors(there.address):
        kept = _read(there.join(MANIFEST))
        if kept is not None and kept != data and place != "runs" and _read_key(kept) == manifest.get("key"):
            return Published(f"{place}/{name}", there.address, 0, 0)  # as another workspace has made it
        if kept != data and (kept is not None or _claim(there, sealed) != sealed):
            there = target.join(place).join(f"{name}-{sealed[:8]}")
            kept = _read(there.join(MANIFEST))
        if kept is not None and not thorough:
            return Published(f"{place}/{name}", there.address, 0, 0)
        inside = scan_folder(folder)
        files = sorted(file for file in inside if file != MANIFEST and not file.endswith(".partial"))
        sizes = dict(_list_sizes(there))
        copied = size = 0
        for done, file in enumerate(files):
            progress("publish", done, len(files) + 1)
            is_there = sizes.get(file) == inside[file].st_size
            if is_there and (not thorough or hash_remote(there.join(file))[1] == hash_file(folder / file)):
                continue
            _put(folder / file, there.join(file))
            copied, size = copied + 1, size + inside[file].st_size
        if kept is None:
            _pipe(there.join(MANIFEST), data)
            copied, size = copied + 1, size + len(data)
        progress("publish", len(files) + 1, len(files) + 1)
    return Published(f"{place}/{name}", there.address, copied, size)


def _claim(folder: RemotePlace, sealed: str) -> str:
    """Claim a folder of a storage for a content, and return the hash of the content that it is claimed for."""
    claim = folder.join(CLAIM)
    if _read(claim) is None:
        with suppress(FileExistsError):
            _pipe(claim, f'{{"manifest": "{sealed}"}}\n'.encode(), exclusive=True)
    try:
        return str(parse_json(_read(claim) or b"")["manifest"])
    except (ValueError, KeyError, TypeError):
        return ""


def _read(file: RemotePlace) -> bytes | None:
    """Read a small file; None where there is none."""
    file.storage.invalidate_cache()
    try:
        return bytes(file.storage.cat_file(file.path))
    except FileNotFoundError:
        return None


def _read_key(manifest: bytes) -> Any:
    """Read the key of a manifest that is in a storage; None where it cannot be read."""
    try:
        return parse_json(manifest)["key"]
    except (ValueError, KeyError, TypeError):
        return None


def _list_sizes(folder: RemotePlace) -> Iterator[tuple[str, int]]:
    """Yield the path of each file of a folder in a storage, as seen from the folder, and its size."""
    folder.storage.invalidate_cache()
    with suppress(FileNotFoundError):
        for path, info in folder.storage.find(folder.path, detail=True).items():
            yield str(path)[len(folder.path.rstrip("/")) + 1 :], int(info.get("size") or 0)


def _put(path: Path, file: RemotePlace) -> None:
    _make_parent(file)
    file.storage.put_file(str(path), file.path)


def _pipe(file: RemotePlace, data: bytes, *, exclusive: bool = False) -> None:
    """Write a small file; exclusively where the storage can, so that of two writers the second one gets FileExistsError."""
    _make_parent(file)
    try:
        file.storage.pipe_file(file.path, data, mode="create" if exclusive else "overwrite")
    except FileExistsError:
        raise
    except (TypeError, ValueError, NotImplementedError, OSError):
        if not exclusive or _read(file) is not None:
            raise
        file.storage.pipe_file(file.path, data)  # a storage without exclusive writing: the claim is read once more


def _make_parent(file: RemotePlace) -> None:
    if read_scheme(file.address) not in _WITHOUT_FOLDERS:
        file.storage.makedirs(file.path.rpartition("/")[0], exist_ok=True)


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _read_mark(mark: Path) -> str | None:
    try:
        return str(read_json(mark)["manifest"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
