"""The log is whole after a kill, held by one process, and continued."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from chem_vae.errors import BusyError, ChemVAEError, DataError, UserError
from pipeline.oracles.config import OracleConfig
from tests.pipeline.oracles.example_oracles import ALKANES, Lengths, ledger, open_ledger, program, read_log

ROOT = Path(__file__).resolve().parents[3]


OLD_HEAD = {
    "format": "chem-vae oracle log",
    "format_version": 1,
    "oracle": "lengths",
    "endpoints": ["score"],
    "rdkit": "",
}


def old_log(folder: Path, n: int, **head: object) -> Path:
    """A log as earlier versions wrote it, of the first alkanes."""
    calls = [
        {"order": i, "smiles": "C" * (i + 1), "values": [i + 1.0], "seconds": 0.1, "round": 0, "time": 9.5}
        for i in range(n)
    ]
    calls[n // 2] |= {"values": [None], "reason": "no pose"}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "oracle.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in ({**OLD_HEAD, **head}, *calls)))
    return path


def test_a_log_is_continued(tmp_path: Path) -> None:
    with ledger(Lengths(nan=lambda s: len(s) == 4), tmp_path) as oracle:
        before = oracle.score(ALKANES[:10]).values
        history = oracle.history
    lengths = Lengths()
    with ledger(lengths, tmp_path) as oracle:
        assert oracle.history.equals(history) and (oracle.calls, oracle.failed) == (10, 1)
        np.testing.assert_array_equal(oracle.score(ALKANES[:11]).values[:10], before)
        assert lengths.asked == ALKANES[10:11]
    assert [p.name for p in tmp_path.iterdir()] == ["oracle.sqlite"], "closed it is one file, that can be copied"


def test_a_log_of_an_earlier_version_is_imported(tmp_path: Path) -> None:
    for cut, kept in ((0, 10), (1, 10), (5, 9)):
        path = old_log(tmp_path / str(cut), 10)
        data = path.read_bytes()
        path.write_bytes(data[: len(data) - cut])  # killed while the last line was written
        lengths = Lengths()
        for total in (12, 13):
            with ledger(lengths, path.parent) as oracle:
                status = oracle.score(ALKANES[:total]).status
                assert (oracle.calls, oracle.failed) == (total, 1) and status[5] == "failed: no pose"
        assert lengths.asked == ALKANES[kept:13]
        assert oracle.history["time"][0] == 9.5 and path.read_bytes() == data[: len(data) - cut]


def test_a_log_of_an_earlier_version_that_is_damaged_or_anothers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds the calls of the oracle 'dock' .* not of 'lengths'"):
        ledger(Lengths(), old_log(tmp_path / "other", 3, oracle="dock").parent)
    text = old_log(tmp_path / "good", 3).read_text()
    head, first, second, _ = text.splitlines()
    for i, damaged in enumerate(
        (
            f"{head}\n{first[:9]}\n{second}\n",
            "smiles,score\nC,1\n",
            "{}\n",
            "[1]\n",
            head.replace('"format_version": 1', '"format_version": 2') + "\n",
            f"{head}\n{first.replace('[1.0]', '[1.0, 2.0]')}\n",
        )
    ):
        path = tmp_path / str(i) / "oracle.jsonl"
        path.parent.mkdir()
        path.write_text(damaged)
        with pytest.raises(DataError, match="cannot be read as a log"):
            ledger(Lengths(), path.parent)
        assert path.read_text() == damaged


def change(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(statement)
    connection.close()


def test_a_spelling_of_the_log_is_known_as_it_stands(tmp_path: Path) -> None:
    """RDKit spells some of its own canonical SMILES otherwise when it reads them again."""
    with ledger(Lengths(), tmp_path) as oracle:
        oracle.score(["CCO"])
    change(tmp_path / "oracle.sqlite", "UPDATE calls SET smiles = 'OCC'")
    with ledger(Lengths(), tmp_path) as oracle:
        assert oracle.score(["OCC"]).status == ["cached"]
    change(
        tmp_path / "oracle.sqlite", "UPDATE oracle SET rdkit = '1999.01.1'"
    )  # another version's spelling is spelled anew
    with ledger(Lengths(), tmp_path) as oracle:
        assert oracle.score(["CCO"]).status == ["cached"]


def test_a_log_of_another_oracle_or_none_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "oracle.sqlite"
    with ledger(Lengths(), tmp_path) as oracle:
        oracle.score(["C"])
        with pytest.raises(BusyError, match="another process"):
            ledger(Lengths(), tmp_path)
        assert oracle.score(["CC"]).status == ["scored"]
    with pytest.raises(UserError, match=r"holds the calls of the oracle 'lengths' .* not of 'qed'"):
        open_ledger(OracleConfig(property="qed"), 5, path)
    with ledger(Lengths(), tmp_path) as oracle:
        assert oracle.calls == 2
    whole = path.read_bytes()
    for damaged in (b"smiles,score\nC,1\n" * 100, b"\0" * 40 + whole[40:], whole[: len(whole) // 2]):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match="as a log of oracle calls"):
            ledger(Lengths(), tmp_path)
        assert path.read_bytes() == damaged
    path.unlink()
    change(path, "CREATE TABLE molecules (smiles TEXT)")
    with pytest.raises(DataError, match="no log of oracle calls"):
        ledger(Lengths(), tmp_path)


def test_one_process_alone_holds_a_log(tmp_path: Path) -> None:
    with ledger(Lengths(), tmp_path):
        command = [sys.executable, "-c", RUN, str(tmp_path / "oracle.sqlite"), sys.executable]
        done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert "BusyError: another process is asking an oracle" in done.stderr


def test_a_full_disk_stops_the_run_and_leaves_whole_rows(tmp_path: Path) -> None:
    with ledger(Lengths(), tmp_path) as oracle:
        oracle.score(ALKANES[:10])
        pages = oracle._log._file.execute("PRAGMA page_count").fetchone()[0]
        oracle._log._file.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(ChemVAEError, match=r"disk is full; the calls before are in it, and running again goes on"):
            oracle.score(ALKANES[:390])
        kept = oracle.calls
        assert 10 < kept < 390 and len(read_log(tmp_path / "oracle.sqlite")) == kept
        oracle._log._file.execute("PRAGMA max_page_count = 100000")
        oracle.score(ALKANES[:390])
    assert [row["smiles"] for row in read_log(tmp_path / "oracle.sqlite")] == ALKANES[:390]


RUN = """
import sys
from pathlib import Path
from pipeline.oracles.config import OracleConfig
from tests.pipeline.oracles.example_oracles import open_ledger
config = OracleConfig(program=sys.argv[2:], parallel=2, batch_size=50)
with open_ledger(config, 300, Path(sys.argv[1])) as oracle:
    for start in range(0, 390, 130):
        oracle.score(["C" * n for n in range(start + 1, start + 131)])
