"""A folder that cannot be written to, and a disk without room, are found before the work."""

from __future__ import annotations

import errno
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest

from chem_vae.config import ModelConfig, TrainingConfig
from chem_vae.errors import ChemVAEError, UserError
from pipeline.datasets.building import shards
from pipeline.datasets.config import IngestConfig
from pipeline.datasets.dataset import Dataset
from pipeline.datasets.ingest import ingest
from pipeline.generation.config import GenerateConfig
from pipeline.models.trained_model import TrainedModel
from pipeline.training.config import TrainConfig
from pipeline.training.train import estimate_room, train
from pipeline.workflows.generate_run import generate_run
from pipeline.workflows.records.run_folder import estimate_run
from pipeline.workspace.storage.disk_space import check_writable, format_size, measure_folder


class Usage:
    free = 1_000


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage)


def test_a_file_in_the_place_of_a_workspace(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for folder in (tmp_path / "file", tmp_path / "file" / "workspace"):
        with pytest.raises(UserError, match="is a file, not a folder; give another --workspace"):
            check_writable(folder)
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UserError, match="is a broken link, not a folder"):
        check_writable(tmp_path / "link")
    check_writable(tmp_path / "not" / "there")
    assert not (tmp_path / "not").exists(), "the check leaves nothing behind"


@pytest.mark.parametrize("reason", [errno.EROFS, errno.EACCES])
def test_a_folder_that_may_not_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: int) -> None:
    def refuse(**_: Any) -> None:
        raise OSError(reason, "Read-only file system")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    with pytest.raises(
        UserError, match=r"cannot write into .*: read-only file system; choose another folder with --output"
    ):
        check_writable(tmp_path, option="--output")


def test_room_is_estimated_before_each_step(full: None, model: TrainedModel, dataset: Dataset, tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_text("SMILES\n" + "".join(f"{'C' * n}O\n" for n in range(1, 40)))
    left = (
        r"needs about .* and the disk of .* has 1\.0 kB left; free some space, or choose another disk with --workspace"
    )
    with pytest.raises(UserError, match=f"the ingest {left}"):
        ingest(IngestConfig(source=str(source), workers=1), tmp_path)
    with pytest.raises(UserError, match=f"the training {left}"):
        train(dataset, TrainConfig(start="nothing"), tmp_path)
    with pytest.raises(UserError, match=f"the run {left}"):
        generate_run(model, dataset, GenerateConfig(n=2, samples=10), tmp_path, "x")
    assert [p.name for p in tmp_path.rglob("*") if p.is_file() and not p.name.startswith(".")] == ["a.csv"]


def test_estimates_are_of_the_right_size(model: TrainedModel, dataset: Dataset, tiny_training: TrainConfig) -> None:
    weights = model.card["parameters"] * 4
    assert 4 * weights < estimate_room(dataset, tiny_training) < 20 * weights + 1_000 * dataset.counts["train"]
    usual = TrainConfig(model=ModelConfig(), training=TrainingConfig())
    assert 50e6 < estimate_room(dataset, usual) < 200e6
    assert 0 < estimate_run(model, model.folder.parents[1], 10) < 5e6  # the model is linked, not copied
    if (other := Path("/dev/shm")).is_dir() and other.stat().st_dev != model.folder.stat().st_dev:
        assert measure_folder(model.folder) < estimate_run(model, other, 10) < measure_folder(model.folder) + 5e6
    assert measure_folder(dataset.folder) < 800 * dataset.counts["rows"]
    assert [format_size(n) for n in (999, 1_500, 250_000_000, 3e12)] == ["999 bytes", "1.5 kB", "250 MB", "3,000 GB"]


def test_a_disk_that_fills_up_leaves_the_work_resumable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "a.csv"
    source.write_text("SMILES\n" + "".join(f"{'C' * n}O\n" for n in range(1, 60)))
    config = IngestConfig(source=str(source), workers=1, shard_rows=20, merges=0, compute=("mw",))
    real = shards.standardize_part

    def fill(job: Any) -> Any:
        if job[1].number == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(job)

    monkeypatch.setattr(shards, "standardize_part", fill)
    with pytest.raises(ChemVAEError, match="is full; free some space and run again, it goes on where it stopped"):
        ingest(config, tmp_path)
    made: list[int] = []
    monkeypatch.setattr(shards, "standardize_part", lambda job: made.append(job[1].number) or real(job))
    assert ingest(config, tmp_path).counts["accepted"] == 59
    assert made == [2], "the parts that were done are kept"
