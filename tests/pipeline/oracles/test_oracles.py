"""Oracles that work, raise, hang and lie, and the ledger that pays each molecule once."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from rdkit import Chem

from chem_vae.errors import BusyError, ChemVAEError, DataError, UserError
from pipeline.chemistry.properties import compute
from pipeline.oracles.answers import read_answer, read_answers
from pipeline.oracles.base import Answer, Oracle, OracleError
from pipeline.oracles.config import OracleConfig
from pipeline.oracles.factory import open_ledger, open_oracle
from pipeline.oracles.function import FunctionOracle
from pipeline.oracles.ledger import CountedOracle
from pipeline.oracles.program import ProgramOracle

ROOT = Path(__file__).resolve().parents[3]
ALKANES = ["C" * n for n in range(1, 400)]  # their own canonical SMILES; the length is the score


class Lengths(Oracle):
    """Scores the length; notes what it was asked, and raises or answers NaN where told to."""

    def __init__(self, raises: Callable[[str], bool] = lambda s: False, nan: Callable[[str], bool] = lambda s: False):
        self.name, self.endpoints = "lengths", ("score",)
        self.raises, self.nan = raises, nan
        self.batches: list[list[str]] = []
        self.lock = threading.Lock()

    def answers(self, smiles: Sequence[str]) -> Iterator[Answer]:
        with self.lock:
            self.batches.append(list(smiles))
        if any(map(self.raises, smiles)):
            raise OracleError("poisoned")
        for row, s in enumerate(smiles):
            yield Answer(row, (math.nan if self.nan(s) else float(len(s)),), "nothing there" if self.nan(s) else None)

    @property
    def asked(self) -> list[str]:
        return [s for batch in self.batches for s in batch]


def ledger(oracle: Oracle, tmp_path: Path, budget: int = 1000, **options: Any) -> CountedOracle:
    return CountedOracle(oracle, budget, tmp_path / "oracle.jsonl", **{"pause": 0.0, **options})


def program(tmp_path: Path, body: str) -> list[str]:
    """A program whose `body` is done for each line, read as `ask` and answered with answer(...)."""
    path = tmp_path / "program.py"
    path.write_text(
        "import json, os, sys, time\n"
        "def answer(**a): print(json.dumps(a))\n"
        "for line in sys.stdin:\n"
        "    ask = json.loads(line); smiles = ask['smiles']\n" + "".join(f"    {line}\n" for line in body.splitlines())
    )
    return [sys.executable, str(path)]


def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, name: str = "own_oracle") -> str:
    (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, name, raising=False)
    return name


# -- configuration ---------------------------------------------------------------------------------------------------


def test_a_configuration_says_exactly_one_way_in() -> None:
    assert OracleConfig(property="qed").all_endpoints() == ("qed",)
    assert OracleConfig(function="a.b:c").all_endpoints() == ("score",)
    for wrong in (
        {},
        {"property": "qed", "function": "a:b"},
        {"function": "no colon"},
        {"function": "a:b", "endpoints": ("x", "x")},
        {"function": "a:b", "endpoints": ("smiles",)},
        {"function": "a:b", "timeout": 0},
        {"property": "qed", "timeout": 5},
        {"program": ()},
        {"program": ("x",), "shell": True},
    ):
        with pytest.raises(ValidationError):
            OracleConfig.model_validate(wrong)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"property": "logP"}, "did you mean 'logp'"),
        ({"program": ["no-such-program-1"]}, "there is no program"),
        ({"function": "no_such_module_1:f"}, "there is no Python module 'no_such_module_1'"),
        ({"function": "no_such_module_1:f", "timeout": 5}, "there is no Python module 'no_such_module_1'"),
        ({"function": "json:dump_s"}, "did you mean 'dumps'"),
        ({"function": "string:digits"}, "is a str, not a function"),
    ],
)
def test_what_does_not_exist_is_a_mistake_to_hear_of_at_once(config: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        open_oracle(OracleConfig.model_validate(config))


def test_a_module_that_cannot_be_imported_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = module(tmp_path, monkeypatch, "import no_such_library_1\ndef f(smiles): return []\n", "broken_oracle")
    with pytest.raises(UserError, match=r"importing broken_oracle .* failed: ModuleNotFoundError.*no_such_library_1"):
        open_oracle(OracleConfig(function=f"{name}:f"))


# -- reading answers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "value", "reason"),
    [
        (1, 1.0, None),
        (np.float32(0.5), 0.5, None),
        (np.array(2), 2.0, None),
        (True, 1.0, None),
        ([3.0], 3.0, None),
        ({"score": 4}, 4.0, None),
        (None, None, "no value"),
        (float("nan"), None, "not a number"),
        (float("-inf"), None, "infinite"),
        (10**400, None, "infinite"),
        ("1.5", None, "text '1.5' instead of a number"),
        (1j, None, "complex 1j instead of a number"),
        ({"other": 1}, None, "the answer has other, and none of the endpoints asked for (score)"),
        ([1.0, 2.0], None, "2 values for 1 endpoints (score)"),
    ],
)
def test_an_answer_is_a_finite_number_or_nan_with_a_reason(raw: Any, value: float | None, reason: str | None) -> None:
    reading = read_answer(raw, ("score",))
    assert reading.reason == reason
    assert reading.values == (value,) if value is not None else math.isnan(reading.values[0])


def test_several_endpoints_may_fail_one_by_one() -> None:
    reading = read_answer({"a": 1.0, "b": "high"}, ("a", "b", "c"))
    assert reading.values[0] == 1.0 and np.isnan(reading.values[1:]).all()
    assert reading.reason == "b: text 'high' instead of a number; c: missing"
    assert read_answer(0.5, ("a", "b")).reason == "float 0.5 for 2 endpoints (a, b)"


@pytest.mark.parametrize("raw", [None, "text", 3.0, {"a": 1}, {1.0, 2.0}, [1.0], [1.0, 2.0, 3.0], ["x", "y"]])
def test_what_is_no_answer_for_two_molecules_raises(raw: Any) -> None:
    with pytest.raises(OracleError, match="it returned"):
        read_answers(raw, 2, ("score",))


# -- the three ways in -----------------------------------------------------------------------------------------------


def test_registered_properties(tmp_path: Path) -> None:
    with open_ledger(OracleConfig(property=("qed", "logp")), 10, tmp_path / "oracle.jsonl") as oracle:
        scored = oracle.score(["CCO", "c1ccccc1O"])
    expected = [compute(Chem.MolFromSmiles(s), ["qed", "logp"]) for s in ("CCO", "Oc1ccccc1")]
    np.testing.assert_allclose(scored.values, expected)
    assert list(oracle.history.columns) == ["order", "smiles", "qed", "logp", "seconds", "round", "time", "reason"]


FUNCTIONS = """
import os, sys, time
import numpy as np
def floats(smiles): print("hello"); return [float(len(s)) for s in smiles]
def array(smiles): return np.array([len(s) for s in smiles])
def columns(smiles): return np.array([[len(s), -len(s)] for s in smiles])
def dictionaries(smiles): return [{"a": len(s), "b": -len(s), "more": 1} for s in smiles]
def speaks(smiles): os.write(1, b"from a library"); return [float(len(s)) for s in smiles]
def generator(smiles): return (len(s) for s in smiles)
def hang(smiles):
    while any(len(s) == 5 for s in smiles): time.sleep(0.01)
    return [len(s) for s in smiles]
