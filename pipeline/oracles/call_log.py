"""The log of an oracle's calls: an SQLite file that keeps each call as soon as it is paid."""

from __future__ import annotations

import contextlib
import json
import math
import sqlite3
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rdkit import Chem, rdBase

from chem_vae.errors import BusyError, ChemVAEError, DataError, UserError

FORMAT = "chem-vae oracle log"
OLD_SUFFIX = ".jsonl"
"""Earlier versions wrote JSON lines, in a file of the same name with this ending; they are imported."""
SYNC_SECONDS = 1.0  # between two waits for the disk; what is committed survives the process in any case

_TABLES = """
CREATE TABLE oracle (format TEXT NOT NULL, name TEXT NOT NULL, endpoints TEXT NOT NULL, rdkit TEXT NOT NULL);
CREATE TABLE calls (
    "order" INTEGER PRIMARY KEY, smiles TEXT NOT NULL UNIQUE, "values" TEXT NOT NULL,
    seconds REAL NOT NULL, round INTEGER NOT NULL, time REAL NOT NULL, reason TEXT
);
"""


class Call(NamedTuple):
    """One paid call."""

    order: int
    """The place in the order of payment, from 0."""
    smiles: str
    """RDKit's canonical SMILES."""
    values: tuple[float, ...]
    """(E,), NaN where it failed."""
    seconds: float
    """The seconds that the answer took."""
    round: int
    """The round of the asker, from 0."""
    time: float
    """When it was answered, in seconds since 1970 (UTC)."""
    reason: str | None
    """Why a value is NaN."""

    @property
    def failed(self) -> bool:
        """True where no endpoint has a number."""
        return all(map(math.isnan, self.values))


def find_log(path: Path) -> Path | None:
    """Return the log that `CallLog` would continue: the file itself, or an earlier version's; None where there is neither."""
    return next((p for p in (path, path.with_suffix(OLD_SUFFIX)) if p.is_file()), None)


def has_calls(path: Path) -> bool:
    """Return whether a log holds a call; True for a log that cannot be read, since opening it tells what is wrong."""
    return count_calls(path) > 0


def count_calls(path: Path) -> int:
    """Count the calls of a log; 1 for a log that cannot be read, since opening it tells what is wrong."""
    found = find_log(path)
    if found is None or found != path:
        return 0 if found is None else max(0, found.read_bytes().count(b"\n") - 1)  # its first line is no call
    try:
        with contextlib.closing(sqlite3.connect(path)) as file:
            return int(file.execute("SELECT count(*) FROM calls").fetchone()[0])
    except sqlite3.DatabaseError as error:
        return 0 if "no such table" in str(error) else 1


