"""The other end of a WorkerOracle: a process that calls one function, batch by batch, until its input ends."""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
from typing import IO, Any

from chem_vae.errors import UserError
from pipeline.oracles.base import OracleError
from pipeline.oracles.function import FunctionOracle, load_function


def serve() -> None:
    """Read a line that names the function, then a line per batch; answer each with a line.

    The function may print and start programs: it sees an empty standard input, and its standard output is the log.
    """
    questions = os.fdopen(os.dup(0), encoding="utf-8")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(questions, lines), daemon=True).start()

    def reply(message: dict[str, Any]) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    task = json.loads(lines.get() or "{}")
    try:
        oracle = FunctionOracle(load_function(task["function"]), task["endpoints"], task["name"])
    except UserError as error:
        reply({"unusable": str(error)})
        return
    reply({"ready": True})
    while (line := lines.get()) is not None:
        try:
            found = list(oracle.answers(json.loads(line)["smiles"]))
        except OracleError as error:
            reply({"failed": str(error)})
        else:
            reply({"values": [a.values for a in found], "reasons": [a.reason for a in found]})


def _listen(questions: IO[str], lines: queue.SimpleQueue[str | None]) -> None:
    """Hand the lines on; when they end, because the other side closed them or was killed, end even if the function hangs."""
    for line in questions:
        lines.put(line)
    lines.put(None)
    time.sleep(1.0)
    sys.stderr.flush()
    os._exit(1)
