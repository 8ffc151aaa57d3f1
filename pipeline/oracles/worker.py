"""A Python function as an oracle in processes of its own: it can be stopped when it hangs, and run beside itself."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

from chem_vae.errors import UserError
from pipeline.oracles.base import Answer, Oracle, OracleError
from pipeline.oracles.process import LineProcess, ProcessPool

STARTING = 300.0  # seconds that importing the function's module may take: large libraries, cold disks
_RUN = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from pipeline.oracles.serve import serve; serve()"


class WorkerOracle(Oracle):
    """`function` ("package.module:function") as FunctionOracle calls it, one process per batch that runs at once.

    The processes live on, so that the module is imported once in each. Raises UserError where it cannot be loaded.
    """

    at_once = True

    def __init__(
        self,
        function: str,
        endpoints: Sequence[str] = ("score",),
        *,
        timeout: float | None = None,
        name: str | None = None,
    ) -> None:
        self.endpoints = tuple(endpoints)
        self.name = name or function
        self.timeout = timeout
        self._function = function
        self._pool = ProcessPool(self._start)
        with self._pool.lent():  # a function that is not there is a mistake to hear of now
            pass

    def answers(self, smiles: Sequence[str]) -> Iterator[Answer]:
        """All at once, when the function returns."""
        with self._pool.lent() as process:
            started = time.monotonic()
            process.send([json.dumps({"smiles": list(smiles)})])
            try:
                reply = _reply(process, None if self.timeout is None else started + self.timeout)
            except TimeoutError:
                raise OracleError(
                    f"{self.name} did not return within {self.timeout:g} s for {len(smiles)} molecules and was "
                    f"stopped{process.last_words()}"
                ) from None
            except OracleError as error:
                raise OracleError(f"{self.name}: {error}") from None
            seconds = (time.monotonic() - started) / max(len(smiles), 1)
        if "failed" in reply:  # the process is well and stays
            raise OracleError(reply["failed"])
        for row, (values, reason) in enumerate(zip(reply["values"], reply["reasons"], strict=True)):
            yield Answer(row, tuple(values), reason, seconds)

    def close(self) -> None:
        """End the processes."""
        self._pool.close()

    def _start(self) -> LineProcess:
        process = LineProcess([sys.executable, "-c", _RUN, json.dumps(sys.path)])
        process.send([json.dumps({"function": self._function, "endpoints": self.endpoints, "name": self.name})])
        try:
            reply = _reply(process, time.monotonic() + STARTING)
        except TimeoutError:
            process.stop()
            raise OracleError(f"importing {self._function} took over {STARTING:g} s") from None
        except BaseException:
            process.stop()
            raise
        if "unusable" in reply:
            process.stop()
            raise UserError(reply["unusable"])
        return process


def _reply(process: LineProcess, deadline: float | None) -> dict[str, Any]:
    reply: dict[str, Any] = json.loads(process.receive(deadline))
    return reply
