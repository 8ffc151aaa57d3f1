"""A disk that is full in the middle of a job: a clear sentence, nothing half-written, and the same job goes on when there is room again."""

from __future__ import annotations

import errno
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.comparison import check_readers, compare, describe, settle
from tests.faults.killing import SEED, JobServer

BYTES = 64_000_000
ROUNDS = 3
JOBS = ("ingest", "training", "report", "optimize", "record", "import of measurements", "migration", "merge", "gc")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobServer]:
    """Jobs on a small disk of their own."""
    folder = tmp_path_factory.mktemp("disk")
    mount = ["mount", "-t", "tmpfs", "-o", f"size={BYTES}", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a small disk cannot be mounted here: it takes the rights of root")
    made = JobServer(folder, keep=tmp_path_factory.mktemp("kept"))
    try:
        yield made
    finally:
        made.close()
        subprocess.run(["umount", str(folder)], check=True)


def is_clear(error: str, number: int | None) -> bool:
    """Tell whether an error says that the disk is full; the command line makes a sentence of ENOSPC."""
    return any(word in error for word in ("disk is full", "disk of", "free some space")) or number == errno.ENOSPC


@pytest.mark.parametrize("job", JOBS)
def test_a_job_whose_disk_is_full_says_so_and_goes_on_later(server: JobServer, job: str) -> None:
    reference, _, moments = server.find_reference(job)
    draw, failed = random.Random(f"{SEED} {job} full"), 0
    ballast: Path = server.folder / "ballast"
    for _ in range(ROUNDS):
        server.reset(job)
        moment = draw.randint(1, max(1, moments * 2 // 3))
        (outcome,) = server.run(job, moment=moment, ballast=ballast)
        where = f"full at moment {moment} of {moments}: {outcome}"
        if outcome.error:
            failed += 1
            assert is_clear(outcome.error, outcome.errno), f"{where}\n{server.read_log()}"
        ballast.unlink(missing_ok=True)  # SQLite opens no library on a full disk
        assert check_readers(server.workspace) == [], where
        if outcome.error:
            (outcome,) = server.run(job)
            assert not outcome.error, f"{where}\n{server.read_log()}"
        settle(server.workspace)
        assert compare(reference, describe(server.workspace)) == [], where
    assert failed or job in ("gc", "record"), "a deletion needs no room, and a run that is not recorded is a warning"
