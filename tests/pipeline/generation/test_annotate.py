"""Annotation without the training data says what it cannot know."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
from rdkit import DataStructs
from signing import sign_again

import pipeline as mg
from chem_vae.anomaly import FILE
from chem_vae.errors import CheckpointError
from pipeline.chemistry.metrics import compute_fingerprints
from pipeline.chemistry.molecule import Molecule
from pipeline.chemistry.validate import validate
from pipeline.generation import annotate as annotation
from pipeline.generation.config import GenerateConfig
from pipeline.models.trained_model import TrainedModel
from pipeline.models.training_set.kept_molecules import KEPT_SMILES, read_kept_selfies, read_kept_smiles
from pipeline.workflows.generate_run import generate_run


def test_processes_of_their_own_annotate_many_rows_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    smiles = ["CCO", "O=C1C=CC(=O)C=C1", "c1ccccc1CC", "CC(N)C(=O)O", "N#N"]
    table = pd.DataFrame({"molecule": [Molecule(s) for s in smiles]})
    settings = {"first": [0, 1, 2], "then": [3, 4], "properties": ["logp"], "n": 5}
    expected = annotation.annotate(table.copy(), **settings)
    assert expected["alerts"].notna().all() and expected.loc[1, "alerts"] != ""
    monkeypatch.setattr(annotation, "PARALLEL_FROM", 1)
    monkeypatch.setattr(annotation, "ANNOTATED_AT_ONCE", 2)
    monkeypatch.setattr(annotation, "count_workers", lambda: 2)
    found = annotation.annotate(table.copy(), **settings)
    pd.testing.assert_frame_equal(found.drop(columns="molecule"), expected.drop(columns="molecule"))


def test_a_model_without_its_data_still_generates_and_says_so(model: TrainedModel, tmp_path: Path) -> None:

    alone = TrainedModel.open(shutil.copytree(model.folder, tmp_path / "alone"))
    assert alone.dataset() is None
    found = mg.generate(alone, n=3, samples=30)
    assert any("novelty" in w for w in found.warnings)
    assert found.to_frame()["novel"].isna().all()
    assert "novel" not in found.counts  # unknown is not zero, and not all
    kept = {c.smiles for c in validate(read_kept_selfies(alone), alone.checkpoint.vocabulary)}
    near = found.to_frame()[["smiles", "nearest_training_smiles", "nearest_training_similarity"]]
    assert set(near["nearest_training_smiles"]) <= kept == set(read_kept_smiles(alone))
    for smiles, neighbor, similarity in near.itertuples(index=False):  # the fingerprints of whole, aromatic molecules
        assert DataStructs.TanimotoSimilarity(*compute_fingerprints([smiles, neighbor])) == pytest.approx(similarity)
    (tmp_path / "alone" / KEPT_SMILES).unlink()  # as of a model made before there was this file
    sign_again(tmp_path / "alone")
    assert set(read_kept_smiles(alone)) == kept
    assert any(f"those among the {len(kept):,} training molecules kept with the model" in w for w in found.warnings)
    run = generate_run(alone, None, GenerateConfig(n=3, samples=30), tmp_path, "alone")
    page = (run.folder / "report.html").read_text()
    assert f"nearest of the {len(kept)} kept training molecules" in page and "nearest training molecule<" not in page
    assert run.report["kept_neighbors"] == len(kept) and set(run.report["novelty"]) == {"never_proposed"}
    (tmp_path / "alone" / FILE).unlink()  # a model that keeps no molecules names no neighbors
    sign_again(tmp_path / "alone")
    bare = generate_run(alone, None, GenerateConfig(n=3, samples=30), tmp_path, "bare")
    assert pd.read_csv(bare.folder / "candidates.csv")["nearest_training_smiles"].isna().all()
    assert any("nearest neighbors cannot be told" in w for w in bare.report["warnings"])
    (tmp_path / "alone" / "latent.safetensors").write_bytes(b"rubbish")
    sign_again(tmp_path / "alone")
    with pytest.raises(CheckpointError, match="damaged"):
        _ = TrainedModel.open(tmp_path / "alone").latent
