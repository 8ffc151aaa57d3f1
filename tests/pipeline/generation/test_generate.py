"""Train, generate and report on a tiny model: accounts that add up, and what is predicted said to be."""

from __future__ import annotations

import json
import math
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem, DataStructs

import pipeline as mg
from chem_vae.anomaly import FILE
from chem_vae.checkpoint import Checkpoint
from chem_vae.config import TrainingConfig
from chem_vae.errors import BusyError, CheckpointError, DataError, UserError
from pipeline.chemistry.metrics import fingerprints
from pipeline.chemistry.properties import compute
from pipeline.chemistry.validate import validate
from pipeline.config import CampaignConfig
from pipeline.datasets.dataset import Dataset
from pipeline.generation.config import GenerateConfig
from pipeline.models.kept_molecules import KEPT_SMILES, read_kept_selfies, read_kept_smiles
from pipeline.models.trained_model import TrainedModel, load_model
from pipeline.objectives.config import Objective
from pipeline.training.config import TrainConfig
from pipeline.training.train import train
from pipeline.workflows.generate_run import generate_run
from pipeline.workflows.run_folder import create_run, finish_run
from pipeline.workspace.folders import build_folder, hash_content, lock_folder
from pipeline.workspace.lookup import list_workspace_models
from pipeline.workspace.runs import Run, list_runs


def test_a_model_folder_is_whole_and_reused(
    model: TrainedModel, dataset: Dataset, workspace: Path, tiny_training: TrainConfig
) -> None:
    names = {p.name for p in model.folder.iterdir()}
    assert {"model.safetensors", "model.json", "predictors.safetensors", "latent.safetensors", "metrics.csv"} <= names
    assert "resume.safetensors" not in names
    assert not any(p.suffix in (".pkl", ".pt", ".ckpt") for p in model.folder.rglob("*"))
    again = train(dataset, tiny_training, workspace)
    assert again.reused
    assert again.folder == model.folder
    assert any("few for a model" in w for w in model.card["warnings"])
    assert model.card["training_molecules"] == dataset.counts["train"]
    assert {p.name: p.kind for p in model.properties} == {"assay": "measured", "logp": "computed", "mw": "computed"}


def test_predictors_are_fitted_for_every_property_and_checked(model: TrainedModel) -> None:
    figures = {p["property"]: p for p in model.card["predictors"]}
    assert set(figures) == {"assay", "logp", "mw"}
    assert figures["assay"]["n_train"] < figures["logp"]["n_train"]  # a third of the labels is missing
    assert all(math.isfinite(f["r2"]) and f["n_test"] >= 20 for f in figures.values())
    assert set(figures["mw"]["coverage"]) == {"0.5", "0.8", "0.9", "0.95"}


@pytest.mark.parametrize("strategy", ["conditional", "gradient"])
def test_accounts_add_up(model: TrainedModel, strategy: str) -> None:
    found = mg.generate(
        model, n=10, samples=120, strategy=strategy, objectives={"logp": Objective(target=2.0, tolerance=1.0)}, seed=1
    )
    c = found.counts
    assert c["requested"] == 120
    assert c["requested"] >= c["decoded"] >= c["valid"] >= c["unique"] == len(found.molecules)
    assert c["unique"] >= c["novel"] >= c["novel, stereo-blind"]
    assert c["novel"] >= c["within target"] >= c["alert-free"]
    frame = found.to_frame()
    assert len(frame) <= 10
    assert frame["rank"].tolist() == list(range(1, len(frame) + 1))
    assert frame["score"].is_monotonic_decreasing
    assert frame["inchikey"].is_unique
    assert frame["novel"].all()
    for _, row in frame.iterrows():
        mol = Chem.MolFromSmiles(row["smiles"])
        assert row["logp_computed"] == pytest.approx(compute(mol, ["logp"])[0])
        assert Chem.MolToInchiKey(mol) == row["inchikey"]
        assert row["within_target"] == (abs(row["logp_computed"] - 2.0) <= 1.0)
    assert not any(c.endswith("logp_predicted") for c in frame.columns)


def test_the_same_seed_gives_the_same_molecules(model: TrainedModel) -> None:
    a, b, c = (
        mg.generate(model, target={"logp": 2.0}, n=5, samples=60, seed=s).molecules["smiles"].tolist()
        for s in (1, 1, 2)
    )
    assert a == b
    assert a != c


