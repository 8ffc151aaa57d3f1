"""Runs the command of a job of a workspace, in the process that `pipeline.workspace.work.jobs.Job.start` starts."""

from __future__ import annotations

import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock

from chem_vae.atomic_files import write_json
from flows.cli.main import run_command
from pipeline.workspace.work.jobs import ENDED, SETTINGS, STOPPED_CODE, open_job, parse_results

SECONDS = 10.0
"""How long the lock is waited for: whoever looks whether the job runs holds it for a moment."""


def main() -> int:
    """Run the command of the job whose folder is the argument, and write down how it ended."""
    folder = Path(sys.argv[1])
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have started the app with it ignored
    job = open_job(folder.parent.parent, folder.name)
    with FileLock(str(folder / ".lock"), timeout=SECONDS):
        is_wanted = job.begin()
        arguments = [*job.facts["arguments"], "--workspace", str(folder.parent.parent)]
        if (folder / SETTINGS).exists():
            arguments += ["--config", str(folder / SETTINGS)]
        sys.argv = ["chem-vae", job.kind, *arguments]
        code = run_command() if is_wanted else STOPPED_CODE
        sys.stdout.flush()
        told = {"code": code, "finished": datetime.now(UTC).isoformat(timespec="seconds")}
        write_json(folder / ENDED, {**told, **parse_results(job.read_output())})
    return code


if __name__ == "__main__":
    sys.exit(main())
