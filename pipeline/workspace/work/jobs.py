"""Jobs of a workspace: commands that run as processes of their own, each with a folder that tells how far it is.

A job goes on when whoever started it has gone. It holds a lock while it runs, by which anyone finds out whether it does, also
after a kill or a restart of the machine.
"""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from chem_vae.atomic_files import read_json, write_json
from chem_vae.errors import BusyError, DataError
from pipeline.workspace.progress.progress_file import VARIABLE, ProgressReader, mark_begin
from pipeline.workspace.storage.disk_space import check_writable

JOBS = "jobs"
"""The folder of a workspace with its jobs."""
FORMAT, FORMAT_VERSION = "chem-vae job", 1
PROGRESS, LOG, OUTPUT, SETTINGS = "progress.jsonl", "log.txt", "output.txt", "settings.json"
ENDED, PROCESS, STOPPED = "ended.json", "process.json", "stopped"
STOPPED_CODE = 130
"""The exit status of a command that Ctrl-C ended."""
STARTS_WITHIN = 30.0
"""The seconds in which the process of a job takes its lock."""
_ROOT = Path(__file__).resolve().parents[3]
"""The folder of the packages: a job works in another folder, and a checkout need not be installed."""
_ENDS = threading.Lock()
"""Held while the end of a process is written down, which is not to be that of the next one."""
State = Literal["running", "finished", "stopped", "failed"]
_ERROR = re.compile(r"^(?:[\d-]+ [\d:]+[+-]\d{4} )?error: (.*)", re.MULTILINE)
_WARNING = re.compile(r"^(?:[\d-]+ [\d:]+[+-]\d{4} )?warning: (.*)", re.MULTILINE)


@dataclass
class Job:
    """A job by its folder, with what was asked of it."""

    folder: Path
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The name of its folder: the time at which it was made, and its name."""
        return self.folder.name

    @property
    def kind(self) -> str:
        """The command that it runs."""
        return str(self.facts.get("kind", ""))

    @property
    def name(self) -> str:
        """The name that a person gave it."""
        return str(self.facts.get("name", self.id))

    @property
    def created(self) -> datetime:
        """When it was made."""
        return datetime.fromisoformat(self.facts["created"])

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of its command; empty where it has none."""
        try:
            return dict(read_json(self.folder / SETTINGS))
        except (OSError, ValueError):
            return {}

    @property
    def end(self) -> dict[str, Any]:
        """How it ended: code, finished, and the run, dataset or model that it made; empty before."""
        try:
            return dict(read_json(self.folder / ENDED))
        except (OSError, ValueError):
            return {}

    @property
    def state(self) -> State:
        """How it stands; "stopped" also where its process was killed."""
        if end := self.end:
            if end.get("code") == 0:
                return "finished"
            is_stopped = end.get("code") == STOPPED_CODE or int(end.get("code", 1)) < 0  # by Ctrl-C, or by a signal
            return "stopped" if is_stopped or (self.folder / STOPPED).exists() else "failed"
        return "running" if self.is_running() else "stopped"

    @property
    def was_killed(self) -> bool:
        """Whether its process was ended although nobody asked for it, as by the system for lack of memory."""
        if self.state != "stopped" or (self.folder / STOPPED).exists():
            return False
        code = self.end.get("code")
        return "pid" in self._read_process() if code is None else int(code) < 0

    def is_running(self) -> bool:
        """Whether its process works, or is about to begin."""
        try:
            with FileLock(str(self.folder / ".lock"), timeout=0):
                pass
        except Timeout:
            return True
        process = self._read_process()
        is_new = "pid" not in process and time.time() - float(process.get("started", 0.0)) < STARTS_WITHIN
        return is_new and not (self.folder / ENDED).exists()

    def _read_process(self) -> dict[str, Any]:
        try:
            return dict(read_json(self.folder / PROCESS))
        except (OSError, ValueError):
            return {}

    def read_error(self) -> str:
        """Return the sentence with which it failed; "" where there is none."""
        begun = int(self._read_process().get("log", 0))  # what earlier starts wrote is no reason of this one
        found = _ERROR.findall(_read_end(self.folder / LOG, 200_000, begun))
        return str(found[-1]) if found else ""

    def list_warnings(self) -> list[str]:
        """List the warnings of its log, each once."""
        return list(dict.fromkeys(_WARNING.findall(self.read_log())))

    def read_log(self, most: int = 200_000) -> str:
        """Return the end of its log, `most` bytes at most."""
        return _read_end(self.folder / LOG, most)

    def read_output(self, most: int = 200_000) -> str:
        """Return the end of what it printed, `most` bytes at most."""
        return _read_end(self.folder / OUTPUT, most)

    def follow(self) -> ProgressReader:
        """Return a reader of its progress."""
        return ProgressReader(self.folder / PROGRESS)

    def start(self) -> None:
        """Start its process, or go on with it where it was stopped.

        Raises:
            BusyError: If it runs.
        """
        if self.is_running():
            raise BusyError(f"the job {self.id} is running already")
        log_file = self.folder / LOG
        told = {"started": time.time(), "log": log_file.stat().st_size if log_file.exists() else 0}
        with _ENDS:
            for name in (ENDED, STOPPED):
                (self.folder / name).unlink(missing_ok=True)
            write_json(self.folder / PROCESS, told)  # the process adds its id
        environment = {**os.environ, VARIABLE: str(self.folder / PROGRESS), "PYTHONUNBUFFERED": "1"}
        environment.setdefault(
            "OMP_WAIT_POLICY", "PASSIVE"
        )  # threads that wait leave the processor to whatever else runs
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
        with log_file.open("ab") as log, (self.folder / OUTPUT).open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "flows.job_process", str(self.folder)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=log,
                env=environment,
                cwd=self.facts.get("folder") or self.folder,
                start_new_session=True,  # it goes on when the program that starts it ends
            )
        threading.Thread(target=self._wait_for, args=(process,), daemon=True).start()

    def _wait_for(self, process: subprocess.Popen[bytes]) -> None:
        """Collect the exit status of the process, and write it down where the process could not."""
        code = process.wait()
        with _ENDS:
            if not (self.folder / ENDED).exists() and not self.is_running():
                told = {"code": code, "finished": datetime.now(UTC).isoformat(timespec="seconds")}
                write_json(self.folder / ENDED, told)

    def stop(self, *, at_once: bool = False) -> None:
        """Ask its process to stop, as Ctrl-C does; it can be started again and goes on where it was.

        Args:
            at_once: End it now. What is written stays whole; the step under way is done again when it goes on.
        """
        if not self.is_running():
            return
        (self.folder / STOPPED).touch()  # first: a process looks for it after it wrote its id
        process = self._read_process()
        if int(process.get("pid", -1)) > 0:
            with suppress(ProcessLookupError):
                os.killpg(int(process["pid"]), signal.SIGKILL if at_once else signal.SIGINT)

    def begin(self) -> bool:
        """Write down that this process works for it, and say whether it is still wanted: it may have been asked to stop before."""
        write_json(self.folder / PROCESS, {**self._read_process(), "started": time.time(), "pid": os.getpid()})
        mark_begin(self.folder / PROGRESS)
        return not (self.folder / STOPPED).exists()