"""


def test_a_killed_run_resumes_without_paying_twice(tmp_path: Path) -> None:
    """Killed twice with SIGKILL; the program notes what it is asked. Only what was under way may be asked again."""
    paid, log = tmp_path / "paid", tmp_path / "oracle.sqlite"
    body = f"""\
time.sleep(0.005)
with open({str(paid)!r}, "a") as file: file.write(smiles + "\\n")
answer(id=ask["id"], score=len(smiles))"""
    command = [sys.executable, "-c", RUN, str(log), *program(tmp_path, body)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for calls in (40, 170):
        run = subprocess.Popen(command, env=environment)
        while not paid.exists() or paid.read_text().count("\n") < calls:
            assert run.poll() is None, "it ended by itself"
            time.sleep(0.05)
        run.send_signal(signal.SIGKILL)
        run.wait()
        assert read_log(log), "each answer is in the log when the next one is read"
    subprocess.run(command, env=environment, check=True, timeout=120)
    records = read_log(log)
    assert [r["order"] for r in records] == list(range(300))
    assert sorted(len(r["smiles"]) for r in records) == sorted({len(r["smiles"]) for r in records})
    assert all(r["values"] == [len(r["smiles"])] for r in records)
    asked = paid.read_text().split()
    unlogged = len(asked) - 300
    assert 0 <= unlogged <= 2 * 2 * 50, "at most the two batches under way at each kill"
