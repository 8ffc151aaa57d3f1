"""For the tests of the candidate library: a real PostgreSQL, each library on SQLite and on it, and run folders without a model."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import create_engine, text

from chem_vae.atomic_files import write_json, write_text
from pipeline.chemistry.molecule import Molecule
from pipeline.library import CandidateLibrary, open_library
from pipeline.library.database import VARIABLE
from pipeline.workspace.presentation.csv_tables import format_csv
from pipeline.workspace.runs import KIND
from pipeline.workspace.storage.folders import write_manifest

MOLECULES = ("CCO", "c1ccncc1", "CC(=O)Nc1ccc(O)cc1", "C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "O=C(O)c1ccccc1")


@pytest.fixture(autouse=True)
def _no_library_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


def find_postgres() -> Path | None:
    """Find the programs of PostgreSQL, which Debian does not put on the path."""
    places = [Path(found).parent for found in [shutil.which("initdb")] if found]
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((p for p in places if (p / "initdb").is_file() and (p / "pg_ctl").is_file()), None)


def find_user() -> list[str]:
    """Find the command that starts a program as another user where this is root, whom PostgreSQL refuses."""
    if os.geteuid() != 0:
        return []
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = next((name for name in ("postgres", "nobody") if name in names), None)
    if user is None or shutil.which("setpriv") is None:
        pytest.skip("PostgreSQL refuses to run as root, and there is no other user (postgres) or no setpriv")
    entry = pwd.getpwnam(user)
    return ["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups"]


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL server of this test session, without a database."""
    programs = find_postgres()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (on Debian: apt-get install postgresql)")
    prefix = find_user()
    folder = Path(tempfile.mkdtemp(prefix="chem-vae-postgres-"))
    if prefix:
        os.chown(folder, int(prefix[1].partition("=")[2]), int(prefix[2].partition("=")[2]))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def run(*command: str) -> None:
        done = subprocess.run([*prefix, *command], capture_output=True, text=True, cwd=folder, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr

    data = folder / "data"
    try:
        run(
            str(programs / "initdb"),
            "-D",
            str(data),
            "-U",
            "tester",
            "-A",
            "trust",
            "--no-sync",
            "-E",
            "UTF8",
            "--locale=C",
        )
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
        run(str(programs / "pg_ctl"), "-D", str(data), "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield f"postgresql://tester:secret-word@127.0.0.1:{port}"
        finally:
            run(str(programs / "pg_ctl"), "-D", str(data), "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str | None:
    """The address of an empty library: None for the one of the workspace, and a new database of PostgreSQL."""
    if request.param == "sqlite":
        return None
    server = request.getfixturevalue("postgres")
    name = f"library_{os.getpid()}_{abs(hash(tmp_path)) % 10**12}"
    engine = create_engine(
        f"{server}/postgres".replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    engine.dispose()
    return f"{server}/{name}"


@pytest.fixture
def library(address: str | None, tmp_path: Path) -> Iterator[CandidateLibrary]:
    with open_library(tmp_path, address) as opened:
        yield opened


@pytest.fixture
def write_run() -> Callable[..., Path]:
    return write_run_folder


def write_run_folder(
    workspace: Path,
    run: str,
    smiles: Sequence[str] = MOLECULES,
    *,
    model: str = "a" * 64,
    columns: Mapping[str, Sequence[Any]] | None = None,
    **manifest: Any,
) -> Path:
    """Write a finished run folder with candidates, best first, as a run of a model that predicts pIC50."""
    folder = workspace / "runs" / run
    folder.mkdir(parents=True)
    n = len(smiles)
    table = pd.DataFrame(
        {
            "rank": range(1, n + 1),
            "smiles": smiles,
            "inchikey": [m.inchikey if (m := Molecule.parse(s)) else "" for s in smiles],
            "score": [round(0.9 - 0.1 * i, 3) for i in range(n)],
            "logp_computed": [1.0 + 0.5 * i for i in range(n)],
            "pIC50_predicted": [8.0 - 0.5 * i for i in range(n)],
            "pIC50_predicted_std": [0.3] * n,
            "origin": ["structure variation"] * n,
            "parent": ["CCC"] * n,
            "alerts": ["BRENK: something", *[""] * (n - 1)][:n],
            **(columns or {}),
        }
    )
    write_text(folder / "candidates.csv", format_csv(table))
    objectives = [{"property": "pIC50", "label": "pIC50", "unit": "nM", "basis": "predicted"}]
    write_json(folder / "report.json", {"format": "chem-vae report", "request": {"objectives": objectives}})
    (folder / "report.html").write_text("<p>report</p>")
    write_manifest(
        folder,
        {
            "format": KIND,
            "format_version": 1,
            "id": run,
            "name": run.split("-", 2)[-1],
            "finished": f"{run[:4]}-{run[4:6]}-{run[6:8]}T03:00:00+00:00",
            "model": {"key": model, "folder": f"model-{model[:8]}"},
            "dataset": {"key": "d" * 64, "name": "assay"},
            "seed": 0,
            **manifest,
        },
    )
    assert json.loads((folder / "manifest.json").read_text())["id"] == run
    return folder
