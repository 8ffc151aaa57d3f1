"""A scheduler and workers of Dask in processes of their own, for tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[3]


@contextmanager
def start_cluster(folder: Path, workers: int = 2) -> Iterator[str]:
    """Start a scheduler and workers, yield the scheduler's address, and end them."""
    address_file = folder / "scheduler.json"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    dask = [sys.executable, "-m", "dask"]
    where = ["--no-dashboard", "--scheduler-file", str(address_file)]
    scheduler = [*dask, "scheduler", "--host", "127.0.0.1", "--port", "0", *where]
    worker = [*dask, "worker", "--nworkers", str(workers), "--nthreads", "1", "--local-directory", str(folder), *where]
    started: list[subprocess.Popen[bytes]] = []
    with (folder / "cluster.log").open("wb") as log:
        try:
            for command in (scheduler, worker):
                started.append(subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=folder))
                while not address_file.exists():
                    assert started[0].poll() is None, (folder / "cluster.log").read_text()
                    time.sleep(0.1)
            yield _read_address(address_file)
        finally:
            for process in reversed(started):
                process.terminate()
            for process in started:
                process.wait(30)


def _read_address(path: Path) -> str:
    while True:
        try:
            return str(json.loads(path.read_text())["address"])
        except ValueError:  # half-written
            time.sleep(0.05)
