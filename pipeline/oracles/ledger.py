"""An oracle under a budget: each molecule is paid once, and each call is logged.

The policy. A molecule is known by its canonical SMILES and asked about at most once. A call is charged, and with it logged,
when the oracle answers (with a number or without one), or when the molecule failed: it was asked again, by itself, and in
vain. A batch that fails is tried again as a whole, then halved until the molecules to blame stand alone, so that a bad
molecule costs itself alone. A failure is charged only after the oracle has answered again. When `FAILURES` attempts in a row
bring no answer, or a round ends with failures, the oracle is asked about a molecule that it answered before, free of charge:
if that fails too, the oracle is down, the run stops, and nothing of what failed is charged or logged, so that a new run asks
again. Where it has never given a number, `TRIAL` molecules in vain are enough to stop. A run also stops after every
`NUMBERLESS` calls in a row without a number, those of earlier rounds and runs included. A failed molecule is not asked again.
"""

from __future__ import annotations

import builtins
import itertools
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rdkit import Chem, rdBase

from chem_vae.errors import ChemVAEError, UserError
from chem_vae.progress import Progress, silent
from pipeline.chemistry.standardization.standardize import LONGEST_INPUT
from pipeline.oracles.base import Answer, Closing, Oracle, OracleError, clip, drop_infinities
from pipeline.oracles.batch_size import BatchSize
from pipeline.oracles.call_log import Call, CallLog
from pipeline.oracles.config import OWN_COLUMNS
from pipeline.workspace.presentation.formatting import count_of, count_things

BATCH = 100
TRIAL = 3
"""Molecules that go ahead of all others: where the oracle fails on each, it is set up wrongly."""
FAILURES = 10
"""Attempts in a row without any answer, after which the oracle seems to be down."""
NUMBERLESS = 100
"""Calls in a row without a number, after which the run stops; a tenth of the budget, 10 to 100, where none gave one yet."""

Map = Callable[[Callable[[list[str]], int], Iterable[list[str]]], Iterable[int]]


class _Stopped(OracleError):
    """Ends a run that the same request goes on with; how many calls are in the log is said when no more come."""


@dataclass(frozen=True)
class Scored:
    """The results for n molecules, row i for row i."""

    values: NDArray[np.float64]
    """(n, E); NaN where it failed or was not asked."""
    status: list[str]
    """"scored"; "cached", known before or from the same list; "failed: why"; "over budget" and "over time", not asked."""
    paid: NDArray[np.bool_]
    """(n,) whether the row cost a call now."""
    smiles: list[str | None]
    """The canonical SMILES by which it is known; None where RDKit reads no molecule."""


