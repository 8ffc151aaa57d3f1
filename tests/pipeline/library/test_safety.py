"""Several writers at once, kills in the middle of a write, other versions of the schema, and databases that do not answer."""

from __future__ import annotations

import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from chem_vae.errors import ChemVAEWarning, UserError
from pipeline.library import open_library
from pipeline.library.database import LibraryError, UnreachableError, connect, find_library, read, write
from pipeline.library.schema import Base
from pipeline.library.search.queries import LibraryQuery
from pipeline.library.versions import NEWEST, migrate, read_scripts

ROOT = Path(__file__).resolve().parents[3]
RECORD = """
import sys
from pathlib import Path
from pipeline.library import open_library
with open_library(Path(sys.argv[1]), sys.argv[2] or None) as library:
    print("ready", flush=True)
    sys.stdin.readline()
    library.add_missing_runs()
"""


def start_recording(workspace: Path, address: str | None) -> subprocess.Popen[str]:
    """A process that has opened the library and records all runs as soon as it is told to."""
    made = subprocess.Popen(
        [sys.executable, "-c", RECORD, str(workspace), address or ""], cwd=ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert made.stdout is not None and made.stdout.readline() == "ready\n"
    return made


def tell(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


@pytest.fixture
def runs(tmp_path: Path, write_run: Callable[..., Path], sample_smiles: list[str]) -> Path:
    for night in range(4):
        write_run(tmp_path, f"2026010{night + 1}-020000-nightly", sample_smiles[25 * night : 25 * night + 50])
    return tmp_path


def test_two_writers_at_once_record_everything_once(runs: Path, address: str | None) -> None:
    open_library(runs, address).close()
    processes = [start_recording(runs, address) for _ in range(2)]
    for process in processes:
        tell(process)
    assert [process.wait(120) for process in processes] == [0, 0]
    with open_library(runs, address) as library:
        assert library.count() == 125 and len(library.list_runs()) == 4 and library.list_runs()["new"].sum() == 125
        assert library.add_missing_runs() == []


def test_a_killed_writer_leaves_whole_runs_alone_and_the_next_one_goes_on(runs: Path, address: str | None) -> None:
    open_library(runs, address).close()
    random.seed(16)
    for _ in range(3):
        process = start_recording(runs, address)
        tell(process)
        time.sleep(random.uniform(0.0, 0.15))
        process.send_signal(signal.SIGKILL)
        process.wait(60)
        with open_library(runs, address) as library:
            found = library.list_runs()
            with read(library.engine) as connection:
                proposals = connection.execute(text("SELECT count(*) FROM proposals")).scalar_one()
                lacking = connection.execute(
                    text("SELECT count(*) FROM molecules WHERE id NOT IN (SELECT molecule_id FROM fingerprints)")
                ).scalar_one()
            assert proposals == 50 * len(found) and lacking == 0 and library.count() == found["new"].sum()
    with open_library(runs, address) as library:
        library.add_missing_runs()
        assert library.count() == 125 and len(library.list_runs()) == 4


def test_the_migrations_make_the_tables_of_the_models(address: str | None, tmp_path: Path) -> None:
    with open_library(tmp_path, address) as library, read(library.engine) as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_an_older_library_is_migrated_after_a_backup(runs: Path, address: str | None) -> None:
    engine = connect(find_library(runs, address))
    with write(engine) as connection:
        migrate(connection, "0001")
        connection.execute(text("INSERT INTO library_facts (name, value) VALUES ('id', 'old'), ('made', 'then')"))
    with pytest.warns(ChemVAEWarning, match="made by an older version") as told:
        library = open_library(runs, address)
    where = str(told[0].message).rpartition(" kept in ")[2]
    with library:
        library.add_missing_runs()
        assert library.count() == 125
        if address is None:
            with sqlite3.connect(where) as copy:
                assert copy.execute("SELECT value FROM library_facts WHERE name = 'id'").fetchone() == ("old",)
                assert copy.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)
        else:
            schema = where.split()[2]
            with read(library.engine) as connection:
                assert connection.execute(text(f'SELECT count(*) FROM "{schema}".library_facts')).scalar_one() == 2


def test_a_newer_library_and_a_foreign_database_are_refused(tmp_path: Path, address: str | None) -> None:
    with open_library(tmp_path, address) as library, write(library.engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(LibraryError, match=r"newer version of chem-vae .*9999.*nothing was changed"):
        open_library(tmp_path, address)
    with sqlite3.connect(tmp_path / "other.sqlite") as other:
        other.execute("CREATE TABLE mine (x)")
    with pytest.raises(LibraryError, match="holds other tables"):
        open_library(tmp_path, str(tmp_path / "other.sqlite"))


def test_what_does_not_answer_is_said_without_the_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(UnreachableError) as raised:
        open_library(tmp_path, f"postgresql://me:secret-word@127.0.0.1:{port}/candidates")
    assert "cannot be reached" in str(raised.value) and "secret-word" not in str(raised.value)
    monkeypatch.setenv("PASSWORD_OF_TEST", "secret-word")
    with pytest.raises(UnreachableError) as raised:
        open_library(tmp_path, f"postgresql://me:${{PASSWORD_OF_TEST}}@127.0.0.1:{port}/candidates")
    assert "secret-word" not in str(raised.value)
    with pytest.raises(UserError, match=r"CHEM_VAE_LIBRARY"):
        open_library(tmp_path, "postgresql://***@host/candidates")
    with pytest.raises(UserError, match="no address of a library"):
        open_library(tmp_path, "mysql://host/candidates")
    (tmp_path / "damaged.sqlite").write_bytes(b"not a database at all" * 100)
    with pytest.raises(UnreachableError, match="damaged"):
        open_library(tmp_path, str(tmp_path / "damaged.sqlite"))


def test_the_environment_names_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHEM_VAE_LIBRARY", str(tmp_path / "elsewhere" / "group.sqlite"))
    with open_library(tmp_path / "workspace") as library:
        assert library.address == str(tmp_path / "elsewhere" / "group.sqlite") and Path(library.address).is_file()


def test_files_of_structures_can_be_removed_at_any_time(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.library.search.structure_index.MOST_ADDED", 10)
    with open_library(runs) as library:
        library.add_missing_runs()
        before = [row["id"] for row in library.query(LibraryQuery(smarts="c1ccccc1", limit=500)).rows]
        assert len(list(library.index_folder.glob("*-125"))) == 1
        shutil.rmtree(library.index_folder)
        assert [row["id"] for row in library.query(LibraryQuery(smarts="c1ccccc1", limit=500)).rows] == before != []


def test_the_newest_schema_is_the_last_of_the_migrations() -> None:
    """So that a night that migrates nothing need not load Alembic."""
    assert read_scripts().get_current_head() == NEWEST
