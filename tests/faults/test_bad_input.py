"""Places that cannot be written to, databases that go away and models that are gone: a clear sentence, and nothing is lost."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, event, text

from chem_vae.errors import ChemVAEWarning, DataError, UserError
from flows.exit_codes import explain_error
from pipeline.config import CampaignConfig
from pipeline.library import open_library
from pipeline.library.database import LibraryError
from pipeline.library.search.queries import LibraryQuery
from pipeline.workflows.checks.night_check import check_night
from pipeline.workflows.records.known_molecules import KnownMolecules, record_run
from pipeline.workflows.upkeep.collect_garbage import Retention, collect_garbage, delete_garbage
from pipeline.workspace.runs import Run, list_runs
from tests.faults.jobs import import_measurements, ingest_source, write_measurements, write_nights, write_source
from tests.faults.moments import fill_disk
from tests.pipeline.library.conftest import address, postgres  # noqa: F401 (fixtures)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk that can be filled, and mounted for reading alone."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a small disk cannot be mounted here: it takes the rights of root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def workspace(disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace on the disk, with recorded runs, measurements and a source that is not ingested."""
    monkeypatch.setenv("CHEM_VAE_CACHE", str(tmp_path / "cache"))
    workspace = disk / "workspace"
    workspace.mkdir()
    write_nights(workspace)
    write_measurements(workspace)
    write_source(workspace, 0, 30)
    with open_library(workspace) as library:
        library.add_missing_runs()
    return workspace


def test_a_workspace_that_can_only_be_read(disk: Path, workspace: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with open_library(workspace) as library:
        assert library.count() == 100 and library.query(LibraryQuery(smarts="c1ccccc1", limit=5)).rows
    assert len(KnownMolecules(workspace).keys) == 100 and len(list_runs(workspace)) == 4
    with pytest.raises(LibraryError, match="cannot be opened for writing .*check the permissions of its folder"):
        import_measurements(workspace)
    with pytest.raises(UserError, match="cannot write into .*read-only file system; choose another folder"):
        ingest_source(workspace)
    _, left = delete_garbage(collect_garbage(workspace, Retention(keep_runs=1)), workspace)
    assert len(left) == 3 and all(sentence.endswith(" was left: read-only file system") for sentence in left)
    with pytest.raises(OSError, match="Read-only") as raised:
        open_library(disk / "other")
    assert "no permission" in explain_error(raised.value)[0]
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    assert len(list_runs(workspace)) == 4
    import_measurements(workspace)


def test_a_workspace_on_a_full_disk(disk: Path, workspace: Path) -> None:
    fill_disk(str(disk / "ballast"))
    for work in (import_measurements, lambda place: open_library(place / "new")):
        with pytest.raises(LibraryError, match="the disk is full"):
            work(workspace)
    with pytest.raises(UserError, match="needs about .*, and the disk of .* has .* left"):
        ingest_source(workspace)
    with pytest.warns(ChemVAEWarning, match=r"the disk is full.*The run goes on without it"):
        assert len(KnownMolecules(workspace).keys) == 100, "the runs themselves say what was proposed"
    (disk / "ballast").unlink()
    import_measurements(workspace)
    with open_library(workspace) as library:
        assert library.count() == 100 and len(library.list_runs()) == 4


def test_a_database_that_goes_away_and_comes_back(tmp_path: Path, address: str | None, postgres: str) -> None:  # noqa: F811
    if address is None:
        pytest.skip("SQLite is no server")
    write_nights(tmp_path)
    open_library(tmp_path, address).close()
    other = create_engine(address.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT")
    statements = 0

    def end_connection(connection: object, cursor: object, statement: str, *more: object) -> None:
        nonlocal statements
        statements += 1
        if statements == 40:
            ends = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
            with other.connect() as second:
                second.execute(text(ends))

    with open_library(tmp_path, address) as library:
        event.listen(library.engine, "before_cursor_execute", end_connection)
        with pytest.warns(ChemVAEWarning, match="is not in the library: .*cannot be reached"):
            library.add_missing_runs()
        found = library.list_runs()
        assert 0 < len(found) < 4 and library.count() == found["new"].sum(), "a run is recorded whole, or not at all"
        library.add_missing_runs()
        assert library.count() == 100 and len(library.list_runs()) == 4
    other.dispose()


def test_a_run_whose_database_is_gone_is_kept_and_recorded_later(tmp_path: Path, address: str | None) -> None:  # noqa: F811
    gone = "postgresql://me@127.0.0.1:9/candidates"
    write_nights(tmp_path)
    run = Run.open(tmp_path / "runs" / "20260101-020000-nightly")
    with pytest.warns(
        ChemVAEWarning, match=r"cannot be reached.*The run goes on without it.*recorded when the library is"
    ):
        assert len(KnownMolecules(tmp_path, gone).keys) == 100
    with pytest.warns(ChemVAEWarning, match="is finished, but is not in the candidate library.*chem-vae library add"):
        record_run(run, tmp_path, gone)
    with pytest.warns(ChemVAEWarning, match="4 finished runs were not in the candidate library yet"):
        known = KnownMolecules(tmp_path, address)
    assert len(known.keys) == 100 and known.last_run == "20260104-020000-nightly"


def test_measurements_that_match_nothing_are_kept_aside(tmp_path: Path) -> None:
    write_nights(tmp_path)
    (tmp_path / "measured.csv").write_text("SMILES,pIC50\nCCCCCCCCCCCCCCCCCCCC,5\nno molecule,4\n")
    with open_library(tmp_path) as library:
        library.add_missing_runs()
        made = library.import_measurements(tmp_path / "measured.csv")
        assert made.matched == made.added == 0 and len(library.list_unmatched()) == 2
        assert library.count() == 100 and len(library.read_labels()) == 0


@pytest.mark.parametrize("flow", ["generate", "optimize"])
def test_a_deployment_whose_model_was_deleted(tmp_path: Path, flow: str) -> None:
    gone = tmp_path / "models" / "assay-0123abcd"
    with pytest.raises(DataError, match=r"no model .*assay-0123abcd: it was deleted or moved; name another one"):
        check_night(flow, CampaignConfig(), tmp_path, dataset="latest", model=str(gone))