def leave(smiles): sys.exit(3)
def crash(smiles): os._exit(9)
class Model:
    def score(self, smiles): return [len(s) for s in smiles]
model = Model()
"""


@pytest.mark.parametrize("timeout", [None, 60.0])
def test_a_function_may_return_numbers_in_any_usual_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, timeout: float | None, capfd: pytest.CaptureFixture[str]
) -> None:
    name = module(tmp_path, monkeypatch, FUNCTIONS)
    for function in ("floats", "array", "generator", "model.score", "speaks" if timeout else "floats"):
        with open_oracle(OracleConfig(function=f"{name}:{function}", timeout=timeout)) as oracle:
            assert oracle.evaluate(ALKANES[:3]).tolist() == [[1.0], [2.0], [3.0]]
            assert oracle.evaluate([]).shape == (0, 1)
    for function in ("columns", "dictionaries"):
        config = OracleConfig(function=f"{name}:{function}", endpoints=("a", "b"), timeout=timeout)
        with open_oracle(config) as oracle:
            assert oracle.evaluate(ALKANES[:2]).tolist() == [[1.0, -1.0], [2.0, -2.0]]
    assert capfd.readouterr().out == "", "standard output belongs to the results"


def test_a_function_that_hangs_costs_only_the_molecule_that_it_hangs_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = module(tmp_path, monkeypatch, FUNCTIONS)
    config = OracleConfig(function=f"{name}:hang", timeout=0.5, retries=0)
    with open_ledger(config, 100, tmp_path / "oracle.jsonl") as oracle:
        scored = oracle.score(ALKANES[:12])
    assert scored.status[4].startswith("failed: own_oracle:hang did not return within 0.5 s for 1 molecules")
    assert [s for i, s in enumerate(scored.status) if i != 4] == ["scored"] * 11
    assert (oracle.calls, oracle.failed) == (12, 1)


@pytest.mark.parametrize(
    ("function", "message"), [("leave", "raised SystemExit: 3"), ("crash", "ended with exit code 9")]
)
def test_a_function_that_ends_the_process_fails_and_charges_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, message: str
) -> None:
    name = module(tmp_path, monkeypatch, FUNCTIONS)
    config = OracleConfig(function=f"{name}:{function}", timeout=60, retries=0)
    with open_ledger(config, 100, tmp_path / "oracle.jsonl") as oracle:
        with pytest.raises(OracleError, match=f"first 3 molecules, no call was charged: .*{message}"):
            oracle.score(ALKANES[:50])
        assert oracle.calls == 0 and oracle.left == 100


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
        again = oracle.evaluate(["C"])
    assert list(found) == [4, 3, 2, 1, 0]
    assert found[1].reason == "no conformer" and found[2].reason == "a: no value" and found[3].reason == "b: infinite"
    assert found[2].values[1] == 3.0 and found[3].values[0] == 4.0
    assert again[0, 1] == found[0].values[1], "the program is started once and kept"


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
    assert scored.status[6].startswith("failed: ") and "no answer to 1 of 1 molecules within 1 s" in scored.status[6]
    assert np.isnan(scored.values[6]).all() and np.nansum(scored.values) == sum(range(1, 13)) - 7


def wait_until_gone(pid: int) -> None:
    for _ in range(200):
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] if Path("/proc").is_dir() else ""
        if state == "Z":
            raise ProcessLookupError
        time.sleep(0.05)


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
            oracle.evaluate(ALKANES * 20)  # far beyond what a pipe holds
        assert time.monotonic() - started < 10


def test_parallel_batches_have_a_process_each(tmp_path: Path) -> None:
    body = "time.sleep(0.2); answer(id=ask['id'], score=os.getpid())"
    with ledger(ProgramOracle(program(tmp_path, body)), tmp_path, parallel=4, batch_size=2) as oracle:
        scored = oracle.score(ALKANES[:27])
    assert 2 <= len(set(scored.values[3:, 0])) <= 4
    assert scored.status == ["scored"] * 27


# -- the ledger ------------------------------------------------------------------------------------------------------


def test_each_molecule_is_paid_once_however_it_is_spelled(tmp_path: Path) -> None:
    lengths = Lengths()
    with ledger(lengths, tmp_path) as oracle:
        first = oracle.score(["OCC", "CCO", "C1=CC=CC=C1", None, "not a molecule", "", "CCO"])
        second = oracle.score(["C(C)O", "CCC"])
    assert lengths.asked == ["CCO", "c1ccccc1", "CCC"]
    no = "failed: RDKit reads no molecule"
    assert first.status == ["scored", "cached", "scored", no, no, no, "cached"]
    assert first.paid.tolist() == [True, False, True, False, False, False, False]
    assert first.smiles == ["CCO", "CCO", "c1ccccc1", None, None, None, "CCO"]
    assert second.status == ["cached", "scored"] and second.values[:, 0].tolist() == [3.0, 3.0]
    assert oracle.calls == 3 and oracle.history["round"].tolist() == [0, 0, 1]


@pytest.mark.parametrize("parallel", [1, 7])
def test_the_budget_is_never_exceeded(tmp_path: Path, parallel: int) -> None:
    lengths = Lengths()
    with ledger(lengths, tmp_path, budget=101, parallel=parallel, batch_size=4) as oracle:
        oracle.score(ALKANES[:60])
        scored = oracle.score([*ALKANES[30:140], "C" * 130])
        assert (oracle.calls, oracle.left, len(lengths.asked)) == (101, 0, 101)
        assert scored.status.count("cached") == 30 and scored.status.count("scored") == 41
        assert scored.status[-1] == "over budget" and np.isnan(scored.values[-1]).all()
        assert oracle.score(["c1ccccc1", "C"]).status == ["over budget", "cached"]
    assert sorted(lengths.asked) == sorted(set(lengths.asked))
    assert oracle.history["order"].tolist() == list(range(101))


@pytest.mark.parametrize("budget", [0, -1])
def test_a_budget_of_nothing_is_refused(tmp_path: Path, budget: int) -> None:
    with pytest.raises(UserError, match="at least 1"):
        ledger(Lengths(), tmp_path, budget)
    assert not (tmp_path / "oracle.jsonl").exists()


def test_failed_molecules_stay_in_the_accounts_and_are_not_asked_again(tmp_path: Path) -> None:
    lengths = Lengths(nan=lambda s: len(s) % 3 == 0)
    for _ in range(2):
        with ledger(lengths, tmp_path) as oracle:
            scored = oracle.score(ALKANES[:30])
            assert (oracle.calls, oracle.failed) == (30, 10)
            assert scored.status[2] == "failed: nothing there" and math.isnan(scored.values[2, 0])
    assert len(lengths.asked) == 30 and not scored.paid.any()
    lines = [json.loads(line) for line in (tmp_path / "oracle.jsonl").read_text().splitlines()]
    assert lines[3]["values"] == [None] and lines[3]["reason"] == "nothing there"


def test_molecules_that_make_the_oracle_raise_cost_themselves_alone(tmp_path: Path) -> None:
    bad = {5, 40, 41, 99}
    lengths = Lengths(raises=lambda s: len(s) in bad)
    with ledger(lengths, tmp_path, retries=2) as oracle:
        scored = oracle.score(ALKANES[:200])
        assert oracle.calls == 200 and oracle.failed == 4
    assert {i + 1 for i, status in enumerate(scored.status) if status == "failed: poisoned"} == bad
    assert [len(s) for s in oracle.history.query("score.isna()").smiles] == sorted(bad)


def test_a_passing_failure_is_tried_again(tmp_path: Path) -> None:
    tries: list[int] = []

    def flaky(smiles: list[str]) -> list[int]:
        tries.append(len(smiles))
        if len(tries) in (1, 3):
            raise ConnectionError("lost")
        return [len(s) for s in smiles]

    with ledger(FunctionOracle(flaky), tmp_path, retries=1, batch_size=20) as oracle:
        assert oracle.score(ALKANES[:20]).status == ["scored"] * 20
    assert tries == [3, 3, 17, 17]


def test_an_oracle_that_never_works_stops_without_a_charge_and_a_mended_one_goes_on(tmp_path: Path) -> None:
    lengths = Lengths(raises=lambda s: True)
    with ledger(lengths, tmp_path) as oracle:
        for _ in range(2):
            with pytest.raises(OracleError, match="first 3 molecules, no call was charged: poisoned"):
                oracle.score(ALKANES[:100])
        assert oracle.calls == 0 and max(map(len, lengths.batches)) == 3
        lengths.raises = lambda s: False
        assert oracle.score(ALKANES[:100]).status == ["scored"] * 100


def test_an_oracle_that_dies_later_is_given_up_after_three_batches_and_charges_nothing_for_them(tmp_path: Path) -> None:
    lengths = Lengths()
    with ledger(lengths, tmp_path, budget=10_000, batch_size=20) as oracle:
        oracle.score(ALKANES[:50])
        lengths.raises = lambda s: True
        with pytest.raises(
            OracleError, match="last 60 molecules .not charged. and on one .* before: poisoned; 50 calls"
        ):
            oracle.score(ALKANES[50:300])
        assert (oracle.calls, oracle.failed, oracle.left) == (50, 0, 9950)
        assert len(lengths.batches) == 4 + 3 * (2 + 3) + 2, "two tries, three molecules alone, and one that it answered"
        assert lengths.batches[-1] == ALKANES[49:50]
    with ledger(Lengths(), tmp_path) as oracle:
        assert oracle.score(ALKANES[:300]).status == ["cached"] * 50 + ["scored"] * 250


@pytest.mark.parametrize("parallel", [1, 3])
def test_an_outage_over_several_rounds_charges_nothing(tmp_path: Path, parallel: int) -> None:
    lengths = Lengths()
    with ledger(lengths, tmp_path, budget=60, parallel=parallel) as oracle:
        oracle.score(ALKANES[:20])
        lengths.raises = lambda s: True
        first = oracle.score(ALKANES[20:28])
        assert first.status == ["failed: poisoned"] * 8 and first.paid.all() and oracle.calls == 20
        assert oracle.left == 32, "what they may cost is kept for them"
        asked = len(lengths.asked)
        assert oracle.score(ALKANES[20:28]).status == first.status and len(lengths.asked) == asked
        with pytest.raises(OracleError, match="not charged"):
            for start in range(28, 60, 8):
                oracle.score(ALKANES[start : start + 8])
        assert (oracle.calls, oracle.failed, oracle.left) == (20, 0, 40)
        lengths.raises = lambda s: False
        assert oracle.score(ALKANES[:70]).status == ["cached"] * 20 + ["scored"] * 40 + ["over budget"] * 10


def test_failures_are_charged_once_the_oracle_has_answered_since(tmp_path: Path) -> None:
    lengths = Lengths(raises=lambda s: 20 < len(s) <= 32)
    with ledger(lengths, tmp_path, budget=60, batch_size=12) as oracle:
        oracle.score(ALKANES[:20])
        oracle.score(ALKANES[20:32])
        assert (oracle.calls, oracle.left) == (20, 28)
        oracle.score(ALKANES[32:40])
        assert (oracle.calls, oracle.failed, oracle.left) == (31, 3, 20), "those that were asked about alone"
        assert oracle.history["round"].tolist()[-3:] == [1] * 3, "the round that asked about them"
        for last in range(41, 44):
            oracle.score(ALKANES[:last])
        assert (oracle.calls, oracle.failed, oracle.left) == (43, 12, 17), "the others when they have been, too"
    with ledger(Lengths(), tmp_path) as oracle:
        assert oracle.calls == 43 and oracle.score(ALKANES[:43]).status.count("failed: poisoned") == 12
    alone = {len(b[0]) for b in lengths.batches if len(b) == 1}
    assert alone >= set(range(21, 33))


def test_a_short_outage_charges_only_what_was_asked_alone_in_it(tmp_path: Path) -> None:
    lengths = Lengths()
    with ledger(lengths, tmp_path, budget=200, batch_size=100) as oracle:
        oracle.score(ALKANES[:20])
        end = len(lengths.batches) + 5  # the batch, its second try, three molecules alone
        lengths.raises = lambda s: len(lengths.batches) <= end
        oracle.score(ALKANES[20:120])
        assert (oracle.calls, oracle.left) == (20, 80)
        oracle.score(ALKANES[120:140])
        assert (oracle.calls, oracle.failed, oracle.left) == (140, 3, 60)
        assert oracle.score(ALKANES[20:120]).status.count("cached") == 97


def test_a_batch_in_which_the_oracle_went_down_is_charged_as_far_as_it_answered(tmp_path: Path) -> None:
    class Mortal(Lengths):
        lives = 28

        def answers(self, smiles: Sequence[str]) -> Iterator[Answer]:
            for answer in super().answers(smiles):
                if not self.lives:
                    raise OracleError("down")
                self.lives -= 1
                yield answer

    with ledger(Mortal(), tmp_path, batch_size=20) as oracle, pytest.raises(OracleError, match="not charged.*: down"):
        oracle.score(ALKANES[:200])
    with ledger(Lengths(), tmp_path) as oracle:
        assert (oracle.calls, oracle.failed) == (28, 0)


@pytest.mark.parametrize("batch_size", [1, 5, 20])
def test_failures_at_the_end_of_the_budget_are_settled(tmp_path: Path, batch_size: int) -> None:
    """A molecule that gave a number before tells whether the oracle or they are to blame."""
    for good in (45, 30):
        bad = Lengths(raises=lambda s, good=good: len(s) > good)  # type: ignore[misc]
        with ledger(bad, tmp_path / str(good), budget=50, batch_size=batch_size) as oracle:
            oracle.score(ALKANES[:good])
            assert oracle.score(ALKANES[good:50]).status == ["failed: poisoned"] * (50 - good)
            assert (oracle.calls, oracle.failed) == (50, 50 - good)
            assert oracle.history["smiles"].is_unique
        assert all([s] in bad.batches for s in ALKANES[good:50]) and len(bad.asked) < 50 + 20 * (50 - good)
        down = Lengths()
        with ledger(down, tmp_path / f"down-{good}", budget=50, batch_size=batch_size) as oracle:
            oracle.score(ALKANES[:good])
            down.raises = lambda s: True
            with pytest.raises(OracleError, match=r"not charged\) and on one that it had answered before: poisoned"):
                oracle.score(ALKANES[good:50])
            assert (oracle.calls, oracle.left) == (good, 50 - good)
            down.raises = lambda s: False
            assert set(oracle.score(ALKANES[good:50]).status) == {"scored"}
    back = Lengths(raises=lambda s: len(s) > 30 and len(back.batches) < 10)
    with ledger(back, tmp_path / "back", budget=50, batch_size=20) as oracle:
        oracle.score(ALKANES[:30])
        status = oracle.score(ALKANES[30:50]).status
        assert status.count("scored") == 17, "it came back while it was asked again"
        assert (oracle.calls, oracle.failed) == (50, 3)


def test_an_oracle_that_answers_known_molecules_only_does_not_get_the_whole_budget(tmp_path: Path) -> None:
    with ledger(Lengths(raises=lambda s: len(s) > 30), tmp_path, batch_size=5) as oracle:
        oracle.score(ALKANES[:30])
        with pytest.raises(OracleError, match=r"no number for 1\d\d molecules in a row"):
            oracle.score(ALKANES[30:])
        assert 100 <= oracle.failed <= 110 and oracle.calls == 30 + oracle.failed


def test_an_oracle_that_gives_no_numbers_does_not_get_the_whole_budget(tmp_path: Path) -> None:
    with ledger(Lengths(nan=lambda s: True), tmp_path, budget=200, batch_size=5) as oracle:
        with pytest.raises(OracleError, match=r"no number for 20 molecules in a row.*nothing there"):
            oracle.score(ALKANES[:150])
        assert oracle.calls <= 25


@pytest.mark.parametrize("answer", [Answer(9, (1.0,)), Answer(0, (1.0, 2.0)), None])
def test_an_oracle_of_ones_own_that_breaks_the_rules(tmp_path: Path, answer: Answer | None) -> None:
    class Wrong(Lengths):
        def answers(self, smiles: Sequence[str]) -> Iterator[Answer]:
            yield from [answer] if answer else []

    with (
        ledger(Wrong(), tmp_path) as oracle,
        pytest.raises(OracleError, match="no call was charged.*(fits no question|answered 0 of)"),
    ):
        oracle.score(ALKANES[:20])


def test_a_map_from_outside_runs_the_batches(tmp_path: Path) -> None:
    seen: list[int] = []

    def twice(function: Callable[[list[str]], int], batches: list[list[str]]) -> list[int]:
        seen.extend(map(len, batches))
        return [function(batch) for batch in [*batches, *reversed(batches)]][3:]

    progress: list[tuple[int, int]] = []
    lengths = Lengths()
    with ledger(lengths, tmp_path, batch_size=10, map=twice) as oracle:
        scored = oracle.score(ALKANES[:33], lambda stage, done, total, figures=None: progress.append((done, total)))
    assert seen == [10, 10, 10] and len(lengths.asked) == 33, "a map that tries again does not pay again"
    assert scored.values[:, 0].tolist() == list(range(1, 34))
    assert progress[0] == (0, 33) and progress[-1] == (33, 33)
    with (
        ledger(Lengths(), tmp_path / "other", map=lambda function, batches: []) as oracle,
        pytest.raises(OracleError, match="17 molecules were handed to the map"),
    ):
        oracle.score(ALKANES[:20])


# -- the log ---------------------------------------------------------------------------------------------------------


def test_a_log_is_gone_on_with_and_its_cut_last_line_mended(tmp_path: Path) -> None:
    path = tmp_path / "oracle.jsonl"
    with ledger(Lengths(), tmp_path) as oracle:
        oracle.score(ALKANES[:10])
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    for cut in range(len(whole) - len(lines[-1]) + 1, len(whole) + 1):
        path.write_bytes(whole[:cut])
        lengths = Lengths()
        with ledger(lengths, tmp_path) as oracle:
            kept = 10 if cut >= len(whole) - 1 else 9
            assert oracle.calls == kept
            assert (oracle.score(ALKANES[:11]).values[:, 0] == range(1, 12)).all()
            assert lengths.asked == ALKANES[kept:11]
        assert path.read_bytes().startswith(whole[: len(whole) - len(lines[-1])])
        assert len([json.loads(line) for line in path.read_text().splitlines()]) == 12
    for cut in range(len(lines[0])):  # killed while the first line was written
        path.write_bytes(whole[:cut])
        with ledger(Lengths(), tmp_path) as oracle:
            assert oracle.calls == 0 and oracle.score(["C"]).status == ["scored"]


def test_the_budget_counts_what_an_earlier_run_paid(tmp_path: Path) -> None:
    with ledger(Lengths(), tmp_path, budget=10) as oracle:
        oracle.score(ALKANES[:8])
    lengths = Lengths()
    with ledger(lengths, tmp_path, budget=10) as oracle:
        assert oracle.left == 2
        assert oracle.score(ALKANES[:15]).status == ["cached"] * 8 + ["scored"] * 2 + ["over budget"] * 5
        assert oracle.history["round"].tolist() == [0] * 8 + [1] * 2
    with ledger(lengths, tmp_path, budget=5) as oracle:
        assert oracle.left == 0 and oracle.score(["CC", "c1ccccc1"]).status == ["cached", "over budget"]


def test_a_spelling_of_the_log_is_known_as_it_stands(tmp_path: Path) -> None:
    """RDKit spells some of its own canonical SMILES otherwise when it reads them again."""
    path = tmp_path / "oracle.jsonl"
    with ledger(Lengths(), tmp_path) as oracle:
        oracle.score(["CCO"])
    path.write_text(path.read_text().replace("CCO", "OCC"))
    with ledger(Lengths(), tmp_path) as oracle:
        assert oracle.score(["OCC"]).status == ["cached"]


def test_a_log_of_another_oracle_or_none_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "oracle.jsonl"
    with ledger(Lengths(), tmp_path) as oracle:
        oracle.score(["C"])
        with pytest.raises(BusyError, match="another process"):
            ledger(Lengths(), tmp_path)
    text = path.read_text()
    with pytest.raises(UserError, match=r"holds the calls of the oracle 'lengths' .* not of 'qed'"):
        open_ledger(OracleConfig(property="qed"), 5, path)
    first, second = text.splitlines()
    cases = (
        first + "\n" + second[:9] + "\n" + second + "\n",
        "smiles,score\nC,1\n",
        "smiles",
        "{}\n",
        "[1]\n",
        first.replace('"format_version": 1', '"format_version": 2') + "\n",
        first + "\n" + second.replace("[1.0]", "[1.0, 2.0]") + "\n",
    )
    for damaged in cases:
        path.write_text(damaged)
        with pytest.raises(DataError):
            ledger(Lengths(), tmp_path)
        assert path.read_text() == damaged


def test_a_full_disk_stops_the_run_and_leaves_whole_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ledger(Lengths(), tmp_path) as oracle:
        oracle.score(ALKANES[:10])
        file = oracle._log._file

        class Full:
            def write(self, data: bytes) -> int:
                file.write(data[:20])
                raise OSError(28, "No space left on device")

            def __getattr__(self, name: str) -> Any:
                return getattr(file, name)

        monkeypatch.setattr(oracle._log, "_file", Full())
        with pytest.raises(ChemVAEError, match="No space left"):
            oracle.score(ALKANES[:20])
        assert (tmp_path / "oracle.jsonl").read_bytes().endswith(b"}\n")
        monkeypatch.setattr(oracle._log, "_file", file)
        assert oracle.calls == 10
        oracle.score(ALKANES[:20])
    assert len([json.loads(line) for line in (tmp_path / "oracle.jsonl").read_text().splitlines()]) == 21


RUN = """
import sys
from pathlib import Path
from pipeline.oracles.config import OracleConfig
from pipeline.oracles.factory import open_ledger
config = OracleConfig(program=sys.argv[2:], parallel=2, batch_size=50)
with open_ledger(config, 300, Path(sys.argv[1])) as oracle:
    for start in range(0, 390, 130):
        oracle.score(["C" * n for n in range(start + 1, start + 131)])
