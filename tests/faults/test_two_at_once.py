"""Two of everything at once in one workspace: one waits, or is told that the other is at work, and the result is that of one."""

from __future__ import annotations

import pytest

from tests.faults.comparison import check_readers, compare, describe, settle
from tests.faults.killing import JobServer, read_asked

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

SAME = ("ingest", "training", "optimize", "record", "import of measurements", "search for a structure", "migration", "merge", "gc")  # fmt: skip


@pytest.mark.parametrize("job", SAME)
def test_the_same_job_twice_at_once_has_one_result(server: JobServer, job: str) -> None:
    reference, _, _ = server.find_reference(job)
    server.reset(job)
    outcomes = server.run(job, job)
    assert any(not outcome.error for outcome in outcomes), server.read_log()
    for outcome in outcomes:
        assert not outcome.error or outcome.error.startswith("BusyError: another process is"), outcome
    asked = read_asked(server.workspace)
    assert len(asked) == len(set(asked)), "none is paid by both"
    assert check_readers(server.workspace) == []
    settle(server.workspace)
    assert compare(reference, describe(server.workspace)) == []


@pytest.mark.parametrize("other", ["report", "gc of unfinished work", "record"])
def test_runs_beside_other_work_are_whole(server: JobServer, other: str) -> None:
    server.find_reference("report")
    server.reset("report")
    outcomes = server.run("report", other)
    assert [outcome.error for outcome in outcomes] == ["", ""], server.read_log()
    assert check_readers(server.workspace) == []
    settle(server.workspace)
    runs = [path.parent for path in (server.workspace / "runs").glob("*/manifest.json")]
    assert len(runs) == 1 + (other == "report")
    found = describe(server.workspace)
    assert len(found["library.sqlite"]["runs"]) == len(runs)
