"""Finds what a workspace no longer needs, and deletes it so that a kill at any moment leaves nothing half-deleted.

Never deleted are: the newest run of each name, what a kept run was made with (its dataset, its model, and the model or run that this
one started from), the newest dataset of each source and the newest model of each dataset, the paid calls of an optimization that is
not finished, and what another process works on.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chem_vae.errors import BusyError, UserError
from pipeline.datasets.building.part_cache import FOLDER as PARTS
from pipeline.datasets.dataset import FORMAT as DATASET_KIND
from pipeline.library import open_library
from pipeline.workflows.upkeep.app_leftovers import find_old_jobs, find_unused_uploads
from pipeline.workflows.upkeep.leftovers import (
    DAY,
    Garbage,
    Retention,
    find_old_fetches,
    find_old_parts,
    find_old_results,
    find_rubbish,
    find_stale_marks,
    find_unused_boards,
    find_unused_tables,
    find_unused_updates,
    make_garbage,
)
from pipeline.workspace.runs import KIND as RUN_KIND
from pipeline.workspace.storage.disk_space import format_size
from pipeline.workspace.storage.folders import delete_folder, find_time, lock_folder, read_manifest
from pipeline.workspace.storage.linked_folders import measure_disk
from pipeline.workspace.work.jobs import Job

MODEL_KIND = "chem-vae trained model"


@dataclass(frozen=True)
class _Folder:
    path: Path
    manifest: dict[str, Any]
    time: float

    @property
    def key(self) -> str:
        return str(self.manifest.get("key", ""))

    def find(self, *keys: str) -> Any:
        """Find a value of the manifest by the keys that lead to it; None where there is none."""
        found: Any = self.manifest
        for key in keys:
            found = found.get(key) if isinstance(found, dict) else None
        return found


def collect_garbage(workspace: Path, retention: Retention, now: float | None = None) -> list[Garbage]:
    """Find what may go, in the order in which it must be deleted: what needs others before what it needs.

    Args:
        workspace: The folder with datasets, models and runs.
        retention: What is kept.
        now: The time, in seconds since 1970; the clock's when not given.
    """
    now = time.time() if now is None else now
    runs = _read_folders(workspace / "runs", RUN_KIND)
    models = _read_folders(workspace / "models", MODEL_KIND)
    datasets = _read_folders(workspace / "datasets", DATASET_KIND)
    jobs = list(find_old_jobs(workspace, retention, now))
    found = [
        *jobs,
        *find_rubbish(workspace, retention, now),
        *find_old_parts(workspace / PARTS, retention, now),
        *find_old_fetches(workspace, retention, now),
        *find_old_results(retention, now),
    ]
    gone = [path for job in jobs for path in job.paths]
    unread = _count_finished(workspace / "datasets") > len(datasets)
    if not retention.limits_runs:
        return [
            *found,
            *_find_uploads(workspace, retention, now, jobs, ()),
            *find_unused_boards(workspace, retention, now, ()),
            *find_unused_updates(workspace, retention, now, _list_sources(datasets), unread),
            *find_unused_tables(workspace, retention, now, gone, unread),
            *find_stale_marks(workspace, ()),
        ]
    going = _choose_runs(runs, workspace, retention, now)
    kept = [run for run in runs if run.path not in going]
    needed_runs = {name for folder in [*kept, *models] if isinstance(name := folder.find(*_base_name(folder)), str)}
    going = {path: why for path, why in going.items() if path.name not in needed_runs}
    kept = [run for run in runs if run.path not in going]
    found += [make_garbage(path, "run", why) for path, why in going.items()]
    kept_models = _keep_models(models, kept)
    kept_datasets = _keep_datasets(datasets, kept, kept_models)
    why = "no kept run needs it, and a newer one is there"
    old_models = [m for m in models if m not in kept_models]
    old_datasets = [d for d in datasets if d not in kept_datasets]
    return [
        *found,
        *_find_uploads(workspace, retention, now, jobs, going),
        *(make_garbage(m.path, "model", why) for m in old_models),
        *(make_garbage(d.path, "dataset", why) for d in old_datasets),
        *find_unused_boards(workspace, retention, now, [m.path for m in old_models]),
        *find_unused_updates(workspace, retention, now, _list_sources(kept_datasets), unread),
        *find_unused_tables(workspace, retention, now, [*gone, *going, *(d.path for d in old_datasets)], unread),
        *find_stale_marks(workspace, [*going, *(folder.path for folder in (*old_models, *old_datasets))]),
    ]


def _find_uploads(
    workspace: Path, retention: Retention, now: float, jobs: Sequence[Garbage], runs: Iterable[Path]
) -> Iterator[Garbage]:
    return find_unused_uploads(workspace, retention, now, [*(path for job in jobs for path in job.paths), *runs])


def delete_garbage(garbage: Sequence[Garbage], workspace: Path) -> tuple[int, list[str]]:
    """Delete what was found. Each folder is renamed first, so that none is ever there in part.

    A finished run is recorded in the candidate library before it goes, where it is not in it yet.

    Args:
        garbage: What `collect_garbage` found.
        workspace: The workspace that it was found in.

    Raises:
        LibraryError: If a finished run should go and the library cannot be reached; nothing is deleted then.

    Returns:
        The number of bytes that the deletion freed, and a sentence for each entry that was left.
    """
    size, left = measure_disk(path for entry in garbage for path in entry.paths).own, []
    finished = {path for entry in garbage for path in entry.paths if entry.kind == "run" and _is_finished(path)}
    with open_library(workspace) if finished else nullcontext() as library:
        for entry in garbage:
            try:
                for path in entry.paths:
                    if library is not None and path in finished:
                        library.add_run(path)
                    if entry.kind == "job" and Job(path).is_running():
                        raise BusyError("it was started again")
                    _delete(path, locked=entry.kind in ("dataset", "model", "unfinished"))
            except (UserError, OSError) as error:
                if not any(map(os.path.lexists, entry.paths)):
                    continue  # another process has deleted it meanwhile
                reason = (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error)
                left.append(f"{entry.name} was left: {reason}")
                size -= entry.size
    return max(0, size), left


def _is_finished(run: Path) -> bool:
    return (run / "manifest.json").is_file()


def _delete(path: Path, *, locked: bool) -> None:
    owner = path.with_name(path.name.removesuffix(".partial"))
    with lock_folder(owner, "working") if locked else nullcontext():
        if not path.is_dir() or path.is_symlink():
            path.unlink(missing_ok=True)
            return
        delete_folder(path)


def _choose_runs(runs: Sequence[_Folder], workspace: Path, retention: Retention, now: float) -> dict[Path, str]:
    """Choose the finished runs that go, oldest first, each with the reason; the newest of each name stays."""
    by_name: dict[str, list[_Folder]] = {}
    for run in sorted(runs, key=lambda r: r.time, reverse=True):
        by_name.setdefault(str(run.manifest.get("name") or run.path.name), []).append(run)
    going: dict[Path, str] = {}
    for named in by_name.values():
        for place, run in enumerate(named[1:], start=2):
            is_kept = retention.keep_runs is not None and place <= retention.keep_runs
            is_kept |= retention.days is not None and now - run.time < retention.days * DAY
            if not is_kept and (retention.keep_runs, retention.days) != (None, None):
                reasons = []
                if retention.keep_runs is not None:
                    reasons.append(f"{place - 1:,} newer runs have its name")
                if retention.days is not None:
                    reasons.append(f"it is older than {retention.days:g} days")
                going[run.path] = " and ".join(reasons)
    if retention.bytes is not None:
        newest = {named[0].path for named in by_name.values()}
        going |= _choose_by_size(runs, newest, going, workspace, retention.bytes)
    return {run.path: going[run.path] for run in sorted(runs, key=lambda r: r.time) if run.path in going}


def _choose_by_size(
    runs: Sequence[_Folder], newest: set[Path], going: dict[Path, str], workspace: Path, most: int
) -> dict[Path, str]:
    """Choose further runs, the oldest first, until the workspace is not larger than it may be."""
    size = measure_disk([workspace]).total - measure_disk(going).own
    chosen: dict[Path, str] = {}
    for run in sorted(runs, key=lambda r: r.time):
        if size <= most:
            break
        if run.path not in newest and run.path not in going:
            chosen[run.path] = f"the workspace is larger than {format_size(most)}"
            size -= measure_disk([run.path]).own
    return chosen


def _keep_models(models: Sequence[_Folder], runs: Sequence[_Folder]) -> list[_Folder]:
    """Choose the models that kept runs were made with, those that these started from, and the newest of each dataset."""
    wanted = {run.find("model", "key") for run in runs}
    newest = {str(m.find("card", "dataset", "name")): m for m in sorted(models, key=lambda m: m.time)}
    kept = [m for m in models if m.key in wanted or m in newest.values()]
    bases = {m.find("card", "base", "key") for m in kept} | {run.find("model", "base", "key") for run in runs}
    return [m for m in models if m in kept or m.key in bases]


def _keep_datasets(datasets: Sequence[_Folder], runs: Sequence[_Folder], models: Sequence[_Folder]) -> list[_Folder]:
    """Choose the datasets that kept runs and models were made with, and the newest of each name."""
    wanted = {run.find("dataset", "key") for run in runs} | {m.find("card", "dataset", "key") for m in models}
    newest = {str(d.manifest.get("name")): d for d in sorted(datasets, key=lambda d: d.time)}
    return [d for d in datasets if d.key in wanted or d in newest.values()]


def _list_sources(datasets: Sequence[_Folder]) -> list[str]:
    """List the sources that datasets were made from."""
    return [str(dataset.find("options", "source")) for dataset in datasets]


def _count_finished(parent: Path) -> int:
    """Count the folders that are finished, damaged ones included."""
    return sum(1 for _ in parent.glob("[!.]*/manifest.json"))


def _base_name(folder: _Folder) -> tuple[str, ...]:
    """Return the keys that lead to the name of the model or run that a model, or the model of a run, started from."""
    return ("card", "base", "name") if "card" in folder.manifest else ("model", "base", "name")


def _read_folders(parent: Path, kind: str) -> list[_Folder]:
    """Read the finished folders of a kind; a damaged one is nobody's garbage, for it may be needed."""
    found = []
    for path in sorted(parent.glob("*")):
        if path.name.startswith(".") or path.name.endswith(".partial") or ".damaged-" in path.name:
            continue
        with suppress(UserError, OSError):
            manifest = read_manifest(path, kind)
            found.append(_Folder(path, manifest, find_time(path)[0]))
    return found