class CallLog:
    """Keeps the calls of one oracle in an SQLite file that one process alone may hold open.

    The table `oracle` has one row with the oracle's name and endpoints; the table `calls` has a row for each call, its values
    as a JSON list with null for NaN. A log that exists is continued: its calls are in `calls`.

    Args:
        path: The file; it is made where it does not exist, from an older version's log (`OLD_SUFFIX`) where there is one.
        oracle: The oracle's name.
        endpoints: The names of its E values.

    Raises:
        BusyError: If another process holds the file.
        UserError: If the calls are another oracle's, or the file cannot be written.
        DataError: If the file is damaged or no log of oracle calls.
    """

    def __init__(self, path: Path, oracle: str, endpoints: Sequence[str]) -> None:
        self.path = path
        self.calls: list[Call] = []
        self._oracle, self._endpoints = oracle, tuple(endpoints)
        self._synced = time.monotonic()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.OperationalError) as error:
            raise UserError(f"cannot write the log {path}: {error}") from None
        try:
            self._file.execute("PRAGMA locking_mode = EXCLUSIVE")  # held until it is closed
            self._file.execute("PRAGMA journal_mode = WAL")  # a kill leaves whole rows
            self._file.execute("PRAGMA synchronous = NORMAL")
            self._read_or_create()
        except sqlite3.DatabaseError as error:
            self._file.close()
            if "locked" in str(error):
                raise BusyError(
                    f"another process is asking an oracle and logging it in {path}; wait until it is done, or choose another "
                    "--workspace"
                ) from None
            if isinstance(error, sqlite3.OperationalError):
                raise UserError(f"cannot write the log {path}: {error}") from None
            raise DataError(f"{path} cannot be read as a log of oracle calls: {error}; choose another file") from None
        except BaseException:
            self._file.close()
            raise

    def append(self, call: Call) -> None:
        """Write a call; it survives the process from then on. Raises ChemVAEError where the disk is full."""
        try:
            self._insert([call])
        except sqlite3.OperationalError as error:
            raise ChemVAEError(
                f"cannot write the log {self.path}: {error}; the calls before are in it, and running again goes on from them"
            ) from error
        self.calls.append(call)
        if time.monotonic() - self._synced > SYNC_SECONDS:
            self.sync()

    def sync(self) -> None:
        """Wait until the disk has what was written, so that it survives the machine too."""
        self._file.execute("PRAGMA wal_checkpoint")
        self._synced = time.monotonic()

    def close(self) -> None:
        """Sync, close and let go. A second time does nothing."""
        self._file.close()

    def _insert(self, calls: Iterable[Call]) -> None:
        rows = ((*c[:2], json.dumps([v if math.isfinite(v) else None for v in c.values]), *c[3:]) for c in calls)
        self._file.executemany("INSERT INTO calls VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def _read_or_create(self) -> None:
        tables = {name for (name,) in self._file.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        if not tables:
            old = self.path.with_suffix(OLD_SUFFIX)
            earlier = self._read_old(old) if old.is_file() else []
            self._file.execute("BEGIN")
            for statement in _TABLES.split(";"):
                self._file.execute(statement)
            head = (FORMAT, self._oracle, json.dumps(self._endpoints), rdBase.rdkitVersion)
            self._file.execute("INSERT INTO oracle VALUES (?, ?, ?, ?)", head)
            self._insert(earlier)
            self._file.execute("COMMIT")
            return
        if not {"oracle", "calls"} <= tables:
            raise DataError(f"{self.path} is no log of oracle calls; choose another file")
        _, name, endpoints, rdkit = self._file.execute("SELECT * FROM oracle").fetchone()
        self._check_oracle(self.path, name, json.loads(endpoints))
        for row in self._file.execute('SELECT * FROM calls ORDER BY "order"'):
            self._take({**dict(zip(Call._fields, row, strict=True)), "values": json.loads(row[2])}, rdkit)

    def _take(self, record: dict[str, Any], rdkit: str) -> None:
        """Add a call that was read."""
        smiles = str(record["smiles"])
        if rdkit != rdBase.rdkitVersion:  # whose canonical SMILES may be spelled otherwise
            mol = Chem.MolFromSmiles(smiles)
            smiles = smiles if mol is None else Chem.MolToSmiles(mol)
        numbers = tuple(math.nan if v is None else float(v) for v in record["values"])
        if len(numbers) != len(self._endpoints):
            raise ValueError("another number of values")
        seconds, round, when = float(record["seconds"]), int(record["round"]), float(record["time"])
        self.calls.append(Call(len(self.calls), smiles, numbers, seconds, round, when, record.get("reason")))

    def _check_oracle(self, path: Path, name: str, endpoints: Sequence[str]) -> None:
        if (name, tuple(endpoints)) != (self._oracle, self._endpoints):
            raise UserError(
                f"{path} holds the calls of the oracle {name!r} (endpoints {', '.join(endpoints)}), not of "
                f"{self._oracle!r} (endpoints {', '.join(self._endpoints)}); choose another folder, or ask the same oracle "
                "(`name` in its settings is what the log calls it)"
            )

    def _read_old(self, path: Path) -> list[Call]:
        """Read the calls of an older version's log; its last line is passed over where a kill cut it short."""
        *lines, tail = path.read_bytes().split(b"\n")
        try:
            if tail and isinstance(json.loads(tail), dict):
                lines.append(tail)
        except ValueError:
            pass
        if not lines:
            return []
        try:
            head, *records = [json.loads(line) for line in lines]
            if head["format"] != FORMAT or head["format_version"] != 1:
                raise ValueError("of another format")
            self._check_oracle(path, head["oracle"], head["endpoints"])
            for record in records:
                self._take(record, head.get("rdkit"))
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{path} cannot be read as a log of oracle calls: {error}; mend it, or choose another folder"
            ) from None
        return self.calls
