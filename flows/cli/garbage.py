"""The command `gc`: shows what a workspace no longer needs, and deletes it where that is confirmed."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import typer

from chem_vae.errors import UserError
from flows.cli.command import command, new_group
from flows.cli.json_output import answer, wants_json
from flows.terminal import format_table, note, suggest_command
from pipeline.workspace.storage.disk_space import format_size
from pipeline.workspace.storage.linked_folders import measure_disk

app = new_group()
_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


@command(app)
def gc(
    workspace: Path,
    keep: int | None = None,
    older_than: float | None = None,
    max_size: str | None = None,
    unfinished_days: float = 7.0,
    parts_days: float = 30.0,
    app_days: float = 30.0,
    yes: bool = False,
) -> None:
    """Show what a workspace no longer needs, and delete it with --yes.

    Without limits these are unfinished work, damaged folders that were set aside, half-written files and unused parts of ingests,
    figures for TensorBoard, merged measurements and tables of notebooks that nothing needs, marks of published folders that are gone,
    what was fetched from a storage and is no longer used, old jobs and uploaded files of the app, and in the user's cache molecules that
    base models drew:

    chem-vae gc --workspace workspace

    With limits also old runs, and the models and datasets that no kept run needs. The newest run of each name always stays:

    chem-vae gc --keep 30 --older-than 60

    Args:
        keep: Keep so many of the newest runs of each name.
        older_than: Keep the runs of so many days; with --keep a run goes only where both let it go.
        max_size: Delete the oldest runs until the workspace has this size, as 20GB or 500MB.
        unfinished_days: Keep unfinished work, and what was set aside as damaged, for so many days.
        parts_days: Keep the standardized parts of a source, tables of notebooks, molecules that a base model drew, and what was fetched from
            a storage for so many days after their last use.
        app_days: Keep the ended jobs of the app, and uploaded files that no run and no job needs, for so many days.
        yes: Delete without asking; with --json nothing is deleted without it.
    """
    from pipeline.workflows.upkeep.collect_garbage import (  # here: loads pandas
        Retention,
        collect_garbage,
        delete_garbage,
    )

    if keep is not None and keep < 1:
        raise UserError("--keep must be at least 1: the newest run of each name always stays")
    if min(older_than or 0.0, unfinished_days, parts_days, app_days) < 0:
        raise UserError("a number of days must not be negative")
    size = None if max_size is None else _read_size(max_size)
    found = collect_garbage(workspace, Retention(keep, older_than, size, unfinished_days, parts_days, app_days))
    freed = measure_disk(path for entry in found for path in entry.paths).own
    rows = [{"name": e.name, "kind": e.kind, "why": e.why, "bytes": e.size} for e in found]
    told = {"workspace": workspace, "bytes": freed, "garbage": rows}
    answer(lambda: told | {"deleted": False})
    if found:
        print(
            format_table(
                [(e.kind, e.name, format_size(e.size), e.why) for e in found], ("kind", "what", "frees", "why")
            )
        )
    if not found:
        note(
            f"nothing in {workspace} can go"
            + ("" if keep or older_than or size else "; see chem-vae gc --help for limits on runs")
        )
        suggest_command("chem-vae runs", workspace=workspace)
        return
    if not yes and not wants_json() and sys.stdin.isatty():
        yes = typer.confirm(f"delete these {len(found):,}, which frees {format_size(freed)}?", err=True)
    if not yes:
        note(f"nothing was deleted; {format_size(freed)} would be free")
        suggest_command("chem-vae gc ... --yes", workspace=workspace)
        return
    done, left = delete_garbage(found, workspace)
    answer(lambda: told | {"deleted": True, "freed": done, "left": left})
    for sentence in left:
        note(f"warning: {sentence}")
    note(f"deleted {len(found) - len(left):,} of {len(found):,}; {format_size(done)} became free")
    suggest_command("chem-vae verify", workspace=workspace)


def _read_size(text: str) -> int:
    """Read a size in bytes, such as "20GB"."""
    found = re.fullmatch(r"\s*([0-9.]+)\s*([kKMGT]?[bB]?)\s*", text)
    unit = found[2].upper() if found else ""
    unit = unit if unit in _UNITS else f"{unit}B"
    try:
        assert found is not None
        return int(float(found[1]) * _UNITS[unit])
    except (AssertionError, ValueError):
        raise UserError(f"--max-size {text} is no size; write it as 20GB or 500MB") from None
