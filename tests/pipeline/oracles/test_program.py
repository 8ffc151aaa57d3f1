"""Programs that answer in JSON lines, hang, end and lie."""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.oracles.base import OracleError
from pipeline.oracles.program import ProgramOracle
from tests.pipeline.oracles.example_oracles import ALKANES, evaluate, ledger, program, wait_until_gone


def test_a_program_answers_in_any_order_with_numbers_and_errors(tmp_path: Path) -> None:
    body = """\
waiting = globals().setdefault("waiting", []); waiting.append(ask)
if ask["left"]: continue
for a in reversed(waiting):
    n = len(a["smiles"])
    if n == 2: answer(id=a["id"], error="no conformer")
    elif n == 3: answer(id=a["id"], scores={"a": None, "b": 3})
    else: answer(id=a["id"], scores={"a": n, "b": float("inf") if n == 4 else os.getpid()})
waiting.clear()"""
    with ProgramOracle(program(tmp_path, body), ("a", "b")) as oracle:
        found = {a.row: a for a in oracle.answers(ALKANES[:5])}
        again = evaluate(oracle, ["C"])
    assert list(found) == [4, 3, 2, 1, 0]
    assert found[1].reason == "no conformer" and found[2].reason == "a: no value" and found[3].reason == "b: infinite"
    assert found[2].values[1] == 3.0 and found[3].values[0] == 4.0
    assert again[0, 1] == found[0].values[1], "the program is started once and kept"


@pytest.mark.parametrize(
    ("said", "values", "reason"),
    [
        ({"scores": {"a": -7.5, "b": 1}, "error": ""}, [-7.5, 1.0], None),
        ({"scores": {"a": -7.5, "b": 1}, "error": False}, [-7.5, 1.0], None),
        ({"scores": {"a": 0.0, "b": 0.0}, "error": "no conformer"}, [None, None], "no conformer"),
        ({"scores": {"a": -7.5, "b": None}, "error": None}, [-7.5, None], "b: no value"),
        ({"scores": {"a": -7.5, "b": None}, "error": "b did not converge"}, [-7.5, None], "b did not converge"),
        ({"score": None, "error": "no conformer"}, [None, None], "no conformer"),
        ({"scores": "none", "error": "no conformer"}, [None, None], "no conformer"),
        ({"error": ""}, [None, None], "an error without a message"),
    ],
)
def test_an_error_beside_scores_says_why_others_are_missing(
    tmp_path: Path, said: dict[str, Any], values: list[float | None], reason: str | None
) -> None:
    with ProgramOracle(program(tmp_path, f"answer(id=ask['id'], **{said!r})"), ("a", "b")) as oracle:
        (answer,) = oracle.answers(["C"])
    assert [None if math.isnan(v) else v for v in answer.values] == values and answer.reason == reason


def test_a_program_that_hangs_is_killed_with_its_children_and_the_rest_is_asked_again(tmp_path: Path) -> None:
    body = f"""\
if len(smiles) == 7:
    if not os.fork():
        open({str(tmp_path / "child")!r}, "w").write(str(os.getpid()))
    time.sleep(600)
answer(id=ask["id"], score=len(smiles))"""
    command = program(tmp_path, body)
    with ledger(ProgramOracle(command, timeout=1.0), tmp_path, retries=1, batch_size=9) as oracle:
        scored = oracle.score(ALKANES[:12])
        child = int((tmp_path / "child").read_text())
        with pytest.raises(ProcessLookupError):
            wait_until_gone(child)
    assert scored.status[6].startswith("failed: ") and "no answer to 1 of 1 molecule within 1 s" in scored.status[6]
    assert np.isnan(scored.values[6]).all() and np.nansum(scored.values) == sum(range(1, 13)) - 7


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("print('docking...')", "wrote text 'docking...'; on standard output belong only"),
        ("answer(id=ask['id'], score='high')", "text 'high' instead of a number"),
        ("answer(id=ask['id'], value=1)", "which has no score, scores or error"),
        ("answer(id=ask['id'] + 1000, score=1)", "id int 1.*which was not asked"),
        ("answer(id=ask['id'], scores={'other': 1})", "none of the endpoints asked for"),
        ("print('no receptor', file=sys.stderr); sys.exit(4)", "ended with exit code 4; its last words: no receptor"),
        ("os.kill(os.getpid(), 11)", "by signal SIGSEGV"),
    ],
)
def test_a_program_that_breaks_the_rules_is_quoted_and_charges_nothing(tmp_path: Path, body: str, message: str) -> None:
    with ledger(ProgramOracle(program(tmp_path, body), timeout=30), tmp_path, retries=0) as oracle:
        with pytest.raises(OracleError, match=message):
            oracle.score(ALKANES[:20])
        assert oracle.calls == 0


def test_a_program_that_does_not_read_does_not_hold_us_up(tmp_path: Path) -> None:
    path = tmp_path / "deaf.py"
    path.write_text("import time\ntime.sleep(600)\n")
    with ProgramOracle([sys.executable, str(path)], timeout=1.0) as oracle:
        started = time.monotonic()
        with pytest.raises(OracleError, match="within 1 s"):
            evaluate(oracle, ALKANES * 20)  # far beyond what a pipe holds
        assert time.monotonic() - started < 10


def test_parallel_batches_have_a_process_each(tmp_path: Path) -> None:
    body = "time.sleep(0.2); answer(id=ask['id'], score=os.getpid())"
    with ledger(ProgramOracle(program(tmp_path, body)), tmp_path, parallel=4, batch_size=2) as oracle:
        scored = oracle.score(ALKANES[:27])
    assert 2 <= len(set(scored.values[3:, 0])) <= 4
    assert scored.status == ["scored"] * 27
