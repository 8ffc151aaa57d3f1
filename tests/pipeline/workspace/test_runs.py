"""Runs are found by id, name and kind; unfinished ones are passed over."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from chem_vae.errors import DataError, UserError
from pipeline.workflows.records.run_folder import create_run, finish_run
from pipeline.workspace.runs import Run, list_runs


def test_a_run_is_not_found_by_the_end_of_its_name(tmp_path: Path) -> None:
    for name in ("my-demo", "demo-2"):
        finish_run(create_run(tmp_path, name, {}), {})
    with pytest.raises(UserError, match="unknown run"):
        Run.open("demo", tmp_path)
    run = create_run(tmp_path, "demo", {})
    finish_run(run, {})
    assert Run.open("demo", tmp_path).id == Run.open(run.id, tmp_path).id == run.id
    assert Run.open("my-demo", tmp_path).id.endswith("-my-demo")


def test_the_latest_run_of_a_kind(tmp_path: Path) -> None:
    """An update goes on from the latest run that is no optimization."""
    with pytest.raises(DataError, match="no finished run in"):
        Run.open("latest", tmp_path, optimization=False)
    for name in ("proposed", "optimized"):
        run = create_run(tmp_path, name, {})
        if name == "optimized":
            (run.folder / "calls.csv").write_text("smiles\n")
        finish_run(run, {})
        os.utime(run.folder / "manifest.json", (1e9, 1e9 + (name == "optimized")))
    assert Run.open("latest", tmp_path).id.endswith("-optimized")
    assert Run.open("latest", tmp_path, optimization=True).id.endswith("-optimized")
    earlier = Run.open("latest", tmp_path, optimization=False)
    assert earlier.id.endswith("-proposed")
    assert Run.open(run.id, tmp_path, optimization=False).id == run.id  # an id says which
    shutil.rmtree(earlier.folder)
    with pytest.raises(DataError, match="no finished run of that kind.*chem-vae run"):
        Run.open("latest", tmp_path, optimization=False)


def test_an_unfinished_run_is_not_listed(tmp_path: Path) -> None:
    finish_run(create_run(tmp_path, "whole", {}), {})
    run = create_run(tmp_path, "half", {})
    assert [r.id.rpartition("-")[2] for r in list_runs(tmp_path)] == ["whole"]
    with pytest.raises(DataError, match="no report"):
        _ = run.report
    with pytest.raises(UserError, match="unknown run"):
        Run.open("nothing-like-it", tmp_path)
