"""Finds the jobs and the uploaded files of the app that nothing needs any more."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from pipeline.workflows.upkeep.leftovers import DAY, Garbage, Retention, make_garbage
from pipeline.workspace.uploads import UPLOADS
from pipeline.workspace.work.jobs import JOBS, Job, list_jobs

KEPT_KINDS = ("deploy",)
"""Commands whose jobs stay: what they set up on a Prefect server goes on, and may need an uploaded file."""


def find_old_jobs(workspace: Path, retention: Retention, now: float) -> Iterator[Garbage]:
    """Find the jobs that ended long ago; what they made stays."""
    for job in reversed(list_jobs(workspace)):
        if job.kind in KEPT_KINDS or now - find_last_sign(job) < retention.app_days * DAY or job.is_running():
            continue
        yield make_garbage(job.folder, "job", f"it ended over {retention.app_days:g} days ago; what it made stays")


def find_unused_uploads(
    workspace: Path, retention: Retention, now: float, going: Collection[Path]
) -> Iterator[Garbage]:
    """Find uploaded files that were not touched for long, and that no run and no job names which stays.

    Args:
        workspace: The folder with datasets, models and runs.
        retention: What is kept.
        now: The time, in seconds since 1970.
        going: The folders of jobs and runs that go.
    """
    folders = [
        f for f in sorted((workspace / UPLOADS).glob("[!.]*/")) if now - _find_newest(f) >= retention.app_days * DAY
    ]
    if not folders:
        return
    told = "\n".join(_read_settings(workspace, {path.resolve() for path in going}))
    for folder in folders:
        if folder.name not in told:
            yield make_garbage(
                folder, "upload", f"untouched for {retention.app_days:g} days, and no run or job that stays needs it"
            )


def find_last_sign(job: Job) -> float:
    """Find when a job was last at work, in seconds since 1970."""
    with suppress(KeyError, ValueError, TypeError):
        return datetime.fromisoformat(str(job.end["finished"])).timestamp()
    return max(job.created.timestamp(), _find_newest(job.folder))


def _find_newest(folder: Path) -> float:
    """Find the newest time of a folder's files."""
    times = [folder.stat().st_mtime]
    for path in folder.rglob("*"):
        if path.name != ".lock":  # which whoever looks at the job touches
            with suppress(OSError):
                times.append(path.stat().st_mtime)
    return max(times)


def _read_settings(workspace: Path, going: Collection[Path]) -> Iterator[str]:
    """Read the settings of all runs and jobs that stay, as text: the name of an upload occurs nowhere else."""
    patterns = ("runs/*/config.json", f"{JOBS}/*/job.json", f"{JOBS}/*/settings.json")
    for path in (path for pattern in patterns for path in workspace.glob(pattern)):
        if path.parent.resolve() not in going:
            with suppress(OSError):
                yield path.read_text(encoding="utf-8", errors="replace")
