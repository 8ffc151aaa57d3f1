"""Nights that did not end well are listed among the runs, and taken for a run by nobody."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chem_vae.errors import DataError
from pipeline.workflows.records.failed_run import write_failed_run
from pipeline.workflows.records.summarize_runs import summarize_runs
from pipeline.workspace.lookup import find_run
from pipeline.workspace.runs import list_runs
from pipeline.workspace.storage.folders import lock_folder

STARTED = datetime(2026, 11, 28, 2, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ended", "state"),
    [("Failed", "failed"), ("TimedOut", "failed"), ("Crashed", "crashed"), ("Cancelled", "cancelled")],
)
def test_a_failed_night_is_listed_with_its_reason(tmp_path: Path, ended: str, state: str) -> None:
    reason = "no such property\n  'nonsense'"
    folder = write_failed_run(
        tmp_path, "kin", ended, reason, settings={}, started=STARTED, facts={"flow": "screen", "run": "calm-owl"}
    )
    (found,) = summarize_runs(tmp_path)
    assert (found.id, found.state, found.kind) == (folder.name, state, "screening")
    assert found.why == "no such property 'nonsense'" and found.started == "2026-11-28T02:00:00+00:00"
    assert found.bytes > 0 and found.candidates is None and not found.wanted
    json.dumps(found.to_dict(), allow_nan=False)


def test_a_failed_night_is_never_the_latest_run(tmp_path: Path) -> None:
    write_failed_run(tmp_path, "kin", "Failed", "why", settings={}, started=STARTED)
    assert not list_runs(tmp_path)
    for name in ("latest", "kin"):
        with pytest.raises(DataError, match="no finished run"):
            find_run(name, tmp_path)


def test_a_folder_without_an_account_is_passed_over(tmp_path: Path) -> None:
    for name, text in (("cut", "{"), ("other", '{"format": "something"}'), ("list", "[]")):
        (tmp_path / "failed" / name).mkdir(parents=True)
        (tmp_path / "failed" / name / "failure.json").write_text(text)
    (tmp_path / "failed" / "empty").mkdir()
    assert not list(summarize_runs(tmp_path))


def test_a_search_whose_lock_is_held_is_at_work(tmp_path: Path) -> None:
    for name in ("held-1", "left-2"):
        (tmp_path / "optimizations" / name).mkdir(parents=True)
    with lock_folder(tmp_path / "optimizations" / "left-2", "searching"):
        pass
    with lock_folder(tmp_path / "optimizations" / "held-1", "searching"):
        found = {run.id: run for run in summarize_runs(tmp_path)}
    assert (found["held-1"].state, found["held-1"].why) == ("at work", "")
    assert found["left-2"].state == "unfinished" and "stopped" in found["left-2"].why
