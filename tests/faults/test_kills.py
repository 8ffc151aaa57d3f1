"""Jobs that are killed at moments drawn from a seed end as undisturbed ones: nothing half-written, doubled, lost or paid twice.

With the environment variable CHEM_VAE_FAULTS_RESULTS, the account of the kills is written to the JSON file that it names.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from filelock import FileLock

from chem_vae.atomic_files import write_json
from pipeline.workspace.runs import describe_machine, list_versions
from tests.faults.comparison import check_readers, compare, describe
from tests.faults.killing import SEED, Counts, JobServer, kill_often

RESULTS = "CHEM_VAE_FAULTS_RESULTS"
QUICK = {"gc": 3, "migration": 3}
KILLS = {
    "gc": 40, "migration": 40, "search for a structure": 40, "import of measurements": 45, "record": 45, "merge": 30,
    "ingest": 30, "ingest of a grown source": 20, "training": 14, "optimize": 16, "report": 8, "long generation": 8, "run": 8, "update": 4,
}  # fmt: skip
"""The kills of each job, 348 in all."""


def check(counts: Counts, kills: int) -> None:
    assert counts.differences == []
    assert counts.kills >= kills and counts.finished > 0, "kills after the end of a job do not count"


@pytest.mark.parametrize(("job", "kills"), QUICK.items())
def test_a_few_kills(server: JobServer, job: str, kills: int) -> None:
    check(kill_often(server, job, kills), kills)


@pytest.mark.slow
@pytest.mark.timeout(3 * 3600)
@pytest.mark.parametrize(("job", "kills"), KILLS.items())
def test_a_killed_job_ends_as_an_undisturbed_one(server: JobServer, job: str, kills: int) -> None:
    counts = kill_often(server, job, kills)
    if RESULTS in os.environ:
        write_account(Path(os.environ[RESULTS]), job, counts)
    check(counts, kills)


def write_account(path: Path, job: str, counts: Counts) -> None:
    """Add the account of a job to the file of results."""
    with FileLock(f"{path}.lock"):
        found = json.loads(path.read_text()) if path.is_file() else {"jobs": {}}
        jobs = {**found["jobs"], job: counts.to_dict()}
        sums = {name: sum(entry[name] for entry in jobs.values()) for name in counts.to_dict()}
        about = {"seed": SEED, "date": f"{datetime.now(UTC):%Y-%m-%d}", "machine": describe_machine()}
        write_json(path, {**about, "versions": list_versions(), "all": sums, "jobs": dict(sorted(jobs.items()))})
    Path(f"{path}.lock").unlink(missing_ok=True)


def test_the_comparison_finds_what_is_lost_doubled_or_half_written(server: JobServer) -> None:
    reference, _, _ = server.find_reference("gc")
    workspace = server.folder / "result" / "gc"
    assert compare(reference, describe(workspace)) == [] and check_readers(workspace) == []
    damaged = server.folder / "damaged"
    shutil.copytree(workspace, damaged)
    (run,) = (damaged / "runs").glob("[!.]*/")
    (run / "report.html").write_text("half")
    (damaged / "half.json").write_text('{"a": ')
    (damaged / "datasets" / "a-d3" / "tokens.npy").unlink()
    with sqlite3.connect(damaged / "library.sqlite") as file:
        file.execute("DELETE FROM proposals")
        file.execute("INSERT INTO properties (name, label, unit) VALUES ('doubled', '', '')")
    found = " ".join(check_readers(damaged))
    assert "report.html" in found and "half.json" in found and "of 1 candidates" in found
    told = " ".join(compare(reference, describe(damaged)))
    assert "missing: datasets/a-d3/tokens.npy" in told and "too much: half.json" in told and "doubled" in told