def _read_end(path: Path, most: int, begin: int = 0) -> str:
    """Read the end of a file, `most` bytes at most and none before the place `begin`."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(begin, size - most))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def make_job(
    workspace: Path,
    kind: str,
    name: str,
    arguments: Sequence[str],
    settings: Mapping[str, Any] | None = None,
    **facts: Any,
) -> Job:
    """Make the folder of a job, which is not started yet.

    Args:
        workspace: The folder with datasets, models and runs; the command works in it.
        kind: The command, such as "run".
        name: What a person calls the job.
        arguments: The arguments of the command; `--config` with the settings and `--workspace` are added.
        settings: The settings of the command, as a TOML file would hold them.
        **facts: What else is to be remembered of it; `folder` is the one that the process works in, its own when not given.

    Raises:
        UserError: The workspace cannot be written to.
    """
    check_writable(workspace)
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:60] or kind
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    folder = workspace.resolve() / JOBS / f"{stamp}-{slug}-{secrets.token_hex(2)}"
    folder.mkdir(parents=True)
    folder.chmod(0o700)  # its arguments may hold the address of a webhook, or the password of a library
    if settings is not None:
        write_json(folder / SETTINGS, dict(settings))
    whole = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "kind": kind,
        "name": name,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "arguments": list(arguments),
        **facts,
    }
    write_json(folder / "job.json", whole)
    return Job(folder, whole)


def open_job(workspace: Path, job_id: str) -> Job:
    """Open a job by its id.

    Raises:
        DataError: There is none, or it cannot be read.
    """
    folder = workspace.resolve() / JOBS / job_id
    if Path(job_id).name != job_id or job_id.startswith("."):
        raise DataError(f"{job_id!r} is no job")
    try:
        facts = read_json(folder / "job.json")
        if (
            not isinstance(facts, dict)
            or facts.get("format") != FORMAT
            or facts.get("format_version") != FORMAT_VERSION
        ):
            raise ValueError("it is of another kind or version")
        datetime.fromisoformat(facts["created"])
    except FileNotFoundError:
        raise DataError(f"there is no job {job_id} in {workspace}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"the job {job_id} cannot be read: {error}") from None
    return Job(folder, facts)


def list_jobs(workspace: Path, kinds: Sequence[str] = ()) -> list[Job]:
    """List the jobs of a workspace (of some kinds), the newest first, without those that cannot be read."""
    found = []
    for folder in sorted((workspace.resolve() / JOBS).glob("[!.]*/"), reverse=True):
        try:
            job = open_job(workspace, folder.name)
        except DataError:
            continue
        if not kinds or job.kind in kinds:
            found.append(job)
    return found


def parse_results(output: str) -> dict[str, str]:
    """Find the run, the dataset and the model in what a command printed.

    >>> parse_results("dataset: /w/datasets/my-1a2b\\nreport: /w/runs/20260101-000000-my/report.html\\n")
    {'dataset': 'my-1a2b', 'run': '20260101-000000-my'}
    """
    found: dict[str, str] = {}
    for kind, path in re.findall(r"^(dataset|model|report): (.+)$", output, re.MULTILINE):
        if kind == "report":
            found["run"] = Path(path).parent.name
        else:
            found[kind] = Path(path).name
    return found
