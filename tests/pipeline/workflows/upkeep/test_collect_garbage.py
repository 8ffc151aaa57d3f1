"""What a run needs is never garbage; a deletion that is killed is finished by the next."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from pipeline.chemistry.molecule import Molecule
from pipeline.library import open_library
from pipeline.workflows.records.run_folder import create_run, finish_run
from pipeline.workflows.upkeep import collect_garbage as gc
from pipeline.workflows.upkeep.collect_garbage import Garbage, Retention, collect_garbage, delete_garbage
from pipeline.workspace.runs import Run, list_runs
from pipeline.workspace.storage.folders import lock_folder, write_manifest
from pipeline.workspace.storage.linked_folders import link_or_copy

DAY = 86_400.0
_KEYS = {day: Molecule("C" * day + "O").inchikey for day in (1, 2, 3)}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHEM_VAE_CACHE", str(tmp_path_factory.mktemp("cache")))


def make_dataset(workspace: Path, name: str, key: str, created: str) -> Path:
    folder = workspace / "datasets" / f"{name}-{key}"
    folder.mkdir(parents=True)
    (folder / "tokens.npy").write_bytes(b"t" * 1000)
    write_manifest(
        folder, {"format": "chem-vae dataset", "format_version": 1, "name": name, "key": key, "created": created}
    )
    return folder


def make_model(workspace: Path, key: str, data: str, created: str, base: dict[str, str] | None = None) -> Path:
    folder = workspace / "models" / f"a-{key}"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"m" * 5000)
    card = {"dataset": {"name": "a", "key": data}, "created": created, "base": base}
    write_manifest(folder, {"format": gc.MODEL_KIND, "format_version": 1, "key": key, "card": card})
    return folder


def make_run(workspace: Path, name: str, day: int, weights: Path | None = None, **told: Any) -> Run:
    run = create_run(workspace, name, {})
    (run.folder / "report.html").write_bytes(b"r" * 100)
    (run.folder / "candidates.csv").write_text(f"rank,smiles,inchikey\n1,{'C' * day}O,{_KEYS[day]}\n")
    if weights is not None:
        link_or_copy(weights, run.folder / "model")
    finish_run(run, {"name": name, "finished": f"2026-01-{day:02d}T02:00:00+00:00", **told})
    return run


@pytest.fixture
def nights(tmp_path: Path) -> dict[str, Path]:
    """Three nights of a source that grew, each with its own dataset and model, and the search of another name."""
    made = {}
    for day, (data, model) in enumerate((("d1", "m1"), ("d2", "m2"), ("d3", "m3")), start=1):
        date = f"2026-01-{day:02d}T01:00:00+00:00"
        base = {"name": f"a-m{day - 1}", "key": f"m{day - 1}"} if day > 1 else None
        made[data] = make_dataset(tmp_path, "a", data, date)
        made[model] = make_model(tmp_path, model, data, date, base)
        about = {"model": {"key": model, "base": base}, "dataset": {"key": data}}
        made[f"r{day}"] = make_run(tmp_path, "nightly", day, made[model], **about).folder
    made["other"] = make_run(tmp_path, "search", 1, model={"key": "m3"}).folder
    return made


def names(found: list[Garbage]) -> list[str]:
    return [path.name for entry in found for path in entry.paths]


def test_without_limits_no_finished_folder_goes(tmp_path: Path, nights: dict[str, Path]) -> None:
    assert collect_garbage(tmp_path, Retention()) == []


def test_what_a_kept_run_needs_stays(tmp_path: Path, nights: dict[str, Path]) -> None:
    found = collect_garbage(tmp_path, Retention(keep_runs=1))
    assert names(found) == [nights[n].name for n in ("r1", "r2", "m1", "d1")], (
        "m2 is where the kept model started, d2 its data"
    )
    assert found[0].size > 0 and found[0].size < 5000, "its model is shared with models/"
    total, left = delete_garbage(found, tmp_path)
    with open_library(tmp_path) as library:
        assert library.count() == 2, "what the deleted runs proposed is in the library"
    assert left == [] and total > 6000, "the weights of m1 are freed with the last of their names"
    assert not nights["r1"].exists() and nights["r3"].is_dir() and nights["m2"].is_dir()
    assert {run.folder for run in list_runs(tmp_path)} == {nights["r3"], nights["other"]}
    assert collect_garbage(tmp_path, Retention(keep_runs=1)) == []


def test_models_and_datasets_go_also_when_a_kill_came_after_their_runs(tmp_path: Path, nights: dict[str, Path]) -> None:
    found = collect_garbage(tmp_path, Retention(keep_runs=1))
    delete_garbage([entry for entry in found if entry.kind == "run"], tmp_path)
    assert names(collect_garbage(tmp_path, Retention(keep_runs=1))) == [nights[n].name for n in ("m1", "d1")]


def test_age_and_size(tmp_path: Path, nights: dict[str, Path]) -> None:
    now = time.mktime((2026, 1, 4, 2, 0, 0, 0, 0, 0))
    assert nights["r1"].name in names(collect_garbage(tmp_path, Retention(days=2.5), now))
    assert nights["r2"].name not in names(collect_garbage(tmp_path, Retention(days=2.5), now))
    both = names(collect_garbage(tmp_path, Retention(keep_runs=2, days=0.5), now))
    assert nights["r1"].name in both and nights["r2"].name not in both
    small = names(collect_garbage(tmp_path, Retention(bytes=1), now))
    assert {nights["r1"].name, nights["r2"].name} <= set(small)
    assert not {nights["r3"].name, nights["other"].name} & set(small), "the newest of each name stays"
    assert nights["r1"].name not in names(collect_garbage(tmp_path, Retention(bytes=10**9), now))


def test_rubbish_by_age(tmp_path: Path) -> None:
    unfinished = create_run(tmp_path, "killed", {}).folder
    partial = tmp_path / "models" / "a-1.partial"
    aside = tmp_path / "datasets" / "a-1.damaged-20260101-000000-000000"
    half = tmp_path / "runs" / ".x.csv.0a1b2c.partial"
    part = tmp_path / "parts" / "ab" / "abcd.parquet"
    paid = tmp_path / "optimizations" / "search-1" / "calls.csv"
    for path in (partial / "resume", aside / "tokens.npy", half, part, paid):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 10)
    assert collect_garbage(tmp_path, Retention()) == []
    later = time.time() + 8 * DAY
    found = collect_garbage(tmp_path, Retention(), later)
    assert {e.kind for e in found} == {"run", "unfinished", "damaged", "file"}
    assert set(names(found)) == {unfinished.name, partial.name, aside.name, half.name}
    assert part.name in names(collect_garbage(tmp_path, Retention(parts_days=5), later))
    with lock_folder(tmp_path / "models" / "a-1", "training"):
        _, left = delete_garbage(found, tmp_path)
    assert len(left) == 1 and "another process" in left[0] and partial.exists()
    delete_garbage(collect_garbage(tmp_path, Retention(), later), tmp_path)
    assert not partial.exists() and not half.exists() and not unfinished.exists() and part.exists() and paid.exists()


def test_a_killed_deletion_is_finished_by_the_next(
    tmp_path: Path, nights: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill(path: Path) -> None:
        os.unlink(Path(path) / "report.html")
        raise KeyboardInterrupt

    found = collect_garbage(tmp_path, Retention(keep_runs=1))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(shutil, "rmtree", kill)  # of the whole library, and so of `delete_folder`
        delete_garbage(found, tmp_path)
    assert not nights["r1"].exists() and nights["r2"].is_dir()
    assert len(list_runs(tmp_path)) == 3, "nothing half-deleted is ever seen"
    again = collect_garbage(tmp_path, Retention())
    assert [e.kind for e in again] == ["deleted"]
    assert delete_garbage(again, tmp_path)[1] == []
    assert not [p for p in (tmp_path / "runs").iterdir() if "deleted" in p.name]


def age(path: Path, days: float) -> None:
    """Let a folder or file look as if nothing had changed in it for some days."""
    then = time.time() - days * DAY
    for place in [*path.rglob("*"), path]:
        os.utime(place, (then, then))


def test_figures_for_tensorboard_go_with_their_model(tmp_path: Path, nights: dict[str, Path]) -> None:
    for name in ("a-m1", "a-m3", "gone", "begun", "new"):
        (tmp_path / "tensorboard" / name).mkdir(parents=True)
        (tmp_path / "tensorboard" / name / "events").write_text("figures")
        if name != "new":
            age(tmp_path / "tensorboard" / name, 8)
    (tmp_path / "models" / "begun.partial").mkdir()
    assert names(collect_garbage(tmp_path, Retention())) == ["gone"]
    found = collect_garbage(tmp_path, Retention(keep_runs=1))
    assert [path.name for e in found for path in e.paths if e.kind == "tensorboard"] == ["a-m1", "gone"]
    assert found.index(next(e for e in found if e.kind == "model")) < found.index(
        next(e for e in found if e.kind == "tensorboard")
    )
    delete_garbage(found, tmp_path)
    assert sorted(p.name for p in (tmp_path / "tensorboard").iterdir()) == ["a-m3", "begun", "new"]


def test_merged_measurements_stay_while_a_dataset_is_made_from_them(tmp_path: Path) -> None:
    for name in ("needed", "unneeded", "new"):
        (tmp_path / "updates" / name).mkdir(parents=True)
        (tmp_path / "updates" / name / "a.csv").write_text("smiles\n")
        if name != "new":
            age(tmp_path / "updates" / name, 8)
    folder = tmp_path / "datasets" / "a-d1"
    folder.mkdir(parents=True)
    source = str(tmp_path / "updates" / "needed" / "a.csv")
    told = {"format": "chem-vae dataset", "format_version": 1, "name": "a", "key": "d1", "options": {"source": source}}
    write_manifest(folder, told)
    assert names(collect_garbage(tmp_path, Retention())) == ["unneeded"]
    (folder / "manifest.json").write_text("damaged")
    assert collect_garbage(tmp_path, Retention()) == [], "it would be made again from its source, which nobody knows"


def test_what_was_fetched_goes_when_it_is_no_longer_used(tmp_path: Path) -> None:
    for name in ("used", "unused"):
        (tmp_path / "fetched" / name / "a-run").mkdir(parents=True)
        (tmp_path / "fetched" / name / "a-run" / "report.html").write_text("report")
        (tmp_path / "fetched" / f".{name}.json").write_text("{}")
    for path in (tmp_path / "fetched").iterdir():
        age(path, 31)
    os.utime(tmp_path / "fetched" / "used")
    os.utime(tmp_path / "fetched" / ".used.json")
    found = collect_garbage(tmp_path, Retention())
    assert names(found) == ["unused", ".unused.json"]
    delete_garbage(found, tmp_path)
    assert sorted(p.name for p in (tmp_path / "fetched").iterdir()) == [".used.json", "used"]


def test_tables_of_notebooks_stay_while_a_dataset_or_a_run_is_made_from_them(tmp_path: Path) -> None:
    for name in ("0000aaaa", "0000bbbb", "0000cccc", "0000dddd"):
        (tmp_path / "tables" / name).mkdir(parents=True)
        (tmp_path / "tables" / name / "table.csv").write_text("SMILES\n")
        if name != "0000dddd":
            age(tmp_path / "tables" / name, 31)
    folder = make_dataset(tmp_path, "a", "d1", "2026-01-01T01:00:00+00:00")
    source = {"source": str(tmp_path / "tables" / "0000aaaa" / "table.csv")}
    told = {"format": "chem-vae dataset", "format_version": 1, "name": "a", "key": "d1", "options": source}
    write_manifest(folder, told)
    make_run(tmp_path, "night", 1)
    old = create_run(tmp_path, "night", {"ingest": {"source": str(tmp_path / "tables" / "0000bbbb" / "table.csv")}})
    finish_run(old, {"name": "night", "finished": "2025-12-01T02:00:00+00:00"})
    assert names(collect_garbage(tmp_path, Retention())) == ["0000cccc"]
    assert names(collect_garbage(tmp_path, Retention(keep_runs=1))) == [old.folder.name, "0000bbbb", "0000cccc"]
    (folder / "manifest.json").write_text("damaged")
    assert collect_garbage(tmp_path, Retention()) == [], "it would be made again from its table, which nobody knows"


def test_marks_go_with_what_was_published(tmp_path: Path, nights: dict[str, Path]) -> None:
    marks = tmp_path / "published" / "0123456789abcdef"
    marks.mkdir(parents=True)
    for path in (nights["m1"], nights["m3"], tmp_path / "runs" / "20250101-020000-gone"):
        (marks / f"{path.parent.name}--{path.name}.json").write_text("{}")
    found = collect_garbage(tmp_path, Retention())
    assert names(found) == ["runs--20250101-020000-gone.json"]
    found = collect_garbage(tmp_path, Retention(keep_runs=1))
    assert [path.name for path in found[-1].paths] == ["models--a-m1.json", "runs--20250101-020000-gone.json"]
    delete_garbage(found, tmp_path)
    assert [mark.name for mark in marks.iterdir()] == ["models--a-m3.json"] and nights["m3"].exists()


@pytest.mark.parametrize("kept", ["replay", "kept"])
def test_what_the_cache_keeps_goes_when_nothing_used_it_for_long(
    kept: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHEM_VAE_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "cache" / kept
    folder.mkdir(parents=True)
    for name, days in (("old", 31), ("used", 1)):
        (folder / f"{name}.parquet").write_bytes(b"molecules")
        age(folder / f"{name}.parquet", days)
    found = collect_garbage(tmp_path / "workspace", Retention())
    assert names(found) == ["old.parquet"] and str(folder) in found[0].name
    delete_garbage(found, tmp_path / "workspace")
    assert [path.name for path in folder.iterdir()] == ["used.parquet"]