"""


def test_a_killed_run_resumes_without_paying_twice(tmp_path: Path) -> None:
    """Killed twice with SIGKILL; the program notes what it is asked. Only what was under way may be asked again."""
    paid, log = tmp_path / "paid", tmp_path / "oracle.jsonl"
    body = f"""\
time.sleep(0.005)
with open({str(paid)!r}, "a") as file: file.write(smiles + "\\n")
answer(id=ask["id"], score=len(smiles))"""
    command = [sys.executable, "-c", RUN, str(log), *program(tmp_path, body)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for calls in (40, 170):
        run = subprocess.Popen(command, env=environment)
        while not log.exists() or log.read_bytes().count(b"\n") < calls:
            assert run.poll() is None, "it ended by itself"
            time.sleep(0.005)
        run.send_signal(signal.SIGKILL)
        run.wait()
    subprocess.run(command, env=environment, check=True, timeout=120)
    records = [json.loads(line) for line in log.read_text().splitlines()[1:]]
    assert [r["order"] for r in records] == list(range(300))
    assert sorted(len(r["smiles"]) for r in records) == sorted({len(r["smiles"]) for r in records})
    assert all(r["values"] == [len(r["smiles"])] for r in records)
    asked = paid.read_text().split()
    unlogged = len(asked) - 300
    assert 0 <= unlogged <= 2 * 2 * 50, "at most the two batches under way at each kill"


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
    def sizes(name: str, pace: Callable[[int], float], timeout: float | None = None, **options: Any) -> list[int]:
        slow = Slow(pace, timeout)
        with ledger(slow, tmp_path / name, **options) as oracle:
            assert oracle.score(ALKANES[:150]).status == ["scored"] * 150
        return list(map(len, slow.batches))

    assert sizes("fast", lambda asked: 0.0001) == [1, 3, 12, 48, 37, 49], "and no more than a hundred are cut"
    assert sizes("second", lambda asked: 1.0)[:4] == [1, 3, 10, 10]
    assert set(sizes("minute", lambda asked: 60.0)) == {1}
    assert sizes("timeout", lambda asked: 1.0, 5.0) == [1] + [2] * 74 + [1], "and half of the timeout"
    assert sizes("long", lambda asked: 1.0, 60.0)[:4] == [1, 3, 10, 10]
    assert max(sizes("slower", lambda asked: 0.1 if asked < 60 else 2.0)[6:]) <= 5
    assert set(sizes("parallel", lambda asked: 3.0, parallel=4)[2:]) <= {1, 2, 3}
    assert sizes("given", lambda asked: 60.0, batch_size=49) == [3, 49, 49, 49]
    streams = Lengths()
    with ledger(streams, tmp_path / "streams") as oracle:
        oracle.score(ALKANES[:150])
    assert list(map(len, streams.batches)) == [3, 100, 47]


def test_a_function_is_never_ahead_of_the_log_by_more_than_its_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.oracles.batch_size.AT_RISK", 0.2)
    seen: list[tuple[int, int]] = []

    def dock(smiles: list[str]) -> list[float]:
        logged = (tmp_path / "oracle.jsonl").read_text().count("\n") - 1
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


def test_the_ledger_itself_costs_next_to_nothing(tmp_path: Path) -> None:
    """Far under 0.1 ms a call when nothing else is at work; the bound leaves room for a busy machine."""
    many = [f"[{n}CH4]" for n in range(1, 900)]
    with ledger(Lengths(), tmp_path) as oracle:
        for key in many:
            oracle._key(key)
        started = time.process_time()
        oracle.score(many)
        seconds = (time.process_time() - started) / len(many)
    assert oracle.calls == 899 and seconds < 5e-4
