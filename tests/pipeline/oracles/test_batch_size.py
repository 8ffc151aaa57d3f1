"""Batches hold about ten seconds of work."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from pipeline.oracles.base import Answer, OracleError
from pipeline.oracles.function import FunctionOracle
from tests.pipeline.oracles.example_oracles import ALKANES, Lengths, ledger, read_log


class Slow(Lengths):
    """Answers all at once, after `pace` seconds a molecule by its own watch."""

    at_once = True

    def __init__(self, pace: Callable[[int], float], timeout: float | None = None) -> None:
        super().__init__()
        self.pace, self.timeout = pace, timeout

    def answers(self, smiles: Sequence[str]) -> Iterator[Answer]:
        seconds = self.pace(len(self.asked))
        if self.timeout and seconds * len(smiles) > self.timeout:
            self.batches.append(list(smiles))
            raise OracleError("too late")
        yield from [answer._replace(seconds=seconds) for answer in super().answers(smiles)]


def test_batches_that_answer_all_at_once_hold_ten_seconds_of_work(tmp_path: Path) -> None:
    def sizes(
        name: str, pace: Callable[[int], float], timeout: float | None = None, n: int = 150, **options: Any
    ) -> list[int]:
        slow = Slow(pace, timeout)
        with ledger(slow, tmp_path / name, **options) as oracle:
            assert oracle.score(ALKANES[:n]).status == ["scored"] * n
        return list(map(len, slow.batches))

    assert sizes("fast", lambda asked: 0.0001) == [1, 3, 12, 48, 86], "and no more than a hundred"
    assert sizes("second", lambda asked: 1.0)[:4] == [1, 3, 10, 10]
    assert set(sizes("minute", lambda asked: 60.0)) == {1}
    assert sizes("timeout", lambda asked: 1.0, 5.0) == [1] + [2] * 74 + [1], "and half of the timeout"
    assert sizes("long", lambda asked: 1.0, 60.0)[:4] == [1, 3, 10, 10]
    assert max(sizes("slower", lambda asked: 0.1 if asked < 60 else 2.0, n=300)[5:]) <= 5
    assert set(sizes("parallel", lambda asked: 3.0, parallel=4)[2:]) <= {1, 2, 3}
    assert sizes("given", lambda asked: 60.0, batch_size=49) == [3, 49, 49, 49]
    streams = Lengths()
    with ledger(streams, tmp_path / "streams") as oracle:
        oracle.score(ALKANES[:150])
    assert list(map(len, streams.batches)) == [3, 100, 47]


def test_a_function_is_never_ahead_of_the_log_by_more_than_its_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.oracles.batch_size.SECONDS_AT_RISK", 0.2)
    seen: list[tuple[int, int]] = []

    def dock(smiles: list[str]) -> list[float]:
        logged = len(read_log(tmp_path / "oracle.sqlite"))
        seen.append((len(smiles), logged))
        time.sleep(0.02 * len(smiles))
        return [float(len(s)) for s in smiles]

    progress: list[int] = []
    with ledger(FunctionOracle(dock), tmp_path) as oracle:
        oracle.score(ALKANES[:60], lambda stage, done, total, figures=None: progress.append(done))
    asked = 0
    for size, logged in seen:
        assert logged == asked and size <= 10
        asked += size
    assert asked == 60 and len(progress) >= 6, "and one sees it go on"


@pytest.mark.parametrize("parallel", [1, 2])
def test_no_batch_is_begun_when_the_time_is_over(tmp_path: Path, parallel: int) -> None:
    asked: list[str] = []

    def dock(smiles: list[str]) -> list[float]:
        asked.extend(smiles)
        time.sleep(0.05 * len(smiles))
        return [float(len(s)) for s in smiles]

    end = time.monotonic() + 0.8
    options = {"seconds_left": lambda: end - time.monotonic(), "parallel": parallel}
    with ledger(FunctionOracle(dock), tmp_path, **options) as oracle:
        started = time.monotonic()
        scored = oracle.score(ALKANES[:200])
        assert time.monotonic() - started < 2.0, "ten seconds' work were to do"
        assert 3 <= oracle.calls == len(asked) < 30
        assert scored.status.count("scored") == len(asked) and scored.status.count("over time") == 200 - len(asked)
        assert scored.paid.sum() == len(asked)
        assert oracle.score(["C", "c1ccccc1"]).status == ["cached", "over time"]