class CountedOracle(Closing):
    """Asks an oracle about each molecule at most once, and about at most `budget` in all, by the policy of this module.

    Opening an existing log restores the cache and the count. Use it as a context manager, or close it.

    Args:
        oracle: Who is asked; it is closed with the ledger.
        budget: Calls at most, those of the log included.
        log: The file of the log, see `CallLog`.
        retries: Times that a batch that failed is tried again as a whole, after `pause` seconds, twice that, and so on.
        batch_size: Molecules at once. When not given, `BATCH` or a fair share for `parallel` batches, and of an oracle that
            answers `at_once` as many as take about ten seconds (see `BatchSize`).
        parallel: Batches at once.
        map: A function like the builtin one, over batches of SMILES, in threads of this process; a pool of `parallel`
            threads when not given.
        pause: Seconds before the first retry.
        seconds_left: Asked between batches and after each answer; at 0 no more batches are begun.
        repeat_from: Of the calls in the log only so many, the first ones, are known from the start. The others are answered from
            the log when they are asked about again, and count from then on: a search that is repeated goes the same way.

    Raises:
        UserError: For a budget, retries, batch_size or parallel too small, or an oracle without endpoints.
        BusyError, UserError, DataError: As `CallLog` does.
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
        repeat_from: int | None = None,
    ) -> None:
        if budget < 1:
            raise UserError(f"the budget is {budget} oracle calls; give at least 1")
        if (batch_size is not None and batch_size < 1) or parallel < 1 or retries < 0:
            raise UserError("batch_size and parallel start at 1, retries at 0")
        if not oracle.endpoints or set(oracle.endpoints) & set(OWN_COLUMNS):
            raise UserError(f"an oracle needs endpoints, none of them called {', '.join(OWN_COLUMNS)}")
        self.oracle, self.budget, self.endpoints = oracle, budget, tuple(oracle.endpoints)
        self._tries, self._pause, self._seconds_left = 1 + retries, pause, seconds_left
        self._batch_size, self._parallel = batch_size, parallel
        self._map: Map = map or (self._map_in_threads if parallel > 1 else builtins.map)
        self._sizes = BatchSize(BATCH, short=batch_size is None and oracle.at_once, timeout=oracle.timeout)
        self._scoring, self._writing = threading.Lock(), threading.RLock()
        self._stop: Exception | None = None
        self._answering = False  # whether it has answered since it was opened or last stopped
        self._in_vain, self._why = 0, ""
        self._pending: dict[str, tuple[str, float]] = {}  # failed, not charged yet: the reason and the seconds
        self._keys: dict[str, str | None] = {}
        self._log = CallLog(log, oracle.name, self.endpoints)
        self._numberless = sum(1 for _ in itertools.takewhile(lambda call: call.failed, reversed(self._log.calls)))
        known = self._log.calls if repeat_from is None else self._log.calls[:repeat_from]
        self._known = {call.smiles: call for call in known}
        self._repeated = {call.smiles: call for call in self._log.calls[len(known) :]}
        self._strayed: list[str] = []
        self.failed = sum(call.failed for call in known)
        """Calls that gave no number for any endpoint."""
        self._round = 1 + max((call.round for call in known), default=-1)

    @property
    def calls(self) -> int:
        """Calls paid, those of the log from before included."""
        return len(self._known)

    @property
    def left(self) -> int:
        """Calls that the budget still allows."""
        return max(0, self.budget - self.calls)

    @property
    def history(self) -> pd.DataFrame:
        """A row per call: order, smiles, a column per endpoint, seconds, round, time (since 1970, UTC), reason."""
        calls = [call for call in self._log.calls if call.smiles not in self._repeated]
        values = np.array([call.values for call in calls], dtype=np.float64).reshape(len(calls), len(self.endpoints))
        columns: dict[str, Any] = {name: [getattr(call, name) for call in calls] for name in OWN_COLUMNS}
        endpoints = {e: values[:, i] for i, e in enumerate(self.endpoints)}
        return pd.DataFrame({"order": columns["order"], "smiles": columns["smiles"], **endpoints, **columns})

    def score(self, smiles: Sequence[str | None], progress: Progress = silent) -> Scored:
        """Score n molecules; those not known yet are paid for, in order, as far as the budget goes.

        Args:
            smiles: SMILES of any spelling; None has no values.
            progress: Told how many of the molecules to pay for are done.

        Returns:
            The values, and what became of each molecule.

        Raises:
            OracleError: If the oracle is down, or gives no number for long. What was answered until then is in the log.
        """
        with self._scoring:
            keys = [self._canonicalize(text) for text in smiles]
            unknown = self._select_unknown([key for key in dict.fromkeys(keys) if key is not None])
            paying = unknown[: self.left]
            if self._repeated:
                self._repeat(paying)
                new = self._select_unknown(paying)[: self.left]
                paying = [key for key in paying if key in self._known or key in new]
            if paying:
                try:
                    if new := self._select_unknown(paying):
                        self._pay(new, progress)
                finally:
                    self._round += 1
            return self._report(keys, set(paying))

    def take_rest(self, *, all_left: bool = False) -> pd.DataFrame:
        """Return the calls of the log that count although a repeated search has not asked about them, each once, as `history` does.

        There are some where the search has gone another way than the first time, and at its end where that came earlier.

        Args:
            all_left: Count all calls of the log from now on, as the search has ended.
        """
        if all_left:
            self._strayed += list(self._repeated)
            for key in self._strayed:
                self._take(key)
        history = self.history
        found = history[history["smiles"].isin(self._strayed)]
        self._strayed = []
        return found

    def close(self) -> None:
        """Close the oracle with its processes, and the log."""
        try:
            self.oracle.close()
        finally:
            self._log.close()

    # -- calls of the log --------------------------------------------------------------------------------------------

    def _repeat(self, keys: list[str]) -> None:
        """Take from the log what is asked about again, and all of it where the search goes another way than it went before.

        The log ends in the middle of a round: a molecule is new before its end only where the first search did not ask about it.
        """
        for key in keys:
            self._take(key)
        if self._repeated and self._select_unknown(keys):
            self._strayed = list(self._repeated)
            for key in self._strayed:
                self._take(key)

    def _take(self, key: str) -> None:
        """Count a call of the log from now on."""
        if (call := self._repeated.pop(key, None)) is not None:
            self._known[key] = call
            self.failed += call.failed

    # -- paying ------------------------------------------------------------------------------------------------------

    def _pay(self, keys: list[str], progress: Progress) -> None:
        self._stop, stage, done = None, "asking the oracle", 0
        self._pending.clear()
        self._in_vain = 0
        try:
            progress(stage, 0, len(keys))
            while not self._answering and done < min(TRIAL, len(keys)) and not self._is_over():
                done += self._settle(keys[done : 1 + done if self._sizes.short else TRIAL])
            if not self._answering and not self._is_over():
                if self._find_answered() is not None:  # it was set up rightly: these molecules may be to blame
                    self._check_alive()
                else:
                    why = f"the oracle failed on the first {done} molecules, no call was charged: {self._why}"
                    self._stop = OracleError(why)
            self._sizes.most = self._batch_size or min(BATCH, math.ceil((len(keys) - done) / self._parallel) or 1)
            answered = iter(self._map(self._settle, self._cut(keys[done:])))
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
            if self._pending and not self._is_over():
                self._check_alive()
        finally:
            self._log.sync()
            if self._stop is not None:
                self._answering = False  # the next attempt begins with a trial again
        if isinstance(self._stop, _Stopped):
            raise OracleError(f"{self._stop}; {self.calls} calls are in the log, and running again goes on from them")
        if self._stop is not None:
            raise self._stop
        if not self._is_over() and (left := self._select_unknown(keys)):
            raise OracleError(
                f"{count_things(len(left), 'molecule', 'was', 'were')} handed to the map over batches, and it asked about none"
            )

    def _map_in_threads(self, function: Callable[[list[str]], int], batches: Iterable[list[str]]) -> Iterator[int]:
        """Have at most `parallel` batches under way, and take the next one when the first is done."""
        under_way: deque[Future[int]] = deque()
        with ThreadPoolExecutor(self._parallel) as pool:
            try:
                for batch in batches:
                    if len(under_way) == self._parallel:
                        yield under_way.popleft().result()
                    under_way.append(pool.submit(function, batch))
                while under_way:
                    yield under_way.popleft().result()
            except BaseException:  # the calls under way are waited for and logged
                self._stop = self._stop or OracleError("interrupted")
                raise

    def _cut(self, keys: list[str]) -> Iterator[list[str]]:
        """Cut molecules into batches, each as large as is right at the time when it is taken."""
        while keys and not self._is_over():
            size = self._sizes.choose(self._seconds_left())
            yield keys[:size]
            keys = keys[size:]

    def _settle(self, batch: list[str]) -> int:
        """Ask about a batch, in any thread; return its size. An error is left in `_stop`, for the thread that pays."""
        keys = [key for key in self._select_unknown(batch) if key not in self._pending]  # a map may try again
        try:
            self._ask_until_settled(keys, self._tries)
        except Exception as error:
            self._stop = self._stop or error
            if not isinstance(error, ChemVAEError):
                raise
        return len(batch)

    def _ask_until_settled(self, keys: list[str], tries: int) -> None:
        """Ask until each molecule is answered or has failed alone: the whole batch `tries` times, then each half of it."""
        asked: list[str] = []
        error: OracleError | None = None
        started = time.perf_counter()
        for attempt in range(tries):
            if not keys or self._is_over():
                return
            if attempt:
                time.sleep(self._pause * 2 ** (attempt - 1))
            asked, error = keys, self._ask(keys)
            keys = self._select_unknown(keys)
        if not keys or self._is_over():
            return
        with self._writing:
            self._in_vain += 1
            self._why = clip(str(error))
            if len(asked) == 1:
                self._pending[keys[0]] = self._why, time.perf_counter() - started
        if self._in_vain >= (FAILURES if self._answering else math.inf):
            self._check_alive()
        if len(asked) > 1:
            half = (len(keys) + 1) // 2
            self._ask_until_settled(keys[:half], 1)
            self._ask_until_settled(keys[half:], 1)

    def _ask(self, keys: list[str]) -> OracleError | None:
        """Ask once and record the answers as they come; return what ended it early."""
        answers: Iterator[Answer] | None = None
        before, seen, spent = time.perf_counter(), set[int](), 0.0
        while True:
            try:
                answers = answers or iter(self.oracle.answers(keys))
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
            spent, before = spent + seconds, now
            values, reason = drop_infinities(answer.values, self.endpoints, answer.reason)
            with self._writing:
                self._charge_pending()
                self._enter(keys[answer.row], values, reason and clip(reason), seconds if seconds < math.inf else 0.0)
            self._seconds_left()  # so that who keeps the time knows that the run is alive
        if len(seen) < len(keys):
            return OracleError(f"{self.oracle.name} answered {count_of(len(seen), len(keys), 'molecule')}")
        with self._writing:
            self._sizes.add_time(len(keys), spent)
        return None

    def _check_alive(self) -> None:
        """Ask about a molecule that gave a number before; stop where there is none or it fails too."""
        known = self._find_answered()
        if known is not None and any(self._ask([known]) is None for _ in range(self._tries)):
            return
        with self._writing:
            if self._in_vain:  # else it has answered another thread meanwhile
                times = "once" if self._in_vain == 1 else f"{self._in_vain} times in a row"
                also = "" if known is None else " and on one that it had answered before"
                self._stop = self._stop or _Stopped(
                    f"the oracle failed {times} on molecules (not charged){also}: {self._why}"
                )

    def _find_answered(self) -> str | None:
        """Find the last molecule that gave a number, in this run or an earlier one."""
        return next((call.smiles for call in reversed(self._log.calls) if not call.failed), None)

    def _charge_pending(self) -> None:
        """Charge what failed before the answer that has just come. With `_writing` held."""
        self._in_vain, self._answering = 0, True
        while self._pending:
            key = next(iter(self._pending))
            reason, seconds = self._pending[key]
            self._enter(key, (math.nan,) * len(self.endpoints), reason, seconds)
            del self._pending[key]

    def _enter(self, key: str, values: tuple[float, ...], reason: str | None, seconds: float) -> None:
        """Write down a call, unless it is known. With `_writing` held."""
        if key in self._known:
            return
        call = Call(len(self._log.calls), key, values, seconds, self._round, time.time(), reason)
        self._log.append(call)
        self._known[key] = call
        self.failed += call.failed
        self._numberless = self._numberless + 1 if call.failed else 0
        at_start = self._numberless == len(self._log.calls)
        limit = min(NUMBERLESS, max(10, self.budget // 10)) if at_start else NUMBERLESS
        if self._numberless and self._numberless % limit == 0:  # each time anew, so that running again goes on
            self._stop = self._stop or _Stopped(
                f"the oracle gave no number for {self._numberless} molecules in a row, the last because: {reason}"
            )

    def _is_over(self) -> bool:
        """Return whether no more is to be asked."""
        return self._stop is not None or self._seconds_left() <= 0

    def _select_unknown(self, keys: list[str]) -> list[str]:
        return [key for key in keys if key not in self._known]

    # -- molecules ---------------------------------------------------------------------------------------------------

    def _canonicalize(self, text: str | None) -> str | None:
        if text is None or text in self._known:
            return text
        if text not in self._keys:
            mol = None
            if len(text) <= LONGEST_INPUT:
                with rdBase.BlockLogs():
                    mol = Chem.MolFromSmiles(text)
            self._keys[text] = Chem.MolToSmiles(mol) if mol is not None and mol.GetNumAtoms() else None
        return self._keys[text]

    def _report(self, keys: list[str | None], paying: set[str]) -> Scored:
        values = np.full((len(keys), len(self.endpoints)), np.nan)
        paid = np.zeros(len(keys), dtype=np.bool_)
        status = []
        for row, key in enumerate(keys):
            call = self._known.get(key) if key is not None else None
            if key is None:
                status.append("failed: RDKit reads no molecule")
            elif call is None:
                status.append("over time" if key in paying else "over budget")
            else:
                values[row] = call.values
                paid[row] = key in paying
                status.append(f"failed: {call.reason}" if call.failed else "scored" if key in paying else "cached")
                paying.discard(key)
        return Scored(values, status, paid, list(keys))
