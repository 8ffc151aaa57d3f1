"""Oracles that the tests of this folder ask."""

from __future__ import annotations

import json
import math
import os
import shutil
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.oracles.base import Answer, Oracle, OracleError
from pipeline.oracles.config import OracleConfig
from pipeline.oracles.factory import open_oracle
from pipeline.oracles.ledger import CountedOracle

ALKANES = ["C" * n for n in range(1, 400)]  # their own canonical SMILES; the length is the score


class Lengths(Oracle):
    """Scores the length; notes what it was asked, and raises or answers NaN where told to."""

    def __init__(self, raises: Callable[[str], bool] = lambda s: False, nan: Callable[[str], bool] = lambda s: False):
        self.name, self.endpoints = "lengths", ("score",)
        self.raises, self.nan = raises, nan
        self.batches: list[list[str]] = []
        self.lock = threading.Lock()

    def answers(self, smiles: Sequence[str]) -> Iterator[Answer]:
        with self.lock:
            self.batches.append(list(smiles))
        if any(map(self.raises, smiles)):
            raise OracleError("poisoned")
        for row, s in enumerate(smiles):
            yield Answer(row, (math.nan if self.nan(s) else float(len(s)),), "nothing there" if self.nan(s) else None)

    @property
    def asked(self) -> list[str]:
        return [s for batch in self.batches for s in batch]


def ledger(oracle: Oracle, tmp_path: Path, budget: int = 1000, **options: Any) -> CountedOracle:
    return CountedOracle(oracle, budget, tmp_path / "oracle.sqlite", **{"pause": 0.0, **options})


def program(tmp_path: Path, body: str) -> list[str]:
    """A program whose `body` is done for each line, read as `ask` and answered with answer(...)."""
    path = tmp_path / "program.py"
    path.write_text(
        "import json, os, sys, time\n"
        "def answer(**a): print(json.dumps(a))\n"
        "for line in sys.stdin:\n"
        "    ask = json.loads(line); smiles = ask['smiles']\n" + "".join(f"    {line}\n" for line in body.splitlines())
    )
    return [sys.executable, str(path)]


def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, name: str = "own_oracle") -> str:
    (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, name, raising=False)
    return name


FUNCTIONS = """
import os, sys, time
import numpy as np
def floats(smiles): print("hello"); return [float(len(s)) for s in smiles]
def array(smiles): return np.array([len(s) for s in smiles])
def columns(smiles): return np.array([[len(s), -len(s)] for s in smiles])
def dictionaries(smiles): return [{"a": len(s), "b": -len(s), "more": 1} for s in smiles]
def speaks(smiles): os.write(1, b"from a library"); return [float(len(s)) for s in smiles]
def generator(smiles): return (len(s) for s in smiles)
def hang(smiles):
    while any(len(s) == 5 for s in smiles): time.sleep(0.01)
    return [len(s) for s in smiles]
def leave(smiles): sys.exit(3)
def crash(smiles): os._exit(9)
class Model:
    def score(self, smiles): return [len(s) for s in smiles]
model = Model()
"""


def wait_until_gone(pid: int) -> None:
    for _ in range(200):
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] if Path("/proc").is_dir() else ""
        if state == "Z":
            raise ProcessLookupError
        time.sleep(0.05)


def open_ledger(config: OracleConfig, budget: int, log: Path) -> CountedOracle:
    """Open a configured oracle as an optimization does."""
    asking = config.model_dump(include={"retries", "batch_size", "parallel"})
    return CountedOracle(open_oracle(config), budget, log, **asking)


def evaluate(oracle: Oracle, smiles: Sequence[str]) -> np.ndarray:
    """The values (n, E) of an oracle that is not counted; NaN where a molecule failed."""
    values = np.full((len(smiles), len(oracle.endpoints)), np.nan)
    for answer in oracle.answers(smiles):
        values[answer.row] = answer.values
    return values


def read_log(path: Path) -> list[dict[str, Any]]:
    """The calls of a log on disk, also of one that a process holds open or was killed with."""
    with tempfile.TemporaryDirectory() as folder:
        for part in path.parent.glob(path.name + "*"):
            shutil.copy(part, folder)
        connection = sqlite3.connect(Path(folder) / path.name)
        connection.row_factory = sqlite3.Row
        rows = [dict(row) for row in connection.execute('SELECT * FROM calls ORDER BY "order"')]
        connection.close()
    return [{**row, "values": json.loads(row["values"])} for row in rows]
