"""Each molecule is paid once, whatever the oracle does."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from chem_vae.errors import UserError
from pipeline.oracles.base import Answer, OracleError
from pipeline.oracles.function import FunctionOracle
from tests.pipeline.oracles.example_oracles import ALKANES, Lengths, ledger, read_log


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
    assert not (tmp_path / "oracle.sqlite").exists()


def test_failed_molecules_stay_in_the_accounts_and_are_not_asked_again(tmp_path: Path) -> None:
    lengths = Lengths(nan=lambda s: len(s) % 3 == 0)
    for _ in range(2):
        with ledger(lengths, tmp_path) as oracle:
            scored = oracle.score(ALKANES[:30])
            assert (oracle.calls, oracle.failed) == (30, 10)
            assert scored.status[2] == "failed: nothing there" and math.isnan(scored.values[2, 0])
    assert len(lengths.asked) == 30 and not scored.paid.any()
    rows = read_log(tmp_path / "oracle.sqlite")
    assert rows[2]["values"] == [None] and rows[2]["reason"] == "nothing there"


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


def test_an_oracle_that_dies_later_is_given_up_after_ten_failures_and_charges_nothing_for_them(tmp_path: Path) -> None:
    lengths = Lengths()
    with ledger(lengths, tmp_path, budget=10_000, batch_size=20) as oracle:
        oracle.score(ALKANES[:50])
        lengths.raises = lambda s: True
        with pytest.raises(OracleError, match=r"not charged. and on one .* before: poisoned; 50 calls.* running again"):
            oracle.score(ALKANES[50:300])
        assert (oracle.calls, oracle.failed, oracle.left) == (50, 0, 9950)
        assert len(lengths.batches) == 4 + 2 + 9 + 2, "two tries, nine parts, and twice one that it answered"
        assert lengths.batches[-1] == ALKANES[49:50]
    with ledger(Lengths(), tmp_path) as oracle:
        assert oracle.score(ALKANES[:300]).status == ["cached"] * 50 + ["scored"] * 250


@pytest.mark.parametrize("parallel", [1, 3])
def test_an_outage_over_several_rounds_charges_nothing(tmp_path: Path, parallel: int) -> None:
    lengths = Lengths()
    with ledger(lengths, tmp_path, budget=60, parallel=parallel) as oracle:
        oracle.score(ALKANES[:20])
        lengths.raises = lambda s: True
        for start in range(20, 60, 8):
            with pytest.raises(OracleError, match="not charged|no call was charged"):
                oracle.score(ALKANES[start : start + 8])
            assert (oracle.calls, oracle.failed, oracle.left) == (20, 0, 40)
        lengths.raises = lambda s: False
        assert oracle.score(ALKANES[:70]).status == ["cached"] * 20 + ["scored"] * 40 + ["over budget"] * 10


def test_failures_are_charged_once_the_oracle_has_answered_since(tmp_path: Path) -> None:
    """At the end of a round a molecule that it answered before is asked about again, free of charge."""
    lengths = Lengths(raises=lambda s: 20 < len(s) <= 32)
    with ledger(lengths, tmp_path, budget=60, batch_size=12) as oracle:
        oracle.score(ALKANES[:20])
        scored = oracle.score(ALKANES[20:32])
        assert scored.status == ["failed: poisoned"] * 12 and scored.paid.all()
        assert (oracle.calls, oracle.failed, oracle.left) == (32, 12, 28)
        assert oracle.history["round"].tolist()[-12:] == [1] * 12, "the round that asked about them"
        assert lengths.batches[-1] == ALKANES[19:20]
        oracle.score(ALKANES[32:40])
        assert (oracle.calls, oracle.failed, oracle.left) == (40, 12, 20)
    with ledger(Lengths(), tmp_path) as oracle:
        assert oracle.calls == 40 and oracle.score(ALKANES[:40]).status.count("failed: poisoned") == 12
    alone = {len(b[0]) for b in lengths.batches if len(b) == 1}
    assert alone >= set(range(21, 33))


def test_a_failing_molecule_that_a_kill_left_over_does_not_hold_up_the_next_run(tmp_path: Path) -> None:
    lengths = Lengths(raises=lambda s: len(s) > 20)
    with ledger(lengths, tmp_path) as oracle:
        oracle.score(ALKANES[:20])
    with ledger(lengths, tmp_path) as oracle:
        assert oracle.score(ALKANES[:21]).status[20] == "failed: poisoned" and oracle.calls == 21
        assert lengths.batches[-1] == ALKANES[19:20], "one that it had answered before tells that it is not to blame"
    down = Lengths(raises=lambda s: True)
    with ledger(down, tmp_path) as oracle:
        with pytest.raises(
            OracleError, match=r"not charged\) and on one that it had answered before: poisoned; 21 calls"
        ):
            oracle.score(ALKANES[:60])
        assert oracle.calls == 21 and len(set(down.asked)) == 4, "three new molecules and that one"


def test_a_short_outage_charges_only_what_was_asked_alone_in_it(tmp_path: Path) -> None:
    def run(name: str, outage: int) -> tuple[int, int]:
        lengths = Lengths()
        with ledger(lengths, tmp_path / name, budget=200, batch_size=100) as oracle:
            oracle.score(ALKANES[:20])
            end = len(lengths.batches) + outage
            lengths.raises = lambda s: len(lengths.batches) <= end
            oracle.score(ALKANES[20:120])
            return oracle.calls, oracle.failed

    assert run("parts", 5) == (120, 0), "the batch, its second try, and three parts of it"
    assert run("alone", 9) == (120, 1), "and one molecule alone"


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
        assert status.count("scored") == 20, "it came back while it was asked again"
        assert (oracle.calls, oracle.failed) == (50, 0)


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


def test_calls_without_a_number_are_counted_over_rounds_and_runs(tmp_path: Path) -> None:
    def run(lengths: Lengths) -> int:
        """Ask in rounds of 7, and return the calls in the log when the run stops."""
        with ledger(lengths, tmp_path, budget=300, batch_size=4) as oracle:
            with pytest.raises(OracleError, match="no number for") as stopped:
                for start in range(0, 280, 7):
                    oracle.score(ALKANES[start : start + 7])
            assert f" {oracle.calls} calls are in the log" in str(stopped.value), (
                "also those of the batch after the stop"
            )
            return oracle.calls

    dead = Lengths(nan=lambda s: True)
    assert 30 <= run(dead) < 34, "a tenth of the budget"
    with ledger(dead, tmp_path, budget=300) as oracle:
        oracle.score(ALKANES[:50])  # running again goes on, and is killed here
    assert 60 <= run(dead) < 64
    assert 220 <= run(Lengths(nan=lambda s: len(s) > 120)) < 224, "a hundred after a number"


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

    def twice(function: Callable[[list[str]], int], batches: Iterable[list[str]]) -> list[int]:
        batches = list(batches)
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


def test_the_ledger_itself_costs_next_to_nothing(tmp_path: Path) -> None:
    """Far under 0.1 ms a call when nothing else is at work; the bound leaves room for a busy machine."""
    many = [f"[{n}CH4]" for n in range(1, 900)]
    with ledger(Lengths(), tmp_path) as oracle:
        for key in many:
            oracle._canonicalize(key)
        started = time.process_time()
        oracle.score(many)
        seconds = (time.process_time() - started) / len(many)
    assert oracle.calls == 899 and seconds < 5e-4


def test_an_oracle_of_ones_own_that_raises_before_its_first_answer_fails_like_others(tmp_path: Path) -> None:
    class Eager(Lengths):
        def answers(self, smiles: Sequence[str]) -> Iterator[Answer]:
            if "CCCCC" in smiles:
                raise RuntimeError("no five")
            return iter(list(super().answers(smiles)))

    with ledger(Eager(), tmp_path) as oracle:
        status = oracle.score(ALKANES[:20]).status
    assert status[4] == "failed: lengths raised RuntimeError: no five" and status.count("scored") == 19
