"""Kept batches: a generation that is stopped goes on from what it drew, to the result of one that was not stopped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from chem_vae.errors import ChemVAEWarning
from pipeline.chemistry.metrics import Share
from pipeline.chemistry.molecule import Molecule
from pipeline.datasets.dataset import Dataset
from pipeline.generation.config import UNFINISHED, GenerateConfig
from pipeline.generation.sampling import kept_batches
from pipeline.generation.sampling.batch import DrawJob, DrawnBatch
from pipeline.generation.sampling.batch_drawer import BatchDrawer
from pipeline.generation.sampling.kept_batches import KEPT_FROM, KeptBatches
from pipeline.models.trained_model import TrainedModel
from pipeline.objectives.config import Objective
from pipeline.workflows.generate_run import generate_run
from pipeline.workflows.records.summarize_runs import summarize_runs
from pipeline.workspace.runs import Run


def make_batch() -> DrawnBatch:
    molecules = [
        Molecule("CCO", "LFQSCWFLJHTTHZ-UHFFFAOYSA-N", ("salt removed",)),
        None,
        Molecule("C", "VNWKTOKETHGBQD"),
    ]
    z = np.array([[0.1, 0.2], [np.nan, np.nan], [1.0, -2.0]], dtype=np.float32)
    values, deviations = {"logp": [0.5, np.nan, 0.1], "assay": [1.0, np.nan, 2.0]}, {"assay": [0.1, np.nan, 0.3]}
    return DrawnBatch(molecules, ["[C][C][O]", None, "[C]"], Share(1, 2), z, values, deviations, [None, None, "odd"])


def make_job(number: int, shift: float = 0.0) -> DrawJob:
    return DrawJob(number, np.full((3, 2), shift, dtype=np.float32), np.full((3, 1), np.nan, dtype=np.float32))


def test_a_batch_comes_back_as_it_was(tmp_path: Path) -> None:
    kept, job, batch = KeptBatches(tmp_path / "kept"), make_job(KEPT_FROM), make_batch()
    assert kept.read(job) is None
    assert kept.write(job, batch) is batch
    found = kept.read(job)
    assert found is not None and kept.count_draws() == 3
    assert found.molecules == batch.molecules and found.strings == batch.strings and found.unusual == batch.unusual
    first = found.molecules[0]
    assert first is not None
    assert (first.__dict__["inchikey"], first.changes) == ("LFQSCWFLJHTTHZ-UHFFFAOYSA-N", ("salt removed",))
    assert found.canonical == Share(1, 2)
    np.testing.assert_array_equal(found.encoded, batch.encoded)
    for theirs, ours in ((found.values, batch.values), (found.deviations, batch.deviations)):
        pd.testing.assert_frame_equal(pd.DataFrame(theirs), pd.DataFrame(ours))


def test_only_the_same_job_is_read(tmp_path: Path) -> None:
    kept = KeptBatches(tmp_path)
    kept.write(make_job(KEPT_FROM), make_batch())
    assert kept.read(make_job(KEPT_FROM, 0.5)) is None
    assert kept.read(make_job(KEPT_FROM + 3)) is None
    kept.write(make_job(0), make_batch())
    assert len(list(tmp_path.iterdir())) == 1, "the first draws are not kept"


@pytest.mark.parametrize("damage", [b"", b"PAR1 and then nothing", None])
def test_a_damaged_batch_is_drawn_again(tmp_path: Path, damage: bytes | None) -> None:
    kept, job = KeptBatches(tmp_path), make_job(KEPT_FROM)
    kept.write(job, make_batch())
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-40] if damage is None else damage)
    assert kept.read(job) is None


def test_a_full_disk_ends_no_generation(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    batch = make_batch()
    assert KeptBatches(tmp_path / "file").write(make_job(KEPT_FROM), batch) is batch


def read_candidates(run: Run) -> pd.DataFrame:
    """Read what does not depend on what the library knows meanwhile."""
    return pd.read_csv(run.folder / "candidates.csv")[["rank", "smiles", "score", "logp_computed", "unusual"]]


def test_a_stopped_generation_goes_on_from_what_it_drew(
    model: TrainedModel, dataset: Dataset, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_batches, "KEPT_FROM", 20)
    config = GenerateConfig(
        n=5, samples=100, batch_size=20, strategy="conditional", objectives={"logp": Objective(target=2.0)},
        exclude_known=False,
    )  # fmt: skip
    unbroken = read_candidates(generate_run(model, dataset, config, workspace, "unbroken"))
    drawn, draw = list[int](), BatchDrawer._draw

    def draw_until_a_kill(self: BatchDrawer, job: DrawJob) -> DrawnBatch:
        if len(drawn) == 3:
            raise KeyboardInterrupt
        drawn.append(job.number)
        return draw(self, job)

    monkeypatch.setattr(BatchDrawer, "_draw", draw_until_a_kill)
    with pytest.raises(KeyboardInterrupt):
        generate_run(model, dataset, config, workspace, "stopped")
    (left,) = (workspace / UNFINISHED).iterdir()
    assert left.name.startswith("stopped-") and len(list(left.iterdir())) == 2, "the first batch is not kept"
    told = next(run for run in summarize_runs(workspace) if run.id == left.name)
    assert (told.state, told.kind) == ("unfinished", "generation")

    drawn.clear()

    def draw_on(self: BatchDrawer, job: DrawJob) -> DrawnBatch:
        drawn.append(job.number)
        return draw(self, job)

    monkeypatch.setattr(BatchDrawer, "_draw", draw_on)
    with pytest.warns(ChemVAEWarning, match="goes on from 40 draws of the same generation, which was stopped"):
        run = generate_run(model, dataset, config, workspace, "stopped")
    assert drawn == [0, 60, 80]
    pd.testing.assert_frame_equal(read_candidates(run), unbroken)
    assert not left.exists()
