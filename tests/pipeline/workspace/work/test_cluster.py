from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chem_vae.errors import DataError, UserError
from pipeline.oracles.base import OracleError
from pipeline.oracles.config import OracleConfig
from pipeline.oracles.factory import open_oracle
from pipeline.workspace.work import cluster
from pipeline.workspace.work.cluster import find_cluster, use_cluster
from pipeline.workspace.work.parallel import Workers, count_workers
from tests.pipeline.workspace import cluster_jobs as jobs
from tests.pipeline.workspace.dask_cluster import start_cluster

pytest.importorskip("distributed", reason="the extra dask is not installed")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with start_cluster(tmp_path_factory.mktemp("dask")) as found:
        yield found


@pytest.fixture
def in_use(address: str, tmp_path: Path) -> Iterator[None]:
    with use_cluster(address, tmp_path):
        yield
    assert find_cluster() is None


def test_jobs_run_on_the_workers_in_their_order(in_use: None) -> None:
    assert count_workers() == 2
    with Workers(count_workers()) as workers:
        assert list(workers.map(jobs.double, range(20))) == [2 * n for n in range(20)]
        with pytest.raises(DataError, match="0 is bad"):
            list(workers.map(jobs.fail, range(3)))
    with Workers(1) as alone:
        assert list(alone.map(jobs.tell_prepared, [0])) == [""], "one worker means this process"


def test_a_job_whose_worker_was_killed_is_run_again(in_use: None, tmp_path: Path) -> None:
    with Workers(2) as workers:
        assert list(workers.map(jobs.die_once, [str(tmp_path / "dead")] * 3)) == ["survived"] * 3


def test_a_worker_is_prepared_anew_for_each_run(in_use: None) -> None:
    for word in ("one", "two", "one"):
        with Workers(2, jobs.make_setup(word)) as workers:
            assert set(workers.map(jobs.tell_prepared, range(6))) == {word}


def test_an_oracle_on_the_workers(in_use: None) -> None:
    config = OracleConfig(function="tests.pipeline.workspace.cluster_jobs:measure_length", timeout=8)
    with open_oracle(config) as oracle:
        assert [(a.row, a.values) for a in oracle.answers(["CCO", "C"])] == [(0, (3.0,)), (1, (1.0,))]
        with pytest.raises(OracleError, match="raised ValueError: oxygen burns"):
            list(oracle.answers(["O=O"]))
        started = time.monotonic()
        with pytest.raises(OracleError, match="did not return within 8 s for 1 molecule; its worker was stopped"):
            list(oracle.answers(["N#N"]))
        assert time.monotonic() - started < 8 + cluster.CONNECT_SECONDS, (
            "its result was let go of before its worker stopped"
        )
        assert [a.values for a in oracle.answers(["CC"])] == [(2.0,)], "another worker goes on"
    with pytest.raises(UserError, match="no Python module 'no_such_module'"):
        open_oracle(OracleConfig(function="no_such_module:score"))
    program = [sys.executable, "-c", 'import sys\nfor line in sys.stdin: print(\'{"id": 0, "score": 4}\', flush=True)']
    with open_oracle(OracleConfig(program=tuple(program))) as oracle:
        assert [a.values for a in oracle.answers(["CCO"])] == [(4.0,)]


def test_a_cluster_of_this_machine(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with use_cluster("local", tmp_path), Workers(2) as workers:
            assert find_cluster() is not None
            assert list(workers.map(abs, [-1, -2])) == [1, 2]


def test_the_variable_names_the_cluster(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cluster.VARIABLE, address)
    with use_cluster(None, tmp_path):
        assert find_cluster() is not None
    monkeypatch.delenv(cluster.VARIABLE)
    with use_cluster(None, tmp_path):
        assert find_cluster() is None


def test_a_scheduler_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1)
    for wrong in ("tcp://127.0.0.1:1", "nonsense"):
        said = f"no Dask scheduler answers at {wrong} .*dask scheduler"
        with pytest.raises(UserError, match=said), use_cluster(wrong, tmp_path):
            pass


class Workerless:
    """Stands for a client whose workers answer as they are told to."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def wait_for_workers(self, count: int, timeout: float) -> None:
        pass

    def run(self, function: Any, *arguments: Any, on_error: str) -> dict[str, Any]:
        return {"tcp://10.0.0.7:1": self.answer}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (("0.0.1", True), "has chem-vae 0.0.1, and this is .*: install the same"),
        ((cluster.find_version(), False), "does not see the workspace .*network file system"),
        (ModuleNotFoundError("No module named 'pipeline'"), "cannot load chem-vae"),
    ],
)
def test_workers_that_cannot_work(answer: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=said):
        cluster._check_workers(Workerless(answer), tmp_path)
    assert not list(tmp_path.iterdir()), "the probe is gone"
