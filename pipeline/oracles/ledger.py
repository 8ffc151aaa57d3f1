"""An oracle under a budget: every molecule paid once, every call logged, failures kept in the accounts."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rdkit import Chem, rdBase

from chem_vae.errors import ChemVAEError, UserError
from chem_vae.progress import Progress, silent
from pipeline.chemistry.standardize import LONGEST_INPUT
from pipeline.oracles.base import Oracle, OracleError, clip, without_infinities
from pipeline.oracles.batch_size import Pace
from pipeline.oracles.call_log import Call, CallLog
from pipeline.oracles.config import OWN_COLUMNS
from pipeline.oracles.pending_failures import NUMBERLESS, Doubts
from pipeline.oracles.retries import Failure, settle

BATCH = 100
TRIAL = 3
"""Molecules that go ahead of all others: where the oracle fails on each, it is set up wrongly, and nothing is charged."""

Map = Callable[[Callable[[list[str]], int], list[list[str]]], Iterable[int]]


@dataclass(frozen=True)
class Scored:
    """What became of n molecules, row i for row i."""

    values: NDArray[np.float64]
    """(n, E); NaN where it failed or was not asked."""
    status: list[str]
    """"scored"; "cached", known before or from the same list; "failed: why"; "over budget" and "over time", not asked."""
    paid: NDArray[np.bool_]
    """(n,) whether the row costs a call now; one that the oracle failed on does unless the oracle turns out to be down."""
    smiles: list[str | None]
    """The canonical SMILES by which it is known; None where RDKit reads no molecule."""


class CountedOracle:
    """Asks an oracle about each molecule (canonical SMILES) at most once, and about at most `budget` in all.

    An answer counts as a call, with a number or without. So does a molecule that the oracle raises or hangs on by itself,
    after `retries` more tries of its batch, as soon as the oracle has answered anything since: until then it is held back.
    Where nothing has answered for long, or the budget is given out, a molecule that gave a number before is asked again,
    free of charge. When that fails too the oracle is down: what is held back is neither charged nor logged, and asked again
    by whoever goes on. Failed molecules are not asked again. The log is written answer by answer, and opening it again restores the cache and the
    count. Use it as a context manager, or close it.

    batch_size: molecules at once. When not given, BATCH or a fair share for `parallel` batches, and of an oracle that
    answers `at_once` as many as take about ten seconds, or half of its timeout (see Pace). seconds_left: asked between
    batches; at 0 no more are begun. map: like the builtin one, over batches of SMILES, in threads of this process; a pool of
    `parallel` threads when not given. Raises UserError for a budget below 1, and as CallLog does.
    """

    def __init__(
        self,
        oracle: Oracle,
        budget: int,
        log: Path,
        *,
        retries: int = 1,
        batch_size: int | None = None,
        parallel: int = 1,
        map: Map | None = None,
        pause: float = 0.5,
        seconds_left: Callable[[], float] = lambda: math.inf,
    ) -> None:
        if budget < 1:
            raise UserError(f"the budget is {budget} oracle calls; give at least 1")
        if (batch_size is not None and batch_size < 1) or parallel < 1 or retries < 0:
            raise UserError("batch_size and parallel start at 1, retries at 0")
        if not oracle.endpoints or set(oracle.endpoints) & set(OWN_COLUMNS):
            raise UserError(f"an oracle needs endpoints, none of them called {', '.join(OWN_COLUMNS)}")
        self.oracle, self.budget, self.endpoints = oracle, budget, tuple(oracle.endpoints)
        self._retries, self._pause = retries, pause
        self._batch_size, self._parallel, self._map = batch_size, parallel, map
        self._pace = Pace(seconds_left, short=batch_size is None and oracle.at_once, timeout=oracle.timeout)
        self._scoring, self._writing = threading.Lock(), threading.Lock()
        self._stop: Exception | None = None
        self._tried = False
        self._doubts = Doubts()
        self._keys: dict[str, str | None] = {}
        self._log = CallLog(log, oracle.name, self.endpoints)
        self._known = {call.smiles: call for call in self._log.calls}
        self._failed = sum(_failed(call) for call in self._log.calls)
        self._round = 1 + max((call.round for call in self._log.calls), default=-1)

    @property
    def calls(self) -> int:
        """Calls paid, those of the log from before included."""
        return len(self._log.calls)

    @property
    def left(self) -> int:
        """Calls that the budget still allows, apart from those that failures held back may cost."""
        return max(0, self.budget - self.calls - len(self._doubts))

    @property
    def failed(self) -> int:
        """Calls that gave no number for any endpoint."""
        return self._failed

    @property
    def history(self) -> pd.DataFrame:
        """A row per call: order, smiles, a column per endpoint, seconds, round, time (since 1970, UTC), reason."""
        calls = list(self._log.calls)
        values = np.array([call.values for call in calls], dtype=np.float64).reshape(len(calls), len(self.endpoints))
        columns: dict[str, Any] = {"order": [c.order for c in calls], "smiles": [c.smiles for c in calls]}
        columns |= {e: values[:, i] for i, e in enumerate(self.endpoints)}
        columns |= {"seconds": [c.seconds for c in calls], "round": [c.round for c in calls]}
        columns |= {"time": [c.time for c in calls], "reason": [c.reason for c in calls]}
        return pd.DataFrame(columns)

    def score(self, smiles: Sequence[str | None], progress: Progress = silent, *, round: int | None = None) -> Scored:
        """The values of n molecules; those not known yet are paid for, in order, as far as the budget goes.

        round: what the log calls this turn; counted on when not given.
        Raises OracleError where the oracle fails on the very first molecules (nothing is charged then), on several batches
        in a row, or gives no number for long. What was paid until then is in the log and the cache.
        """
        with self._scoring:
            keys = [self._key(text) for text in smiles]
            new = dict.fromkeys(key for key in keys if key is not None)
            paying = self._unasked(list(new))[: self.left]
            if round is not None:
                self._round = round
            if paying:
                try:
                    self._pay(paying, progress)
                finally:
                    self._round += 1
            return self._scored(keys, set(paying))

    def close(self) -> None:
        """Close the log, and the oracle with its processes."""
        try:
            self.oracle.close()
        finally:
            self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- paying ------------------------------------------------------------------------------------------------------

    def _pay(self, keys: list[str], progress: Progress) -> None:
        self._stop, stage, done = None, "asking the oracle", 0
        try:
            progress(stage, 0, len(keys))
            while not self._tried and done < min(TRIAL, len(keys)) and not self.stopped():
                done += self._batch(keys[done:TRIAL][: 1 if self._pace.short else TRIAL])
            if not self._tried and not self.stopped():
                why = self._doubts.reason(keys[0])
                self._stop = OracleError(f"the oracle failed on the first {done} molecules, no call was charged: {why}")
            rest = keys[done:]
            size = self._batch_size or min(BATCH, math.ceil(len(rest) / self._parallel) or 1)
            batches = [rest[i : i + size] for i in range(0, len(rest), size)]
            if batches and not self.stopped():
                answered = iter((self._map or self._threads)(self._batch, batches))
                try:
                    for number in answered:
                        done += number
                        progress(stage, done, len(keys))
                except BaseException:
                    self._stop = self._stop or OracleError("interrupted")  # no batch is begun any more
                    raise
                finally:
                    if isinstance(answered, Generator):
                        answered.close()  # only now, and while the log is open: it waits for the calls under way
            self._decide()
        finally:
            self._log.sync()
            if self._stop is not None:
                self._tried = False  # what comes next is a new start
                self._doubts.forget()
        if self._stop is not None:
            raise self._stop
        if not self.stopped() and (left := self._unasked(keys)):
            raise OracleError(f"{len(left)} molecules were handed to the map over batches, and it asked about none")

    def _threads(self, function: Callable[[list[str]], int], batches: list[list[str]]) -> Iterator[int]:
        if self._parallel == 1:
            for batch in batches:
                yield from self._parts(batch)
            return
        with ThreadPoolExecutor(self._parallel) as pool:
            try:
                yield from pool.map(function, batches)
            except BaseException:
                self._stop = self._stop or OracleError("interrupted")  # the calls under way are waited for and logged
                raise

    def _batch(self, keys: list[str]) -> int:
        """Settle a batch, in whichever thread; the number of its molecules. Leaves its error in _stop."""
        for _ in self._parts(keys):
            pass
        return len(keys)

    def _parts(self, keys: list[str]) -> Iterator[int]:
        """Settle a batch in parts as large as may be lost now; the number of molecules of each, as it is done."""
        while keys and not self.stopped():
            size = self._pace.size(len(keys))
            # a map that tries again must not pay again
            part, keys = self._unasked(keys[:size]), keys[size:]
            started = time.perf_counter()
            try:
                failed = settle(part, self, retries=self._retries, pause=self._pause) if part else {}
                if part and self._stop is None:
                    self._account(part, failed, (time.perf_counter() - started) / len(part))
            except ChemVAEError as error:
                self._stop = self._stop or error
            except Exception as error:
                self._stop = self._stop or error
                raise
            yield size

    def _account(self, keys: list[str], failed: dict[str, Failure], seconds: float) -> None:
        """Hold back what failed, charge what is in doubt no more, and see whether the oracle is alive."""
        answered = len(self.unanswered(keys)) < len(keys)
        with self._writing:
            self._tried = self._tried or answered
            self._doubts.settled(failed, answered, seconds, self._round)
            self._charge()
            grave = self._doubts.grave()
        if grave and not self.stopped():
            self._look_whether_down()

    def _charge(self) -> None:
        """Charge the failures that are the molecules' own. With _writing held."""
        for key, doubt in self._doubts.of_molecules():
            self._enter(key, (math.nan,) * len(self.endpoints), doubt.failure.reason, doubt.seconds, doubt.round)

    def _decide(self) -> None:
        """Ask again about what failed in company, and at the end of the budget leave nothing in doubt."""
        while len(self._doubts) and not self.stopped():
            if again := self._doubts.to_ask_again():
                self._batch(again)
            elif self.left:
                return  # a later answer will tell
            else:
                self._look_whether_down()

    def _look_whether_down(self) -> None:
        """Ask about a molecule that gave a number before: stop where it fails too, else charge what is held back.

        Where none ever did, the oracle is taken to be down when many failed.
        """
        before = self._doubts.answers
        known = next((call.smiles for call in reversed(self._log.calls) if not _failed(call)), None)
        if known is None:
            alive = not self._doubts.many()
        else:  # an answer that is known is neither charged nor logged
            alive = any(self.ask([known]) is None for _ in range(1 + self._retries))
        with self._writing:
            if alive:
                self._doubts.answered()
                self._charge()
            elif self._doubts.answers == before:  # nor has it answered anything else meanwhile
                also = "" if known is None else " and on one that it had answered before"
                self._stop = self._stop or OracleError(
                    f"the oracle failed on the last {len(self._doubts)} molecules (not charged){also}: "
                    f"{self._doubts.reason()}; {self.calls} calls are in the log, and running again goes on from them"
                )

    # -- what attempts.settle needs ----------------------------------------------------------------------------------

    def ask(self, keys: list[str]) -> OracleError | None:
        """Ask once and record the answers as they come; what ended it early. Part of a score(), not for itself."""
        answers, before, seen, spent = iter(self.oracle.answers(keys)), time.perf_counter(), set[int](), 0.0
        while True:
            try:
                answer = next(answers)
            except StopIteration:
                break
            except UserError:
                raise
            except OracleError as error:
                return error
            except Exception as error:  # an oracle of someone's own
                return OracleError(f"{self.oracle.name} raised {type(error).__name__}: {error}")
            if not 0 <= answer.row < len(keys) or answer.row in seen or len(answer.values) != len(self.endpoints):
                return OracleError(f"{self.oracle.name} gave an answer that fits no question: {answer}")
            seen.add(answer.row)
            now = time.perf_counter()
            seconds = now - before if answer.seconds is None else answer.seconds
            self._record(keys[answer.row], answer.values, answer.reason, seconds)
            spent, before = spent + seconds, now
            self._pace.over()
        if len(seen) < len(keys):
            return OracleError(f"{self.oracle.name} answered {len(seen)} of {len(keys)} molecules")
        with self._writing:
            self._pace.timed(len(keys), spent)
        return None

    def unanswered(self, keys: list[str]) -> list[str]:
        """Those without a call."""
        return [key for key in keys if key not in self._known]

    def answered(self) -> int:
        """Answers so far."""
        return self._doubts.answers

    def stopped(self) -> bool:
        """Whether no more is to be asked."""
        return self._stop is not None or self._pace.over()

    def _record(self, key: str, values: Sequence[float], reason: str | None, seconds: float) -> None:
        kept, why = without_infinities(values, self.endpoints, reason)
        with self._writing:
            if key not in self._known:
                self._doubts.answers += 1
                self._enter(key, kept, why and clip(why), seconds if math.isfinite(seconds) else 0.0, self._round)

    def _enter(self, key: str, values: tuple[float, ...], reason: str | None, seconds: float, round: int) -> None:
        """Write a call down. With _writing held."""
        call = Call(self.calls, key, values, seconds, round, time.time(), reason)
        self._log.append(call)
        self._known[key] = call
        self._failed += _failed(call)
        numberless = self._doubts.entered(key, not _failed(call))
        at_start = self._failed == self.calls
        if numberless >= (min(NUMBERLESS, max(10, self.budget // 10)) if at_start else NUMBERLESS):
            self._stop = self._stop or OracleError(
                f"the oracle gave no number for {numberless} molecules in a row, the last because: {reason}; "
                f"{self.calls} calls are in the log, and running again goes on from them"
            )

    def _unasked(self, keys: list[str]) -> list[str]:
        return [key for key in self.unanswered(keys) if key not in self._doubts]

    # -- molecules ---------------------------------------------------------------------------------------------------

    def _key(self, text: str | None) -> str | None:
        if text is None or text in self._known:
            return text
        if text not in self._keys:
            mol = None
            if len(text) <= LONGEST_INPUT:
                with rdBase.BlockLogs():
                    mol = Chem.MolFromSmiles(text)
            self._keys[text] = Chem.MolToSmiles(mol) if mol is not None and mol.GetNumAtoms() else None
        return self._keys[text]

    def _scored(self, keys: list[str | None], paying: set[str]) -> Scored:
        values = np.full((len(keys), len(self.endpoints)), np.nan)
        paid = np.zeros(len(keys), dtype=np.bool_)
        status = []
        for row, key in enumerate(keys):
            if key is None:
                status.append("failed: RDKit reads no molecule")
                continue
            if key in self._doubts:
                status.append(f"failed: {self._doubts.reason(key)}")
            elif key in self._known:
                call = self._known[key]
                values[row] = call.values
                new = key in paying
                status.append(f"failed: {call.reason}" if _failed(call) else "scored" if new else "cached")
            else:
                status.append("over time" if key in paying else "over budget")
                continue
            paid[row] = key in paying
            paying.discard(key)
        return Scored(values, status, paid, list(keys))


def _failed(call: Call) -> bool:
    return all(map(math.isnan, call.values))
