"""Every damage of a dataset, a model, a run or unfinished work is said in a sentence, or mended by the next run."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from damages import FILE_DAMAGES, break_json, deepen, edit, forget_hashes

from chem_vae.errors import ChemVAEError, ChemVAEWarning, UserError
from pipeline.datasets.config import IngestConfig
from pipeline.datasets.dataset import Dataset
from pipeline.datasets.ingest import ingest
from pipeline.models.trained_model import TrainedModel
from pipeline.report.model import read_report
from pipeline.workflows.records.run_folder import create_run, finish_run
from pipeline.workflows.upkeep.verify import verify
from pipeline.workspace.runs import Run, list_runs
from pipeline.workspace.storage.cache_folder import find_cache_folder

DATASET_FILES = ("tokens.npy", "offsets.npy", "conditions.npy", "split.npy", "vocabulary.json", "rejections.parquet")
DATASET_FILES += ("shards/part-00000.parquet",)
MODEL_FILES = ("model.safetensors", "model.json", "predictors.safetensors", "latent.safetensors", "training.json")
MODEL_FILES += ("anomaly.safetensors", "measured.safetensors", "kept.smi")
MANIFEST_DAMAGES: dict[str, Any] = {
    "broken JSON": break_json,
    "deep JSON": deepen,
    "a list": lambda path: path.write_text("[]"),
    "NaN": lambda path: path.write_text(path.read_text().replace('"format_version": 1', '"format_version": NaN')),
    "wrong types": edit(lambda m: m.update(properties=3, card=[], counts="x")),
    "another version": edit(lambda m: m.update(format_version=99)),
    "a changed number": edit(lambda m: m.update(seconds=1e9)),
    "a path that leads out": edit(
        lambda m: m["contents"].update({"../../x": {"size": 1, "sha256": ""}}) or m.pop("seal")
    ),
    "an absolute path": edit(
        lambda m: m["contents"].update({"/etc/passwd": {"size": 1, "sha256": ""}}) or m.pop("seal")
    ),
    "contents of wrong types": edit(lambda m: m.update(contents=[1, 2]) or m.pop("seal")),
}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> IngestConfig:
    source = tmp_path_factory.mktemp("source") / "small.csv"
    source.write_text("SMILES,y\n" + "".join(f"{'C' * n}O,{n}\n" for n in range(1, 40)) + "C1CC,1\n")
    return IngestConfig(source=str(source), compute=("mw",), merges=5, workers=1, properties=["y"])  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def made(settings: IngestConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ingest(settings, tmp_path_factory.mktemp("made")).folder


def hash_files(folder: Path) -> dict[str, str]:
    files = (p for p in folder.rglob("*") if p.is_file() and p.name != "manifest.json")
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def is_plain(error: BaseException, *words: str) -> bool:
    """Tell whether an error is one sentence with these words in it."""
    text = str(error)
    return "\n" not in text and 20 < len(text) < 900 and all(word in text for word in words)


def heal(settings: IngestConfig, workspace: Path, folder: Path, expected: dict[str, str]) -> None:
    """Assert that the dataset is damaged for verify, made again by ingest with a sentence, and then as it was."""
    assert [found.state for found in verify(workspace, [folder.name])] == ["damaged"]
    with pytest.warns(ChemVAEWarning, match="the dataset is made again"):
        again = ingest(settings, workspace)
    assert not again.reused and again.folder == folder and hash_files(folder) == expected
    assert [found.state for found in verify(workspace, [folder.name])] == ["whole"]
    assert ingest(settings, workspace).reused


@pytest.mark.parametrize("damage", FILE_DAMAGES)
@pytest.mark.parametrize("name", DATASET_FILES)
def test_a_damaged_dataset(settings: IngestConfig, made: Path, tmp_path: Path, name: str, damage: str) -> None:
    folder = shutil.copytree(made, tmp_path / "datasets" / made.name)
    if damage == "swap" and not name.endswith(".npy"):
        pytest.skip("there is no other file of its kind")
    FILE_DAMAGES[damage](folder / name)
    with pytest.raises(UserError) as caught:
        Dataset.open(folder)
    assert is_plain(caught.value, name, "ingest the same source again")
    heal(settings, tmp_path, folder, hash_files(made))


@pytest.mark.parametrize("damage", MANIFEST_DAMAGES)
def test_a_damaged_manifest_of_a_dataset(settings: IngestConfig, made: Path, tmp_path: Path, damage: str) -> None:
    folder = shutil.copytree(made, tmp_path / "datasets" / made.name)
    MANIFEST_DAMAGES[damage](folder / "manifest.json")
    with pytest.raises(UserError) as caught:
        Dataset.open(folder)
    assert is_plain(caught.value, str(folder))
    heal(settings, tmp_path, folder, hash_files(made))


def test_a_file_in_the_place_of_a_dataset_is_set_aside(settings: IngestConfig, made: Path, tmp_path: Path) -> None:
    folder = tmp_path / "datasets" / made.name
    folder.parent.mkdir()
    folder.write_text("mine")
    with pytest.warns(ChemVAEWarning, match="the dataset is made again"):
        ingest(settings, tmp_path)
    (aside,) = folder.parent.glob("*.damaged-*")
    assert aside.read_text() == "mine" and hash_files(folder) == hash_files(made)


@pytest.mark.parametrize("damage", [d for d in FILE_DAMAGES if d != "flip"])
@pytest.mark.parametrize("name", DATASET_FILES)
def test_a_damaged_dataset_without_hashes(made: Path, tmp_path: Path, name: str, damage: str) -> None:
    """A dataset of an earlier version opens as it did, and what cannot be read is said."""
    if damage == "swap" and not name.endswith(".npy"):
        pytest.skip("there is no other file of its kind")
    folder = shutil.copytree(made, tmp_path / made.name)
    forget_hashes(folder)
    dataset = Dataset.open(folder)
    assert len(dataset.table()) + len(dataset.rejections()) == 40 and len(dataset.tokens())
    FILE_DAMAGES[damage](folder / name)
    if (damage, name) == ("cut", "vocabulary.json"):
        (folder / name).write_text((folder / name).read_text()[:-20])
    with pytest.raises(UserError) as caught:
        dataset = Dataset.open(folder)
        dataset.table()
        dataset.rejections()
        dataset.tokens()
    assert is_plain(caught.value)
    assert [found.state for found in verify(tmp_path, [str(folder)])] == ["damaged"]


@pytest.mark.parametrize("damage", FILE_DAMAGES)
@pytest.mark.parametrize("name", MODEL_FILES)
def test_a_damaged_model(model: TrainedModel, tmp_path: Path, name: str, damage: str) -> None:
    if damage == "swap" and name == "kept.smi":
        pytest.skip("there is no other file of its kind")
    folder = shutil.copytree(model.folder, tmp_path / "model")
    FILE_DAMAGES[damage](folder / name)
    with pytest.raises(UserError) as caught:
        TrainedModel.open(folder)
    assert is_plain(caught.value, name, "train it again")
    assert [found.state for found in verify(tmp_path, [str(folder)])] == ["damaged"]


@pytest.mark.parametrize("damage", MANIFEST_DAMAGES)
def test_a_damaged_manifest_of_a_model(model: TrainedModel, tmp_path: Path, damage: str) -> None:
    folder = shutil.copytree(model.folder, tmp_path / "model")
    MANIFEST_DAMAGES[damage](folder / "manifest.json")
    with pytest.raises(UserError) as caught:
        TrainedModel.open(folder)
    assert is_plain(caught.value, str(folder))


@pytest.mark.parametrize("damage", [d for d in FILE_DAMAGES if d not in ("flip", "swap")])
@pytest.mark.parametrize("name", [n for n in MODEL_FILES if n not in ("kept.smi", "training.json")])
def test_a_damaged_model_without_hashes(model: TrainedModel, tmp_path: Path, name: str, damage: str) -> None:
    folder = shutil.copytree(model.folder, tmp_path / "model")
    forget_hashes(folder)
    FILE_DAMAGES[damage](folder / name)
    if damage in ("remove", "put_folder") and name in ("anomaly.safetensors", "measured.safetensors"):
        TrainedModel.open(folder)  # models of earlier versions lack these files
        return
    with pytest.raises(UserError) as caught:
        read_whole(TrainedModel.open(folder))
    assert is_plain(caught.value, name)


def read_whole(model: TrainedModel) -> None:
    """Read all that a model's folder holds."""
    from pipeline.models.training_set.kept_molecules import load_anomaly_tensors, read_kept_smiles

    assert model.checkpoint and dict(model.predictors) and model.latent and model.measured is not None
    load_anomaly_tensors(model)
    read_kept_smiles(model)
    model.summary()


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"seconds": NaN}', "[" * 100_000])
def test_a_damaged_report_of_a_run(tmp_path: Path, text: str) -> None:
    """The other runs are listed, and the damaged one is said."""
    folder = create_run(tmp_path, "one", {}).folder
    (folder / "report.json").write_text("{}")
    finish_run(Run(folder), {"candidates": 0})
    assert [found.state for found in verify(tmp_path, [folder.name])] == ["whole"]
    (folder / "report.json").write_text(text)
    with pytest.raises(UserError) as caught:
        read_report(folder)
    assert is_plain(caught.value, "report.json is damaged", "run it again")
    assert [found.state for found in verify(tmp_path, [folder.name])] == ["damaged"]
    (folder / "manifest.json").write_text("{")
    with pytest.warns(ChemVAEWarning, match="is left out: .* is damaged"):
        assert list_runs(tmp_path) == []


