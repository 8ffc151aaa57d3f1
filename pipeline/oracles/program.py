"""A program of any language as an oracle: a docking wrapper, a client of a service, a model of another environment."""

from __future__ import annotations

import itertools
import json
import math
import shlex
import time
from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.oracles.answers import Reading, read_answer
from pipeline.oracles.base import Answer, Oracle, OracleError, clip, quote
from pipeline.oracles.process import ProcessPool
from pipeline.workspace.check_arguments import list_names
from pipeline.workspace.presentation.formatting import count_of


class ProgramOracle(Oracle):
    """Asks a program that reads molecules from standard input and writes answers to standard output, a JSON object a line.

        {"id": 0, "smiles": "CCO", "left": 15}              one molecule; `left` more follow in this batch
        {"id": 0, "score": -7.1}                            its answer, in any order, as soon as it is known
        {"id": 0, "scores": {"affinity": -7.1, "qed": 0.4}} with several endpoints
        {"id": 0, "error": "no conformer"}                  it failed; null for a score means the same
        {"id": 0, "scores": {"affinity": -7.1, "qed": null}, "error": "no qed"}  the error says why a number is missing

    It is started once, with no shell, and kept; parallel batches start one each. It must flush its answers, log to standard
    error, and end when its standard input does. When it hangs beyond `timeout` seconds a batch, ends early or breaks these
    rules it is stopped with its children, and started anew for the next batch.

    Args:
        command: The program and its arguments.
        endpoints: The names of the values.
        timeout: Seconds that a batch may take; without end when None.
        name: The name in the log; the command when None.

    Raises:
        UserError: If the program cannot be started.
    """

    def __init__(
        self,
        command: Sequence[str],
        endpoints: str | Sequence[str] = ("score",),
        *,
        timeout: float | None = None,
        name: str | None = None,
    ) -> None:
        self.endpoints = list_names("endpoints", endpoints)
        self.name = name or shlex.join(command)
        self.timeout = timeout
        self._pool = ProcessPool(command)
        self._ids = itertools.count()
        self._understood = False
        with self._pool.borrow():  # a program that is not there is a mistake to hear of now
            pass

    def answers(self, smiles: Sequence[str]) -> Iterator[Answer]:
        """Yield each answer as the program gives it."""
        ids = [next(self._ids) for _ in smiles]  # never used again, so that a stray answer is noticed
        rows = dict(zip(ids, range(len(ids)), strict=True))
        questions = [
            json.dumps({"id": i, "smiles": text, "left": len(ids) - 1 - row})
            for row, (i, text) in enumerate(zip(ids, smiles, strict=True))
        ]
        with self._pool.borrow() as process:
            deadline = None if self.timeout is None else time.monotonic() + self.timeout
            process.send(questions)
            while rows:
                try:
                    line = process.receive(deadline)
                    row, reading = self._read_line(line, rows)
                except TimeoutError:
                    raise OracleError(
                        f"{self.name} gave no answer to {count_of(len(rows), len(ids), 'molecule')} within {self.timeout:g} s and "
                        f"was stopped{process.quote_last_words()}"
                    ) from None
                except OracleError as error:
                    raise OracleError(f"{self.name}: {error}") from None
                yield Answer(row, reading.values, reading.reason)

    def close(self) -> None:
        """End the program."""
        self._pool.close()

    def _read_line(self, line: str, rows: dict[int, int]) -> tuple[int, Reading]:
        """Read a line of the program, and take its molecule out of the rows that wait for an answer."""
        try:
            answer: Any = json.loads(line)
        except ValueError:
            answer = line
        if not isinstance(answer, dict):
            raise OracleError(
                f"it wrote {quote(answer)}; on standard output belong only lines such as "
                '{"id": 0, "score": 1.2}, the log belongs on standard error'
            )
        known = answer.get("id")
        if not isinstance(known, int) or known not in rows:
            raise OracleError(f"it answered the id {quote(known)}, which was not asked or is answered already")
        error = answer.get("error")
        told = clip(str(error)) if error else ""  # "", false and null are no error
        if "scores" in answer or "score" in answer:
            reading = read_answer(answer.get("scores", answer.get("score")), self.endpoints)
            if told:  # where no number is missing, none can be trusted: some programs write 0 beside their error
                values = reading.values if reading.reason is not None else (math.nan,) * len(self.endpoints)
                reading = Reading(values, told, True)
        elif error is not None:
            reading = Reading((math.nan,) * len(self.endpoints), told or "an error without a message", True)
        else:
            raise OracleError(f"it answered {quote(answer)}, which has no score, scores or error")
        if not reading.understood and not self._understood:  # nothing right yet: a mistake in the program
            raise OracleError(f"it answered {reading.reason}")
        self._understood = self._understood or reading.understood
        return rows.pop(known), reading
