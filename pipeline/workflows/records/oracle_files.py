"""Notes the files that the answers of an oracle come from, so that a search says where one was changed between two answers."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from chem_vae import atomic_files
from chem_vae.errors import ChemVAEError
from pipeline.optimization.loop import LOG
from pipeline.oracles.call_log import count_calls
from pipeline.oracles.config import OracleConfig
from pipeline.oracles.function import find_module
from pipeline.workspace.presentation.formatting import count_things
from pipeline.workspace.registry import hash_file

FILES = "oracle-files.json"
"""The versions of an oracle beside its log: a list of [number of answers before it, {file: SHA-256}]."""


def note_oracle_files(oracle: OracleConfig | None, state: Path) -> list[str]:
    """Write down the files of an oracle as they are now; return a warning for each that was changed between two answers."""
    answers, kept = count_calls(state / LOG), _read_versions(state / FILES)
    versions = [(n, files) for n, files in kept if n < answers]  # the others gave no answer
    last = versions[-1][1] if versions else {}
    now = {**last, **dict(_list_hashes(oracle))} if oracle is not None else last
    if now and (not versions or now != last):
        versions.append((answers, now))
    if versions != kept:
        state.mkdir(parents=True, exist_ok=True)
        atomic_files.write_json(state / FILES, versions)
    changed = {
        name: n
        for (_, earlier), (n, later) in pairwise(versions)
        for name in later
        if later[name] != earlier.get(name, later[name])
    }
    return [
        f"{name} was changed after the first {count_things(n, 'answer')} of the oracle; what was answered is kept, and compared with the answers since. A new "
        "search under another --name asks about all molecules anew"
        for name, n in changed.items()
    ]


def _read_versions(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Read what was written down before; nothing for a search that an earlier version of this program began."""
    with suppress(OSError, ValueError, TypeError):
        return [(int(n), dict(files)) for n, files in atomic_files.read_json(path)]
    return []


def _list_hashes(oracle: OracleConfig) -> Iterator[tuple[str, str]]:
    """Yield the name and the SHA-256 of the function's module, and of each file that a program or an option names."""
    for name, file in _list_files(oracle):
        if os.path.isfile(file):
            with suppress(ChemVAEError):  # it may not be read: whoever asks the oracle tells so
                yield name, hash_file(Path(file))


def _list_files(oracle: OracleConfig) -> Iterator[tuple[str, str]]:
    """Yield what may be a file: how it is spelled, and where it lies."""
    if oracle.function is not None and (module := find_module(oracle.function.partition(":")[0])) is not None:
        name = module.name if module.name != "__init__.py" else f"{module.parent.name}/{module.name}"
        yield name, str(module)
    if oracle.program is not None:
        yield oracle.program[0], shutil.which(oracle.program[0]) or ""
    for word in (*(oracle.program or ())[1:], *map(str, oracle.options.values())):
        yield word, word
        yield word, word.partition("=")[2]  # --receptor=5ht2a.pdbqt
