from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chem_vae.errors import ChemVAEError, DataError
from pipeline.workspace.work.parallel import Workers


def slow_square(n: int) -> int:
    time.sleep(0.02 if n % 3 == 0 else 0)
    return n * n


def fails_at_three(n: int) -> int:
    if n == 3:
        raise DataError("three is bad")
    return n


def dies(n: int) -> int:
    os._exit(1)


@pytest.mark.parametrize("count", [1, 2])
def test_results_come_in_order_and_jobs_are_taken_as_they_are_needed(count: int) -> None:
    taken = 0

    def jobs() -> Iterator[int]:
        nonlocal taken
        for n in range(40):
            taken += 1
            yield n

    with Workers(count) as workers:
        results = workers.map(slow_square, jobs())
        assert next(results) == 0
        assert taken <= 2 * count + 1, "a source of any length is not read ahead"
        assert list(results) == [n * n for n in range(1, 40)]
        if count == 2:
            with pytest.raises(DataError, match="three is bad"):
                list(workers.map(fails_at_three, range(6)))
            assert list(workers.map(slow_square, [5])) == [25], "an error of a job does not cost the pool"


@pytest.mark.parametrize("letters", [1, 90])
def test_the_folder_for_temporary_files_may_have_a_long_path(tmp_path: Path, letters: int) -> None:
    folder = tmp_path / ("t" * letters)
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, __file__],
        env={**os.environ, "TMPDIR": str(folder), "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["0", "1", "4", "9"], done.stderr


def test_a_worker_that_dies() -> None:
    with Workers(2) as workers, pytest.raises(ChemVAEError, match="a worker process died.*run again"):
        list(workers.map(dies, range(3)))


if __name__ == "__main__":
    with Workers(2) as two:
        print(*two.map(slow_square, range(4)))
