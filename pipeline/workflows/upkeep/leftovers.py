"""Finds what kills, interrupted work and past runs have left in a workspace, whatever runs are kept."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline.datasets.building.part_cache import FOLDER as PARTS
from pipeline.generation.config import UNFINISHED as GENERATIONS
from pipeline.workspace.presentation.formatting import count_things
from pipeline.workspace.remote.publishing import MARKS
from pipeline.workspace.remote.remote_folders import FETCHED
from pipeline.workspace.storage.cache_folder import DRAWN, find_cache_folder
from pipeline.workspace.storage.folders import DELETED
from pipeline.workspace.storage.kept_results import KEPT
from pipeline.workspace.storage.linked_folders import measure_disk

DAY = 86_400.0
BOARDS, UPDATES = "tensorboard", "updates"
TABLES = "tables"
"""The folder of a workspace with the tables that were ingested from the memory of a notebook."""


@dataclass(frozen=True)
class Retention:
    """What is kept. Finished runs go only where a limit is given, and with them the models and datasets that no kept run needs, also
    those that an earlier deletion did not come to."""

    keep_runs: int | None = None
    """The newest runs of each name that are kept."""
    days: float | None = None
    """Runs that are younger are kept."""
    bytes: int | None = None
    """The size of the workspace above which the oldest runs go, be they kept by the other two limits or not."""
    unfinished_days: float = 7.0
    """Unfinished work and what was set aside as damaged is kept for so long: a training can still go on from it."""
    parts_days: float = 30.0
    """Standardized parts of sources that no ingest has used for so long go; they only save time."""

    app_days: float = 30.0
    """Ended jobs of the app, and uploaded files that nothing needs, are kept for so long."""

    @property
    def limits_runs(self) -> bool:
        """Tell whether any finished run may go."""
        return self.keep_runs is not None or self.days is not None or self.bytes is not None


@dataclass(frozen=True)
class Garbage:
    """A folder or file that may go, or several that go together."""

    name: str
    kind: str
    why: str
    paths: tuple[Path, ...]
    size: int
    """The bytes that its deletion alone frees: files that it shares with others stay."""


def find_rubbish(workspace: Path, retention: Retention, now: float) -> Iterator[Garbage]:
    """Find unfinished, damaged and half-deleted folders, and files that a kill has left."""
    for place in ("runs", "models", "datasets", "optimizations", GENERATIONS):
        for path in sorted((workspace / place).glob("*")):
            old = _is_old(path, retention, now)
            if DELETED in path.name:
                yield make_garbage(path, "deleted", "its deletion was interrupted")
            elif path.name.startswith(".") or place == "optimizations":  # whose calls are paid
                continue
            elif ".damaged-" in path.name and old:
                yield make_garbage(
                    path, "damaged", f"was set aside as damaged over {retention.unfinished_days:g} days ago"
                )
            elif path.name.endswith(".partial") and old:
                yield make_garbage(
                    path, "unfinished", f"unfinished work, untouched for {retention.unfinished_days:g} days"
                )
            elif place == GENERATIONS and old:
                why = f"drawn by a generation that was not finished, untouched for {retention.unfinished_days:g} days"
                yield make_garbage(path, "unfinished", why)
            elif place == "runs" and path.is_dir() and not (path / "manifest.json").exists() and old:
                yield make_garbage(
                    path, "run", f"was not finished, and is untouched for {retention.unfinished_days:g} days"
                )
    pattern = ".*.partial*"  # SQLite adds "-journal" to the name
    leftovers = [p for p in workspace.rglob(pattern) if p.is_file() and now - p.stat().st_mtime >= DAY]
    if leftovers:
        size = measure_disk(leftovers).own
        yield Garbage("half-written files", "file", "a kill has left them", tuple(leftovers), size)


def find_old_parts(folder: Path, retention: Retention, now: float) -> Iterator[Garbage]:
    """Find the standardized parts that no ingest has used for long, each with its rejections and its mark."""
    if not folder.is_dir():
        return
    by_name: dict[str, list[Path]] = {}
    for path in folder.glob("*/*"):
        by_name.setdefault(path.name.partition(".")[0], []).append(path)
    old = [
        path
        for paths in by_name.values()
        if now - max(p.stat().st_mtime for p in paths) >= retention.parts_days * DAY
        for path in sorted(paths)
    ]
    if old:
        why = f"no ingest has used them for {retention.parts_days:g} days; they would be made again"
        yield Garbage(f"{PARTS}/ ({count_things(len(old), 'file')})", "parts", why, tuple(old), measure_disk(old).own)


def find_unused_boards(workspace: Path, retention: Retention, now: float, going: Collection[Path]) -> Iterator[Garbage]:
    """Find the figures for TensorBoard of models that are gone, or that go now."""
    for path in sorted((workspace / BOARDS).glob("[!.]*")):
        model = workspace / "models" / path.name
        if model in going:
            yield make_garbage(path, BOARDS, "its model goes")
        elif not any(model.parent.glob(f"{path.name}*")) and _is_old(path, retention, now):
            yield make_garbage(path, BOARDS, "its model is gone")


def find_unused_updates(
    workspace: Path, retention: Retention, now: float, sources: Collection[str], unread: bool
) -> Iterator[Garbage]:
    """Find the merged measurements of updates from which no dataset was made that stays.

    Args:
        workspace: The workspace.
        retention: What is kept.
        now: The time.
        sources: The sources of the datasets that stay.
        unread: Whether there are datasets that cannot be read: they would be made again from their source, which then stays.
    """
    needed = {Path(source).parent.name for source in sources}
    for path in sorted((workspace / UPDATES).glob("[!.]*")):
        if not unread and path.name not in needed and _is_old(path, retention, now):
            yield make_garbage(path, UPDATES, "no dataset of the workspace is made from it")


def find_unused_tables(
    workspace: Path, retention: Retention, now: float, going: Collection[Path], unread: bool
) -> Iterator[Garbage]:
    """Find the tables of notebooks that no dataset, run or job names which stays: it could not be made again without its table.

    Args:
        workspace: The workspace.
        retention: What is kept.
        now: The time.
        going: The folders of datasets, runs and jobs that go.
        unread: Whether there are datasets that cannot be read: nobody knows what they were made from.
    """
    days = retention.parts_days
    old = [p for p in sorted((workspace / TABLES).glob("[!.]*/")) if now - find_newest(p) >= days * DAY]
    if not old or unread:
        return
    told = "\n".join(_read_settings(workspace, {path.resolve() for path in going}))
    for path in old:
        if f"{TABLES}/{path.name}/" not in told:
            why = f"untouched for {days:g} days, and no dataset or run that stays is made from it"
            yield make_garbage(path, "table", why)


def _read_settings(workspace: Path, going: Collection[Path]) -> Iterator[str]:
    """Read what the folders that stay say of their sources, as text."""
    for pattern in ("datasets/*/manifest.json", "runs/*/config.json", "jobs/*/*.json"):
        for path in workspace.glob(pattern):
            if path.parent.resolve() not in going:
                with suppress(OSError):
                    yield path.read_text(encoding="utf-8", errors="replace")


def find_stale_marks(workspace: Path, going: Collection[Path]) -> Iterator[Garbage]:
    """Find the marks of published folders that are no longer in the workspace, or that go now; what was published stays."""
    stale = []
    for mark in sorted((workspace / MARKS).glob("*/*.json")):
        place, _, name = mark.stem.partition("--")
        folder = workspace / place / name
        if name and (folder in going or not (folder.exists() or folder.with_name(f"{name}.partial").exists())):
            stale.append(mark)
    if stale:
        why = "what they say was published is no longer in the workspace; in the storage it stays"
        yield Garbage(
            f"{MARKS}/ ({count_things(len(stale), 'mark')})", "marks", why, tuple(stale), measure_disk(stale).own
        )


def find_old_results(retention: Retention, now: float) -> Iterator[Garbage]:
    """Find what the user's cache keeps to save time, and what nothing has used for long: draws of base models, plots, tables."""
    days = retention.parts_days
    told = {DRAWN: ("draws", "no fine-tuning has used them for"), KEPT: ("results", "nothing has used them for")}
    for name, (kind, unused) in told.items():
        folder = find_cache_folder() / name
        old = [path for path in sorted(folder.glob("[!.]*")) if now - path.stat().st_mtime >= days * DAY]
        if old:
            why = f"of the user's cache; {unused} {days:g} days; they would be made again"
            yield Garbage(f"{folder} ({count_things(len(old), 'file')})", kind, why, tuple(old), measure_disk(old).own)


