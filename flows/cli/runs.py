"""The commands that look at several runs: runs, compare."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

from chem_vae.errors import UserError
from flows.cli.command import command, new_group
from flows.cli.json_output import answer
from flows.terminal import format_table, note, suggest_command
from pipeline.workspace.presentation.formatting import format_plain
from pipeline.workspace.storage.disk_space import format_size

app = new_group()
LONGEST = 100
"""The most characters of why a night failed in the table of runs; --json and the account have all of it."""


@command(app)
def runs(workspace: Path) -> None:
    """List the runs of a workspace, the latest first: state, time, data, hits, disk, and the reason where a night failed.

    chem-vae runs --workspace workspace
    """
    from pipeline.workflows.records.failed_run import FAILED  # here and below: loads pandas
    from pipeline.workflows.records.summarize_runs import FAILURES, summarize_runs

    found = list(summarize_runs(workspace))
    answer(lambda: found)
    if not found:
        note(f"no finished runs in {workspace}")
        suggest_command("chem-vae run --data moses-sample --target logp=2.5")
        return
    rows = [
        (
            run.id,
            run.state,
            (run.finished or "")[:16].replace("T", " "),
            "" if run.seconds is None else _write_duration(run.seconds),
            run.data,
            run.candidates,
            "" if run.hits is None else f"{run.hits} of {run.hits_of}",
            format_size(run.bytes),
            run.wanted or (textwrap.shorten(run.why, LONGEST) if run.state in FAILURES else run.why),
        )
        for run in found
    ]
    print(
        format_table(
            rows, ("run", "state", "finished", "took", "dataset", "candidates", "within target", "disk", "wanted")
        )
    )
    shared = max((run.shared_bytes for run in found), default=0)
    if shared:
        note("disk: what a run takes alone; the files of its model are shared with models/ and with other runs")
    if failed := [run for run in found if run.state in FAILURES]:
        note(f"why the last night failed: {workspace / FAILED / failed[0].id / 'report.html'}")
    if done := [run for run in found if run.state == "finished"]:
        suggest_command("chem-vae report {} --open", done[0].id, workspace=workspace)


@command(app)
def compare(
    run: list[str],
    workspace: Path,
    html: Path | None = None,
    picture: Path | None = None,
) -> None:
    """Compare runs: settings that differ, figures, candidates in common, and the drift from run to run as a plot.

    chem-vae compare RUN_1 RUN_2 RUN_3 --html compared.html

    All runs of a name, the oldest first:

    chem-vae compare nightly --picture drift.png

    Args:
        run: Two runs or more by id or folder; or one name, of which all finished runs are compared.
        html: Write a page with all of it to this file.
        picture: Draw the drift into this .png or .svg file.
    """
    from pipeline.workflows.records.compare_runs import compare_runs, write_drift, write_page  # here: loads pandas
    from pipeline.workspace.runs import Run, list_runs

    if len(run) == 1:
        named = [found for found in list_runs(workspace) if found.manifest.get("name") == run[0]]
        if len(named) < 2:
            raise UserError(f"there are no two finished runs of the name {run[0]} in {workspace}; see chem-vae runs")
        opened = named[::-1]
    else:
        opened = [Run.open(asked, workspace) for asked in run]
    made = compare_runs(opened)
    if html is not None:
        write_page(made, html)
    if picture is not None:
        write_drift(made, picture)
    answer(made.to_dict)
    _print_table(made.figures, made.runs, "figure")
    _print_table(made.settings, made.runs, "setting that differs")
    shared: dict[str, list[Any]] = dict(zip(made.runs, made.shared, strict=True))
    _print_table({**shared, "in no run before": made.new}, made.runs, "candidates in common")
    for path in (html, picture):
        if path is not None:
            note(f"written: {path}")
    suggest_command("chem-vae report {} --open", made.runs[-1], workspace=workspace)


def _print_table(rows: dict[str, list[Any]], runs: list[str], what: str) -> None:
    """Print rows with a column for each run."""
    if rows:
        shown = [[name, *(_shorten(value) for value in values)] for name, values in rows.items()]
        print(format_table(shown, [what, *runs]), end="\n\n")


def _shorten(value: Any) -> Any:
    """Return a value as a cell of a table: numbers rounded, lists as JSON, long texts cut."""
    if isinstance(value, float):
        return format_plain(value)
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value
    return f"{text[:37]}..." if isinstance(text, str) and len(text) > 40 else text


def _write_duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
