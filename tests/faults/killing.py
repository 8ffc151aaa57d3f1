"""Kills jobs at moments drawn from a seed, and compares what they leave with what an undisturbed job makes."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.comparison import check_readers, compare, describe, settle
from tests.faults.jobs import ASKED, JOBS

ROOT = Path(__file__).resolve().parents[2]
SEED = 16
AGAIN = 0.5
"""The probability that a job which goes on after a kill is killed again."""
AIMED = 0.7
"""The share of the kills that are aimed at a change of the disk; the others come at any time."""
MOST_IN_A_ROW = 6
QUIET = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}


@dataclass
class Outcome:
    """How a job ended."""

    killed: bool
    seconds: float
    moments: int = 0
    error: str = ""
    errno: int | None = None


@dataclass
class Counts:
    """The account of one kind of job."""

    kills: int = 0
    """Kills that hit the job before its end."""
    aimed: int = 0
    """Those of them that were aimed at a change of the disk."""
    finished: int = 0
    """How often the job went on to its end after kills, and was compared."""
    differences: list[str] = field(default_factory=list)
    asked_again: int = 0
    """Molecules that an oracle was asked about again, as a kill came before its answer was written down."""

    def to_dict(self) -> dict[str, Any]:
        """Return the account with the number of differences."""
        return {**asdict(self), "differences": len(self.differences)}


class JobServer:
    """The process that starts jobs; see `tests.faults.server`.

    Args:
        folder: Where the workspace is.
        keep: Where workspaces are kept that jobs begin with, where `folder` has no room for them.
    """

    def __init__(self, folder: Path, keep: Path | None = None) -> None:
        self.folder, self.workspace = folder, folder / "workspace"
        self._kept = keep or folder
        self.log = self._kept / "log.txt"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.server"], cwd=ROOT, text=True, env={**os.environ, **QUIET},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self._references: dict[str, tuple[dict[str, Any], float, int]] = {}

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)

    def run(
        self,
        job: str,
        *others: str,
        step: str = "run",
        moment: int | None = None,
        after: float | None = None,
        ballast: Path | None = None,
    ) -> list[Outcome]:
        """Start a job, or several at once, and wait until they have ended.

        Args:
            job: The job.
            *others: Further jobs in the same workspace.
            step: "prepare" to do what comes before the job instead.
            moment: The number of the moment at which each kills itself, or fills the disk.
            after: The seconds after which they are killed.
            ballast: The file that fills the disk at the moment.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        jobs = [job, *others]
        files = [self._kept / f"told-{number}" for number in range(len(jobs))]
        for file in files:
            file.unlink(missing_ok=True)
        request: dict[str, Any] = {"jobs": jobs, "step": step, "workspace": str(self.workspace), "moment": moment}
        request |= {"log": str(self.log), "told": str(self._kept / "told"), "ballast": ballast and str(ballast)}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        processes = json.loads(self._process.stdout.readline())
        if after is not None:
            time.sleep(after)
            for process in processes:
                with suppress(ProcessLookupError):  # it was faster
                    os.killpg(process, signal.SIGKILL)
        found = []
        for ended, file in zip(json.loads(self._process.stdout.readline()), files, strict=True):
            told = json.loads(file.read_text()) if file.is_file() and not ended["killed"] else {}
            error = f"{told['error']}: {told['text']}" if "error" in told else ""
            if not error and not ended["killed"] and ended["code"] != 0:
                error = f"it ended with {ended['code']}"
            outcome = Outcome(ended["killed"], ended["seconds"], told.get("moments", 0), error, told.get("errno"))
            found.append(outcome)
        return found

    def reset(self, job: str) -> None:
        """Give the workspace the state in which a job begins."""
        start = self._prepare(job)
        shutil.rmtree(self.workspace, ignore_errors=True)
        shutil.copytree(start, self.workspace)

    def find_reference(self, job: str) -> tuple[dict[str, Any], float, int]:
        """Do a job once undisturbed: a description of the result, its seconds, and the number of its moments."""
        if job not in self._references:
            self.reset(job)
            (outcome,) = self.run(job)
            assert not outcome.error and not outcome.killed, f"{outcome} {self.read_log()}"
            settle(self.workspace)
            self._keep("result", job)
            self._references[job] = describe(self.workspace), outcome.seconds, outcome.moments
        return self._references[job]

    def count_runs(self) -> int:
        """Count the finished runs of the workspace."""
        return len(list((self.workspace / "runs").glob("*/manifest.json")))

    def is_done(self, runs: int) -> bool:
        """Tell whether there are more finished runs than before: a killed job that has made one has no more to do."""
        return self.count_runs() > runs and not list((self.workspace / "optimizations").glob("[!.]*"))

    def read_log(self) -> str:
        """Read the end of what jobs said."""
        return self.log.read_text()[-3000:] if self.log.is_file() else ""

    def _prepare(self, job: str) -> Path:
        """Make the workspace that a job begins with, once."""
        place = self._kept / "start" / job
        if place.is_dir():
            return place
        shutil.rmtree(self.workspace, ignore_errors=True)
        if (before := JOBS[job].after) is not None:
            self.find_reference(before)
            shutil.rmtree(self.workspace, ignore_errors=True)
            shutil.copytree(self._kept / "result" / before, self.workspace)
        else:
            self.workspace.mkdir()
        (outcome,) = self.run(job, step="prepare")
        assert not outcome.error, self.read_log()
        return self._keep("start", job)

    def _keep(self, kind: str, job: str) -> Path:
        shutil.copytree(self.workspace, self._kept / kind / job)
        return self._kept / kind / job


