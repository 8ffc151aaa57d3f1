"""The log of an oracle's calls: JSON lines, one per call, written as it is paid, and whole again after a kill."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from rdkit import Chem, rdBase

from chem_vae.errors import ChemVAEError, DataError, UserError
from pipeline.workspace.folders import locked

FORMAT = "chem-vae oracle log"
_HEAD = json.dumps({"format": FORMAT}).encode().rstrip(b"}")
SYNC_SECONDS = 1.0  # between two fsyncs while answers trickle in; what is flushed survives the process in any case


class Call(NamedTuple):
    """One paid call."""

    order: int
    """From 0, in the order of payment."""
    smiles: str
    """RDKit's canonical SMILES."""
    values: tuple[float, ...]
    """(E,), NaN where it failed."""
    seconds: float
    """What it took."""
    round: int
    """Of the asker's, from 0."""
    time: float
    """When it was answered, in seconds since 1970 (UTC)."""
    reason: str | None
    """Why a value is NaN."""


class CallLog:
    """An open log file, held alone. The calls of a log that exists are in `calls`.

    The first line names the oracle and its endpoints; each further one is a call, with null for NaN. A last line that a kill
    cut short is dropped, so that its molecule is asked again. Raises BusyError where another process holds the log,
    UserError where it is another oracle's, DataError where a line is damaged or it is no such log.
    """

    def __init__(self, path: Path, oracle: str, endpoints: Sequence[str]) -> None:
        self.path = path
        self.calls: list[Call] = []
        self._endpoints = tuple(endpoints)
        self._unended = self._other_rdkit = False
        self._synced = 0.0
        self._stack = ExitStack()
        try:
            self._stack.enter_context(locked(path, "asking an oracle and logging it"))
            self._size = self._read(oracle) if path.exists() else 0
            self._file = self._stack.enter_context(path.open("r+b" if self._size else "wb", buffering=0))
            self._file.truncate(self._size)
            self._file.seek(self._size)
            if not self._size:
                head = {"format": FORMAT, "format_version": 1, "oracle": oracle, "endpoints": list(endpoints)}
                self._write({**head, "rdkit": rdBase.rdkitVersion})
            elif self._unended:
                self._write_bytes(b"\n")
            self.sync()
        except OSError as error:
            self._stack.close()
            raise UserError(f"cannot write the log {path}: {error.strerror or error}") from None
        except BaseException:
            self._stack.close()
            raise

    def append(self, call: Call) -> None:
        """Write a call; it is with the operating system on return. Raises ChemVAEError where the disk is full."""
        values = [v if math.isfinite(v) else None for v in call.values]
        self._write(
            {
                "order": call.order,
                "smiles": call.smiles,
                "values": values,
                "seconds": round(call.seconds, 6),
                "round": call.round,
                "time": round(call.time, 3),
                **({"reason": call.reason} if call.reason else {}),
            }
        )
        self.calls.append(call)
        if time.monotonic() - self._synced > SYNC_SECONDS:
            self.sync()

    def sync(self) -> None:
        """Have the disk keep what was written, so that it survives the machine too."""
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise ChemVAEError(f"cannot write the log {self.path}: {error.strerror or error}") from error
        self._synced = time.monotonic()

    def close(self) -> None:
        """Sync, close and let go. A second time does nothing."""
        if not self._file.closed:
            self.sync()
            self._stack.close()

    def _write(self, line: dict[str, Any]) -> None:
        self._write_bytes(json.dumps(line, allow_nan=False, ensure_ascii=False).encode() + b"\n")

    def _write_bytes(self, data: bytes) -> None:
        try:
            if self._file.write(data) != len(data):
                raise OSError("the disk is full")
        except OSError as error:
            self._file.truncate(self._size)  # no half line before the next one
            self._file.seek(self._size)
            raise ChemVAEError(
                f"cannot write the log {self.path}: {error.strerror or error}; the calls before are in it, and running "
                "again goes on from them"
            ) from error
        self._size += len(data)

    def _read(self, oracle: str) -> int:
        """Read the calls; the number of bytes that are good."""
        data = self.path.read_bytes()
        ended, _, tail = data.rpartition(b"\n")
        lines = data.split(b"\n")[:-1]
        for number, line in enumerate(lines):
            try:
                self._take(number, line, oracle)
            except ChemVAEError:
                raise
            except (ValueError, KeyError, TypeError):
                what = f"line {number + 1} is damaged" if number else "it does not start as such a log does"
                raise DataError(
                    f"{self.path} cannot be read as a log of oracle calls: {what}; mend it, or choose another file"
                ) from None
        try:
            if tail:
                self._take(len(lines), tail, oracle)
        except ChemVAEError:
            raise
        except (ValueError, KeyError, TypeError):
            if not lines and not tail.startswith(_HEAD[: len(tail)]):
                raise DataError(f"{self.path} is no log of oracle calls; choose another file") from None
            tail = b""  # cut short by a kill: its molecule is asked again
        self._unended = bool(tail)
        return len(data) if tail else len(ended) + bool(lines)

    def _take(self, number: int, line: bytes, oracle: str) -> None:
        record = json.loads(line)
        if number:
            self.calls.append(self._call(record))
        else:
            self._check_head(record, oracle)

    def _check_head(self, head: Any, oracle: str) -> None:
        if not isinstance(head, dict) or head.get("format") != FORMAT:
            raise DataError(f"{self.path} is no log of oracle calls; choose another file")
        if head.get("format_version") != 1:
            raise DataError(f"{self.path} is in format {head.get('format_version')}; this version reads format 1")
        found = (head["oracle"], tuple(head["endpoints"]))
        if found != (oracle, self._endpoints):
            raise UserError(
                f"{self.path} holds the calls of the oracle {found[0]!r} (endpoints {', '.join(found[1])}), not of "
                f"{oracle!r} (endpoints {', '.join(self._endpoints)}); choose another folder, or ask the same oracle "
                "(`name` in its settings is what the log calls it)"
            )
        self._other_rdkit = head.get("rdkit") != rdBase.rdkitVersion

    def _call(self, record: dict[str, Any]) -> Call:
        values = tuple(math.nan if v is None else float(v) for v in record["values"])
        if len(values) != len(self._endpoints):
            raise ValueError("another number of values")
        smiles = str(record["smiles"])
        if self._other_rdkit:  # whose canonical SMILES may be spelled otherwise
            mol = Chem.MolFromSmiles(smiles)
            smiles = smiles if mol is None else Chem.MolToSmiles(mol)
        return Call(
            len(self.calls),
            smiles,
            values,
            float(record["seconds"]),
            int(record["round"]),
            float(record["time"]),
            record.get("reason"),
        )
