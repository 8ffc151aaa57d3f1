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
from pipeline.oracles.attempts import settle
from pipeline.oracles.base import Oracle, OracleError, clip, without_infinities
from pipeline.oracles.config import OWN_COLUMNS
from pipeline.oracles.log import Call, CallLog
from pipeline.standardize import LONGEST_INPUT

BATCH = 100
TRIAL = 3
"""Molecules that go ahead of all others: where the oracle fails on each, it is set up wrongly, and nothing is charged."""
DEAD_BATCHES, DEAD_MOLECULES = 3, 10
"""So many batches in a row, of so many molecules, without any answer, and the oracle is taken to be down."""
NUMBERLESS = 100
"""So many calls in a row without a number, and the budget is not spent on more of them; a tenth of it at the start."""

Map = Callable[[Callable[[list[str]], int], list[list[str]]], Iterable[int]]


@dataclass(frozen=True)
class Scored:
    """What became of n molecules, row i for row i."""

    values: NDArray[np.float64]
    """(n, E); NaN where it failed or was not asked."""
    status: list[str]
    """"scored"; "cached", known before or from the same list; "failed: why"; "over budget", not asked."""
    paid: NDArray[np.bool_]
    """(n,) whether the row cost a call now."""
    smiles: list[str | None]
    """The canonical SMILES by which it is known; None where RDKit reads no molecule."""


class CountedOracle:
    """Asks an oracle about each molecule (canonical SMILES) at most once, and about at most `budget` in all.

    An answer counts as a call, with a number or without; so does a molecule that the oracle raises or hangs on by itself,
    after `retries` more tries of its batch. Failed molecules are not asked again. The log is written answer by answer, and
    opening it again restores the cache and the count. Use it as a context manager, or close it.

    map: like the builtin one, over batches of SMILES, in threads of this process; a pool of `parallel` threads when not
    given. Raises UserError for a budget below 1, and as CallLog does.
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
        self._scoring, self._writing = threading.Lock(), threading.Lock()
        self._stop: Exception | None = None
        self._tried = False
        self._dead_batches = self._dead_molecules = self._numberless = 0
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
        """Calls that the budget still allows."""
        return max(0, self.budget - self.calls)

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
            new = list(dict.fromkeys(key for key in keys if key is not None and key not in self._known))
            paying = new[: self.left]
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
        self._stop, stage = None, "asking the oracle"
        trial = [] if self._tried else keys[:TRIAL]
        rest = keys[len(trial) :]
        size = self._batch_size or min(BATCH, math.ceil(len(rest) / self._parallel) or 1)
        batches = [rest[i : i + size] for i in range(0, len(rest), size)]
        try:
            progress(stage, 0, len(keys))
            done = self._batch(trial) if trial else 0
            if batches and self._stop is None:
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
        finally:
            self._log.sync()
        if self._stop is not None:
            self._tried = False  # what comes next is a new start
            self._dead_batches = self._dead_molecules = self._numberless = 0
            raise self._stop
        if left := self.unanswered(keys):
            raise OracleError(f"{len(left)} molecules were handed to the map over batches, and it asked about none")

    def _threads(self, function: Callable[[list[str]], int], batches: list[list[str]]) -> Iterator[int]:
        if self._parallel == 1 or len(batches) == 1:
            yield from map(function, batches)
            return
        with ThreadPoolExecutor(self._parallel) as pool:
            try:
                yield from pool.map(function, batches)
            except BaseException:
                self._stop = self._stop or OracleError("interrupted")  # the calls under way are waited for and logged
                raise

    def _batch(self, keys: list[str]) -> int:
        """Settle a batch, in whichever thread; the number of its molecules. Leaves its error in _stop."""
        number, keys = len(keys), self.unanswered(keys)  # a map that tries again must not pay again
        if self._stop is not None or not keys:
            return number
        started = time.perf_counter()
        try:
            failed = settle(keys, self, retries=self._retries, pause=self._pause)
            if self._stop is None:
                self._account(keys, failed, (time.perf_counter() - started) / len(keys))
        except ChemVAEError as error:
            self._stop = self._stop or error
        except Exception as error:
            self._stop = self._stop or error
            raise
        return number

    def _account(self, keys: list[str], failed: dict[str, str], seconds: float) -> None:
        """Charge what failed, and see whether the oracle is alive."""
        dead = len(failed) == len(keys)
        why = next(iter(failed.values()), "")
        if dead and not self._tried:
            self._stop = OracleError(
                f"the oracle failed on the first {len(keys)} molecules, no call was charged: {why}"
            )
            return
        self._tried = True
        for key, reason in failed.items():
            self._record(key, (math.nan,) * len(self.endpoints), reason, seconds)
        with self._writing:
            self._dead_batches = self._dead_batches + 1 if dead else 0
            self._dead_molecules = self._dead_molecules + len(keys) if dead else 0
            if self._dead_batches >= DEAD_BATCHES and self._dead_molecules >= DEAD_MOLECULES:
                self._stop = self._stop or OracleError(
                    f"the oracle failed on {self._dead_batches} batches in a row ({self._dead_molecules} molecules): {why}; "
                    f"{self.calls} calls are in the log, and running again goes on from them"
                )

    # -- what attempts.settle needs ----------------------------------------------------------------------------------

    def ask(self, keys: list[str]) -> OracleError | None:
        """Ask once and record the answers as they come; what ended it early. Part of a score(), not for itself."""
        answers, before, seen = iter(self.oracle.answers(keys)), time.perf_counter(), set[int]()
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
            self._record(
                keys[answer.row],
                answer.values,
                answer.reason,
                now - before if answer.seconds is None else answer.seconds,
            )
            before = now
        if len(seen) < len(keys):
            return OracleError(f"{self.oracle.name} answered {len(seen)} of {len(keys)} molecules")
        return None

    def unanswered(self, keys: list[str]) -> list[str]:
        """Those without a call."""
        return [key for key in keys if key not in self._known]

    def stopped(self) -> bool:
        """Whether no more is to be asked."""
        return self._stop is not None

    def _record(self, key: str, values: Sequence[float], reason: str | None, seconds: float) -> None:
        kept, why = without_infinities(values, self.endpoints, reason)
        with self._writing:
            if key in self._known:
                return
            call = Call(
                self.calls,
                key,
                kept,
                seconds if math.isfinite(seconds) else 0.0,
                self._round,
                time.time(),
                why and clip(why),
            )
            self._log.append(call)
            self._known[key] = call
            if not _failed(call):
                self._numberless = 0
                return
            self._failed += 1
            self._numberless += 1
            at_start = self._failed == self.calls
            if self._numberless >= (min(NUMBERLESS, max(10, self.budget // 10)) if at_start else NUMBERLESS):
                self._stop = self._stop or OracleError(
                    f"the oracle gave no number for {self._numberless} molecules in a row, the last because: {why}; "
                    f"{self.calls} calls are in the log, and running again goes on from them"
                )

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
            call = self._known.get(key)
            if call is None:
                status.append("over budget")
                continue
            values[row] = call.values
            paid[row] = key in paying
            paying.discard(key)
            status.append(f"failed: {call.reason}" if _failed(call) else "scored" if paid[row] else "cached")
        return Scored(values, status, paid, list(keys))


def _failed(call: Call) -> bool:
    return all(map(math.isnan, call.values))
