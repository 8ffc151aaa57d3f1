"""A name that a user types is found in the workspace, or the error lists the names that there are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from chem_vae.atomic_files import write_json
from chem_vae.errors import ChemVAEWarning, DataError, UserError
from pipeline.workspace import lookup
from pipeline.workspace.lookup import (
    find_dataset,
    find_folder,
    find_model,
    find_run,
    list_shipped_models,
    list_workspace_models,
    write_model_name,
)


def make(workspace: Path, kind: str, name: str, at: float, *files: str) -> Path:
    folder = workspace / kind / name
    for file in ("manifest.json", *files):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        write_json(folder / file, {})
    os.utime(folder / "manifest.json", (at, at))
    return folder


def test_datasets(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no finished dataset.*chem-vae ingest"):
        find_dataset("latest", tmp_path)
    old, new = make(tmp_path, "datasets", "assay-1111aaaa", 1e9), make(tmp_path, "datasets", "assay-2222bbbb", 2e9)
    make(tmp_path, "datasets", "assay-3333cccc.partial", 3e9)
    for asked, found in (("latest", new), ("assay", new), (old.name, old), (str(old), old)):
        assert find_dataset(asked, tmp_path) == found
    with pytest.raises(UserError, match="unknown dataset of the workspace 'asay'"):
        find_dataset("asay", tmp_path)


def test_a_copied_workspace_has_the_same_latest(tmp_path: Path) -> None:
    """A copy gives all files new times, in the order in which they were copied."""
    late = make(tmp_path, "runs", "20260102-020000-late", 1e9, "model/model.json")
    early = make(tmp_path, "runs", "20260101-020000-early", 2e9, "model/model.json")
    for folder, day in ((late, "02"), (early, "01")):
        at = (folder / "manifest.json").stat().st_mtime
        write_json(folder / "manifest.json", {"finished": f"2026-01-{day}T02:10:00+00:00"})
        os.utime(folder / "manifest.json", (at, at))
    assert find_run("latest", tmp_path) == late
    assert find_model("latest", tmp_path) == late / "model"
    write_json(early / "manifest.json", {"finished": "2026-01-03T02:10:00+00:00"})
    assert find_run("latest", tmp_path) == early, "a manifest that was written anew is read again"


def test_models(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no finished model.*--model"):
        find_model("latest", tmp_path)
    model = make(tmp_path, "models", "assay-1111aaaa", 1e9, "model.json")
    run = make(tmp_path, "runs", "20260101-020000-nightly", 2e9, "model/model.json")
    (shipped, folder), *_ = list_shipped_models().items()
    for asked, found in (
        ("latest", run / "model"), ("nightly", run / "model"), (run.name, run / "model"), (str(run), run / "model"),
        ("assay", model), (model.name, model), (str(model), model), (shipped, folder),
    ):  # fmt: skip
        assert find_model(asked, tmp_path) == found
    assert list_workspace_models(tmp_path) == [model]
    assert [write_model_name(f) for f in (folder, run / "model", model)] == [shipped, run.name, model.name]
    with pytest.raises(DataError, match="has no model.json"):
        find_model(str(tmp_path), tmp_path)
    with pytest.raises(UserError, match="unknown model or run 'nightl'.*Known: 20260101-020000-nightly"):
        find_model("nightl", tmp_path)


def test_a_shipped_model_is_taken_where_nothing_is_asked_for_and_nothing_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed, workspace = tmp_path / "installed", tmp_path / "workspace"
    monkeypatch.setattr(lookup, "find_data_folder", lambda: installed)
    with pytest.raises(DataError, match="no finished model"):
        find_model(None, workspace)  # none came with the installation
    moses = make(installed, "models", "moses", 1e9, "model.json")
    with pytest.warns(ChemVAEWarning, match="no model in .*workspace yet: moses is taken"):
        assert find_model(None, workspace) == moses
    druglike = make(installed, "models", "druglike", 1e9, "model.json")
    make(installed, "models", "antibiotics", 1e9, "model.json")
    make(installed, "models", "unfinished", 1e9)
    assert list(list_shipped_models()) == ["druglike", "antibiotics", "moses"]
    with pytest.warns(ChemVAEWarning, match="druglike is taken, .* --model names another one"):
        assert find_model(None, workspace) == druglike
    with pytest.raises(DataError, match="no finished model"):
        find_model("latest", workspace)  # asked for, and not there
    run = make(workspace, "runs", "20260101-020000-first", 2e9, "model/model.json")
    assert find_model(None, workspace) == find_model("latest", workspace) == run / "model"
    model = make(workspace, "models", "assay-1111aaaa", 3e9, "model.json")
    assert find_model(None, workspace) == model and find_model("moses", workspace) == moses


def test_any_folder(tmp_path: Path) -> None:
    run = make(tmp_path, "runs", "20260101-020000-nightly", 1e9)
    assert find_folder(run.name, tmp_path) == find_folder(str(run / "manifest.json"), tmp_path) == run
    assert find_run("nightly", tmp_path) == run
    with pytest.raises(DataError, match="there is no folder nowhere"):
        find_folder("nowhere", tmp_path)