def find_old_fetches(workspace: Path, retention: Retention, now: float) -> Iterator[Garbage]:
    """Find the folders of storages that were fetched and that nothing has used for long."""
    days = retention.parts_days
    for path in sorted((workspace / FETCHED).glob("[!.]*")):
        if now - find_newest(path) >= days * DAY:
            yield make_garbage(path, FETCHED, f"not used for {days:g} days; it would be fetched again")
    notes = [p for p in (workspace / FETCHED).glob(".*.json") if now - p.stat().st_mtime >= days * DAY]
    if notes:
        why = "say what was fetched from where"
        yield Garbage(
            f"{FETCHED}/ ({count_things(len(notes), 'note')})", FETCHED, why, tuple(notes), measure_disk(notes).own
        )


def _is_old(path: Path, retention: Retention, now: float) -> bool:
    return now - find_newest(path) >= retention.unfinished_days * DAY


def find_newest(path: Path) -> float:
    """Find when a folder, or anything in it, was changed last."""
    times = [path.lstat().st_mtime]
    for place, _, names in os.walk(path):
        for name in names:
            with suppress(OSError):
                times.append(Path(place, name).lstat().st_mtime)
    return max(times)


def make_garbage(path: Path, kind: str, why: str) -> Garbage:
    return Garbage(f"{path.parent.name}/{path.name}", kind, why, (path,), measure_disk([path]).own)