def kill_often(server: JobServer, job: str, kills: int, seed: int = SEED) -> Counts:
    """Kill a job until so many kills have hit it, each time in a fresh workspace, where it goes on until it is done."""
    reference, seconds, moments = server.find_reference(job)
    draw, counts = random.Random(f"{seed} {job}"), Counts()
    trials = 0
    while counts.kills < kills and trials < 4 * kills:
        trials += 1
        server.reset(job)
        runs = server.count_runs()
        answered: list[tuple[int, set[str]]] = []
        plan: list[str] = []
        while len(plan) < MOST_IN_A_ROW:
            aimed = draw.random() < AIMED
            moment, after = (draw.randint(1, moments), None) if aimed else (None, draw.uniform(0, seconds))
            (outcome,) = server.run(job, moment=moment, after=after)
            plan.append(f"moment {moment} of {moments}" if aimed else f"{after:.2f} of {seconds:.2f} s")
            if outcome.error:
                counts.differences.append(f"{plan}: {outcome.error}")
            if not outcome.killed:
                break
            counts.kills += 1
            counts.aimed += aimed
            counts.differences += [f"{plan}: {told}" for told in check_readers(server.workspace)]
            answered.append(read_answers(server.workspace))
            if server.is_done(runs) or draw.random() >= AGAIN:
                break
        if outcome.killed and not server.is_done(runs):
            (outcome,) = server.run(job)
            if outcome.error or outcome.killed:
                counts.differences.append(f"{plan}: {outcome.error or 'killed'}")
        settle(server.workspace)
        counts.differences += [f"{plan}: {told}" for told in check_readers(server.workspace)]
        counts.differences += [f"{plan}: {told}" for told in compare(reference, describe(server.workspace))]
        counts.differences += [f"{plan}: {told}" for told in find_paid_twice(server.workspace, answered)]
        asked = read_asked(server.workspace)
        counts.asked_again += len(asked) - len(set(asked))
        counts.finished += 1
    return counts


def read_asked(workspace: Path) -> list[str]:
    """Read what the oracle was asked, in order."""
    path = workspace / ASKED
    return path.read_text().split() if path.is_file() else []


def read_answers(workspace: Path) -> tuple[int, set[str]]:
    """Read how much the oracle has been asked, and which answers are written down."""

    found: set[str] = set()
    for log in workspace.glob("*/*/oracle.sqlite"):
        with closing(sqlite3.connect(log)) as file:
            if file.execute("SELECT 1 FROM sqlite_schema WHERE name = 'calls'").fetchone():
                found.update(smiles for (smiles,) in file.execute("SELECT smiles FROM calls"))
    return len(read_asked(workspace)), found


def find_paid_twice(workspace: Path, answered: list[tuple[int, set[str]]]) -> list[str]:
    """Find the molecules that an oracle was asked about after their answer had been written down."""
    asked = read_asked(workspace)
    return [f"{s} was paid twice" for count, known in answered for s in asked[count:] if s in known]