def test_a_file_without_permission_is_said_and_not_made_again(
    settings: IngestConfig, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(made, tmp_path / "datasets" / made.name)
    real = Path.open

    def refuse(self: Path, *args: Any, **kwargs: Any) -> Any:
        if self.name == "conditions.npy":
            raise PermissionError(13, "Permission denied", str(self))
        return real(self, *args, **kwargs)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(UserError, match=r"no permission to read .*conditions\.npy; change its permissions"):
        ingest(settings, tmp_path)
    assert hash_files(folder) == hash_files(made) if monkeypatch.undo() is None else False


@pytest.mark.parametrize("suffix", [".parquet", ".rejections.parquet", ".done.json"])
@pytest.mark.parametrize("damage", FILE_DAMAGES)
def test_a_damaged_part_of_an_unfinished_ingest_is_made_again(
    settings: IngestConfig, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str, suffix: str
) -> None:
    if damage == "swap" and suffix == ".done.json":
        pytest.skip("there is no other file of its kind")

    class Killed(BaseException):
        pass

    def kill(stage: str, *_: Any) -> None:
        if stage == "split":
            raise Killed

    with pytest.raises(Killed):
        ingest(settings, tmp_path, kill)
    (partial,) = (tmp_path / "datasets").glob("*.partial")
    assert [found.state for found in verify(tmp_path, [str(partial)])] == ["unfinished"]
    path = partial / "parts" / f"part-00000{suffix}"
    FILE_DAMAGES[damage](path)
    if damage == "put_folder":
        with pytest.raises(ChemVAEError) as caught:
            ingest(settings, tmp_path)
        assert is_plain(caught.value, path.name)
        return
    assert hash_files(ingest(settings, tmp_path).folder) == hash_files(made)
    assert not partial.exists()


def test_parts_of_another_version_are_made_again(settings: IngestConfig, made: Path, tmp_path: Path) -> None:
    """Parts that version 0.2.0 left have no mark, and none of the columns that came since."""
    partial = tmp_path / "datasets" / f"{made.name}.partial"
    (partial / "parts").mkdir(parents=True)
    (partial / "parts" / "part-00000.parquet").write_bytes(b"old")
    assert hash_files(ingest(settings, tmp_path).folder) == hash_files(made)


def test_a_file_in_the_place_of_unfinished_work_is_said(settings: IngestConfig, made: Path, tmp_path: Path) -> None:
    partial = tmp_path / "datasets" / f"{made.name}.partial"
    partial.parent.mkdir()
    partial.write_text("mine")
    with pytest.raises(UserError, match="is no folder, but unfinished work belongs there; move it away"):
        ingest(settings, tmp_path)
    assert partial.read_text() == "mine"


def test_hashes_are_computed_once_and_again_after_every_change(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHEM_VAE_CACHE", str(tmp_path / "cache"))
    folder = shutil.copytree(made, tmp_path / made.name)
    for path in folder.rglob("*"):
        os.utime(path, (1e9, 1e9))
    counted: list[str] = []
    module = pytest.importorskip("pipeline.workspace.storage.integrity")
    real = module.hash_file
    monkeypatch.setattr(module, "hash_file", lambda path: counted.append(path.name) or real(path))
    monkeypatch.setattr(module, "_SETTLED", -(10**12))  # as if the copies were older than they are
    Dataset.open(folder)
    assert len(counted) == len(hash_files(folder))
    Dataset.open(folder)
    assert len(counted) == len(hash_files(folder)), "what did not change is not read again"
    assert list((find_cache_folder() / "verified").glob("*.json"))
    FILE_DAMAGES["flip"](folder / "conditions.npy")
    os.utime(folder / "conditions.npy", (1e9, 1e9))  # an old time stamp does not hide a change
    with pytest.raises(UserError, match="another content than when it was written"):
        Dataset.open(folder)


def test_a_new_file_is_hashed_again(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that changed just now may change again within the same tick of the clock."""
    monkeypatch.setenv("CHEM_VAE_CACHE", str(tmp_path / "cache"))
    folder = shutil.copytree(made, tmp_path / made.name)
    module = pytest.importorskip("pipeline.workspace.storage.integrity")
    monkeypatch.setattr(module, "_SETTLED", 10**15)
    Dataset.open(folder)
    (kept,) = (tmp_path / "cache" / "verified").glob("*.json")
    assert json.loads(kept.read_text())["files"] == {}


def test_what_is_shipped_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever changes a shipped model writes its manifest anew with `pipeline.workspace.storage.folders.write_manifest`."""
    monkeypatch.setenv("CHEM_VAE_CACHE", str(tmp_path / "cache"))
    found = {entry.name: entry.state for entry in verify(tmp_path)}
    assert {"shipped model moses", "shipped dataset moses-sample"} <= set(found)
    assert set(found.values()) == {"whole"}


def test_a_damaged_dataset_of_a_model_is_said_once(
    model: TrainedModel, dataset: Dataset, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    for part in (model.folder, dataset.folder):
        shutil.copytree(part, tmp_path / part.parent.name / part.name)
    opened = TrainedModel.open(tmp_path / "models" / model.folder.name, workspace=tmp_path)
    assert opened.dataset() is not None and not recwarn.list
    FILE_DAMAGES["flip"](tmp_path / "datasets" / dataset.folder.name / "tokens.npy")
    assert opened.dataset() is None and opened.dataset(tmp_path) is None
    (told,) = recwarn.list
    assert "until then the work goes on without the data of the model" in str(told.message)


def test_what_a_folder_needs_of_the_workspace_is_told(settings: IngestConfig, tmp_path: Path) -> None:
    dataset = ingest(settings, tmp_path)
    about = {"name": dataset.name, "key": dataset.key, "folder": dataset.folder.name}
    run = create_run(tmp_path, "night", {})
    finish_run(run, {"name": "night", "dataset": about, "model": {"key": "1"}})
    (without,) = verify(tmp_path, [run.id])
    assert without.state == "whole" and without.text.endswith("; its model is not in it")
    shutil.rmtree(dataset.folder)
    parts, found = (next(f for f in verify(tmp_path) if f.name.startswith(n)) for n in ("parts", "runs/"))
    assert "its dataset" in found.text and "which repeat and update need" in found.text
    assert parts.state == "whole" and "1 part of ingests" in parts.text
    part = next((tmp_path / "parts").glob("*/*.rejections.parquet"))
    part.write_bytes(b"x")
    assert next(f for f in verify(tmp_path) if f.name == "parts").text.startswith("1 of 1 part is damaged")
