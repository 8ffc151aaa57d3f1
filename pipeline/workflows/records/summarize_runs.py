"""Summarizes the runs of a workspace in one line each: state, time, data, key figures, disk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from chem_vae.errors import UserError
from pipeline.generation.config import UNFINISHED
from pipeline.report.model import Report, read_report
from pipeline.workflows.records.failed_run import FAILED, read_failure
from pipeline.workspace.runs import KIND
from pipeline.workspace.storage.folders import is_locked, read_manifest
from pipeline.workspace.storage.integrity import CONTENTS
from pipeline.workspace.storage.linked_folders import measure_disk

HITS = ("within target", "within every objective")
"""The stages of the funnel that count the hits."""

FAILURES = ("failed", "crashed", "cancelled")
"""The states of a scheduled run that did not end well, of which `failed/` has an account."""


@dataclass(frozen=True)
class RunSummary:
    """A run in one line; what is not known of it is None."""

    id: str
    state: Literal["finished", "at work", "unfinished", "damaged", "failed", "crashed", "cancelled"]
    """The last three are FAILURES."""
    kind: str = ""
    """generation, optimization or screening."""
    data: str = ""
    round: int | None = None
    started: str | None = None
    """In UTC, as the id has it."""
    finished: str | None = None
    seconds: float | None = None
    """The time that the run itself took, without the steps that it reused."""
    candidates: int | None = None
    hits: int | None = None
    """Molecules within all targets..."""
    hits_of: int | None = None
    """...of so many."""
    wanted: str = ""
    bytes: int = 0
    """The bytes that are freed when the run is deleted."""
    shared_bytes: int = 0
    """The bytes of files that it shares with its model and with other runs."""
    why: str = ""
    """What is wrong with it, where it is not finished."""

    def to_dict(self) -> dict[str, Any]:
        """Return the summary as plain data."""
        return asdict(self)


_UNFINISHED = (
    ("optimizations", "optimization", "a search that was stopped; the same command goes on from its calls"),
    (UNFINISHED, "generation", "a generation that was stopped; the same command goes on from its draws"),
)

_KINDS = {
    **dict.fromkeys(("campaign", "generate", "update"), "generation"),
    "screen": "screening",
    "optimize": "optimization",
}
"""By flow, what its runs are."""


def summarize_runs(workspace: Path) -> Iterator[RunSummary]:
    """Summarize all runs of a workspace, the newest first, also those that failed, are not finished or are damaged.

    Args:
        workspace: The folder with `runs/`; with `failed/`, the accounts of scheduled runs that did not end well; and with
            `optimizations/` and `generations/`, where a search keeps its calls and a long generation its draws until they are
            finished.
    """
    found = [summary for folder in (workspace / FAILED).glob("[!.]*/") if (summary := summarize_failure(folder))]
    found += [summarize_run(folder) for folder in (workspace / "runs").glob("[!.]*/")]
    for place, kind, why in _UNFINISHED:
        for folder in (workspace / place).glob("[!.]*/"):
            changed = max((path.stat().st_mtime for path in folder.iterdir()), default=folder.stat().st_mtime)
            started = datetime.fromtimestamp(changed, UTC).isoformat(timespec="seconds")
            size = measure_disk([folder]).own
            is_at_work = is_locked(folder)
            base: dict[str, Any] = {"kind": kind, "started": started, "bytes": size, "why": "" if is_at_work else why}
            found.append(RunSummary(folder.name, "at work" if is_at_work else "unfinished", **base))
    yield from sorted(found, key=lambda run: (run.started or "", run.id), reverse=True)


def summarize_run(folder: Path) -> RunSummary:
    """Summarize a run folder."""
    disk, started = measure_disk([folder]), read_start(folder.name)
    base: dict[str, Any] = {"id": folder.name, "started": started, "bytes": disk.own, "shared_bytes": disk.shared}
    if not (folder / "manifest.json").exists():
        return RunSummary(state="unfinished", why="it was stopped while its folder was written", **base)
    try:
        manifest = read_manifest(folder, KIND)
        _check_sizes(folder, manifest)
        report = read_report(folder)
    except UserError as error:
        why = str(error).removeprefix(f"{folder} ").removeprefix("is damaged: ")
        return RunSummary(state="damaged", why=f"{why}; see chem-vae verify {folder.name}", **base)
    hits, of = count_hits(report)
    return RunSummary(
        state="finished",
        kind=_name_kind(manifest),
        data=report.dataset.name or "",
        round=manifest.get("round"),
        finished=manifest.get("finished"),
        seconds=measure_seconds(manifest),
        candidates=manifest.get("candidates"),
        hits=hits,
        hits_of=of,
        wanted=", ".join(f"{o.label or o.property} {o.aim}" for o in report.request.objectives) or "like the data",
        **base,
    )


def summarize_failure(folder: Path) -> RunSummary | None:
    """Summarize the account of a failed run; None where the folder holds none."""
    told = read_failure(folder)
    if told is None:
        return None
    ended = str(told.get("state")).lower()
    state: Literal["failed", "crashed", "cancelled"] = (
        "crashed" if ended == "crashed" else "cancelled" if ended == "cancelled" else "failed"
    )
    facts = told.get("facts")
    flow = str(facts.get("flow", "")) if isinstance(facts, dict) else ""
    return RunSummary(
        folder.name,
        state,
        _KINDS.get(flow, ""),
        started=read_start(folder.name),
        bytes=measure_disk([folder]).own,
        why=" ".join(str(told.get("reason", "")).split()),
    )


def list_missing(folder: Path) -> list[str]:
    """List the files that a run folder had when it was written, and has not any more; none where that is not known."""
    try:
        contents = read_manifest(folder, KIND).get(CONTENTS) or {}
    except UserError:
        return []
    return [name for name in contents if not (folder / name).is_file()]


def count_hits(report: Report) -> tuple[int | None, int | None]:
    """Count the molecules of a run within all its targets, and those among which they are; None where it has no targets."""
    stage = next((stage for stage in report.funnel if stage.stage in HITS), None)
    return (None, None) if stage is None else (stage.count, stage.of)


def measure_seconds(manifest: dict[str, Any]) -> float | None:
    """Return the time that a run itself took, by its manifest: without ingest and training where they were reused."""
    seconds = manifest.get("seconds")
    if not isinstance(seconds, dict):
        return None
    reused = {
        step for step, part in (("ingest", "dataset"), ("train", "model")) if (manifest.get(part) or {}).get("reused")
    }
    return sum(float(value) for step, value in seconds.items() if step not in reused and isinstance(value, int | float))


def read_start(run_id: str) -> str | None:
    """Read when a run was started from its id, in ISO format; None where the id tells nothing."""
    try:
        return datetime.strptime(run_id[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC).isoformat(timespec="seconds")
    except ValueError:
        return None


def _name_kind(manifest: dict[str, Any]) -> str:
    return "screening" if manifest.get("library") else str(manifest.get("kind") or "generation")


def _check_sizes(folder: Path, manifest: dict[str, Any]) -> None:
    """Raise UserError where a file is missing or of another size; what is in it `chem-vae verify` compares."""
    for name, entry in (manifest.get(CONTENTS) or {}).items():
        try:
            same = (folder / name).stat().st_size == entry["size"]
        except (OSError, TypeError, KeyError):
            same = False
        if not same:
            raise UserError(f"{name} is missing or of another size")
