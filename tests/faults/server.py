"""Imports everything once and starts each job in a fork, so that a job costs its own work alone and not the start of Python.

It reads requests as lines of JSON from standard input, and answers each with two lines: the processes of the jobs when they are started
(one job, or several at once), and how they ended. It ends with its standard input.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

import torch

from tests.faults.jobs import JOBS
from tests.faults.moments import Moments


def main() -> None:
    torch.set_num_threads(1)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        started = time.monotonic()
        children = []
        for number, job in enumerate(request["jobs"]):
            child = os.fork()
            if not child:
                os._exit(_run_job(job, number, request))
            os.setpgid(child, child)
            children.append(child)
        print(json.dumps(children), file=answers, flush=True)
        found = []
        for child in children:
            _, status = os.waitpid(child, 0)
            killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
            code, seconds = os.waitstatus_to_exitcode(status), time.monotonic() - started
            found.append({"killed": killed, "code": code, "seconds": seconds})
        print(json.dumps(found), file=answers, flush=True)


def _run_job(name: str, number: int, request: dict[str, Any]) -> int:
    """Do a job in the forked process, and write what it said to a file; returns the exit code."""
    os.setpgid(0, 0)
    log = open(request["log"], "a")  # noqa: SIM115 (until the process ends)
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    warnings.simplefilter("ignore")
    workspace = Path(request["workspace"])
    job = JOBS[name]
    moments = Moments(str(workspace), request["moment"], request["ballast"])
    try:
        if request["step"] == "prepare":
            job.prepare(workspace)
        else:
            moments.watch()
            job.run(workspace)
    except BaseException as error:
        traceback.print_exc()
        told = {"error": type(error).__name__, "text": str(error), "errno": getattr(error, "errno", None)}
        code = 1
    else:
        told, code = {}, 0
    Path(f"{request['told']}-{number}").write_text(json.dumps({"moments": moments.count, **told}))
    return code


if __name__ == "__main__":
    main()