def test_a_measured_property_is_predicted_and_labelled_so(model: TrainedModel) -> None:
    frame = mg.generate(model, n=5, samples=60, objectives={"assay": Objective(maximize=True)}).to_frame()
    assert "assay_computed" not in frame
    assert (frame["assay_predicted_std"].dropna() > 0).all()
    assert frame["assay_predicted"].notna().any()
    assert (frame["distance_to_training"].dropna() >= 0).all()
    assert frame["nearest_training_similarity"].between(0, 1).all()


def test_requests_that_cannot_be_met_are_explained(model: TrainedModel, dataset: Dataset, workspace: Path) -> None:
    with pytest.raises(UserError, match="did you mean 'logp'"):
        mg.generate(model, target={"logP": 1.0})
    with pytest.raises(UserError, match="did you mean 'gradient'"):
        mg.generate(model, strategy="gradent")
    with pytest.raises(UserError, match="did you mean 'assay'"):
        train(dataset, TrainConfig(start="nothing", conditions=("asay",)), workspace)
    far = mg.generate(model, target={"logp": 30.0}, n=3, samples=30)
    assert any("outside the training data" in w for w in far.warnings)
    few = mg.generate(model, n=50, samples=20)
    assert any("ask for more" in w for w in few.warnings)


def test_sampling_stops_where_nothing_new_comes(model: TrainedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Checkpoint, "decode", lambda self, z, *a, **k: ["[C][C][O]", "[C][C][N]"] * (len(z) // 2))
    found = mg.generate(model, n=50, samples=1000, batch_size=10)
    assert found.counts["requested"] == found.samples == 60  # the first batch brings two, five more bring none
    assert (found.counts["valid"], found.counts["unique"]) == (60, 2)
    assert any("stopped after 60 of 1,000" in w and "2 found before" in w for w in found.warnings)
    assert not any("ask for more" in w for w in found.warnings)


def test_a_run_folder_holds_it_all_with_strict_json(model: TrainedModel, dataset: Dataset, workspace: Path) -> None:
    config = GenerateConfig(
        n=5,
        samples=80,
        strategy="conditional",
        objectives={"logp": Objective(target=2.0), "assay": Objective(maximize=True)},
    )
    run = generate_run(model, dataset, config, workspace, "my run")
    names = {p.name for p in run.folder.iterdir()}
    assert {
        "config.json",
        "model",
        "report.html",
        "report.json",
        "candidates.csv",
        "candidates.sdf",
        "manifest.json",
    } <= names

    def refuse(constant: str) -> float:
        raise AssertionError(f"{constant} is not JSON")

    report = json.loads((run.folder / "report.json").read_text(), parse_constant=refuse)
    again = CampaignConfig.model_validate({**json.loads((run.folder / "config.json").read_text()), "name": "again"})
    assert again.generate == config
    assert again.train.training.epochs == 15
    stages = {s["stage"]: s for s in report["funnel"]}
    assert stages["valid"]["of"] == stages["decoded"]["count"]
    assert stages["novel"]["of"] == stages["unique"]["count"]
    assert {a["property"]: a["basis"] for a in report["achieved"]} == {"logp": "computed", "assay": "predicted"}
    assert len(report["latent_map"]["data"]) == len(report["latent_map"]["values"])
    manifest = run.manifest
    assert manifest["model"]["key"] == model.key
    assert manifest["dataset"]["key"] == dataset.key
    assert "rdkit" in manifest["versions"]
    assert set(manifest["files"]) >= {"report.html", "model/model.safetensors"}
    assert Run.open(run.id, workspace).folder == run.folder
    assert Run.open("my-run", workspace).id == run.id
    assert list_runs(workspace)[0].id == run.id
    copied = load_model(run.folder)
    assert copied.key == model.key
    same = [mg.generate(m, target={"logp": 2.0}, n=4, samples=40).molecules["smiles"].tolist() for m in (model, copied)]
    assert same[0] == same[1]


def test_a_model_folder_that_cannot_be_opened_is_set_aside_not_deleted(
    dataset: Dataset, tmp_path: Path, tiny_training: TrainConfig
) -> None:
    (tmp_path / "datasets").symlink_to(dataset.folder.parent)
    training = TrainConfig(model=tiny_training.model, training=TrainingConfig(max_steps=2, validations=1))
    made = train(dataset, training, tmp_path)
    (made.folder / "latent.safetensors").unlink()
    (made.folder / "notes.txt").write_text("mine")
    with pytest.warns(UserWarning, match=r"latent.safetensors is missing.* kept as .*\.damaged-"):
        again = train(dataset, training, tmp_path)
    assert again.folder == made.folder and not again.reused
    aside = next((tmp_path / "models").glob("*.damaged-*"))
    assert (aside / "notes.txt").read_text() == "mine"
    assert list_workspace_models(tmp_path) == [made.folder]


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
    """What an update goes on from is no optimization, also where that came later."""
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


def test_an_unfinished_run_is_not_listed(workspace: Path) -> None:
    run = create_run(workspace, "half", {})
    assert run.id not in [r.id for r in list_runs(workspace)]
    with pytest.raises(DataError, match="no report"):
        _ = run.report
    with pytest.raises(UserError, match="unknown run"):
        Run.open("nothing-like-it", workspace)


def test_the_latent_space_in_smiles(model: TrainedModel, sample_smiles: list[str]) -> None:
    z = model.encode(sample_smiles[:3])
    assert z.shape == (3, 16)
    assert len(model.decode(z)) == 3
    assert len(model.interpolate(*sample_smiles[:2], steps=5)) == 5
    assert len(model.sample(4, {"logp": 2.0}, seed=0)) == 4
    predicted = model.predict(sample_smiles[:3])["mw"]
    assert (predicted.std > 0).all()
    assert np.nanmax(model.distance_to_training(model.latent["mu"].float()[:5])) < 0.05
    assert math.isnan(model.distance_to_training(z * float("nan"))[0])
    with pytest.raises(UserError, match="cannot encode"):
        model.encode(["C1CC"])
    with pytest.raises(UserError, match=r"never seen .*Se"):
        model.encode(["C[Se]C"])


def test_a_model_without_its_data_still_generates_and_says_so(model: TrainedModel, tmp_path: Path) -> None:
    import shutil

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
        assert DataStructs.TanimotoSimilarity(*fingerprints([smiles, neighbor])) == pytest.approx(similarity)
    (tmp_path / "alone" / KEPT_SMILES).unlink()  # as of a model made before there was this file
    assert set(read_kept_smiles(alone)) == kept
    assert any(f"those among the {len(kept):,} training molecules kept with the model" in w for w in found.warnings)
    run = generate_run(alone, None, GenerateConfig(n=3, samples=30), tmp_path, "alone")
    page = (run.folder / "report.html").read_text()
    assert f"nearest of the {len(kept)} kept training molecules" in page and "nearest training molecule<" not in page
    assert run.report["kept_neighbors"] == len(kept) and run.report["novelty"] is None
    (tmp_path / "alone" / FILE).unlink()  # a model that keeps no molecules names no neighbors
    bare = generate_run(alone, None, GenerateConfig(n=3, samples=30), tmp_path, "bare")
    assert pd.read_csv(bare.folder / "candidates.csv")["nearest_training_smiles"].isna().all()
    assert any("nearest neighbors cannot be told" in w for w in bare.report["warnings"])
    (tmp_path / "alone" / "latent.safetensors").write_bytes(b"rubbish")
    with pytest.raises(CheckpointError, match="damaged"):
        _ = TrainedModel.open(tmp_path / "alone").latent


def test_a_folder_in_work_is_busy_and_a_failed_one_stays_partial(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    with (
        lock_folder(folder, "training this model"),
        pytest.raises(BusyError, match="another process is training this model"),
        build_folder(folder, "training this model"),
    ):
        pass
    with pytest.raises(RuntimeError), build_folder(folder, "at it") as partial:
        (partial / "half").write_text("1")
        raise RuntimeError
    assert not folder.exists()
    with build_folder(folder, "at it") as partial:
        assert (partial / "half").exists()
    assert (folder / "half").exists()


def test_content_keys() -> None:
    assert hash_content({"a": 1, "b": [1, 2]}) == hash_content({"b": (1, 2), "a": 1})
    assert hash_content({"a": 1}) != hash_content({"a": 2})
