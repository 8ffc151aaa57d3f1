"""Maps of the latent space."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

import pipeline as mg
from chem_vae.errors import UserError
from pipeline.models.trained_model import TrainedModel


def test_maps(model: TrainedModel, sample_smiles: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = len(model.latent["mu"])
    made = mg.latent_map(model, color="assay", smiles=[sample_smiles[0], "C[Se]C"])
    assert made.frame["kind"].tolist() == ["training"] * kept + ["own"] * 2 and len(made.explained) == 2
    assert made.frame["x"].isna().sum() == 1 and "[Se]" in made.frame["reason"].iloc[-1]
    assert 0 < made.frame["value"].notna().sum() < kept  # the assay is measured for two of three
    assert made.save(tmp_path / "pca.png").read_bytes().startswith(b"\x89PNG")
    assert len(made.save(tmp_path / "pca.csv").read_text().splitlines()) == kept + 3
    near = mg.latent_map(model, "tsne", most=60, smiles=[sample_smiles[0]])
    assert len(near.frame) == 61 and near.frame["x"].notna().all() and near.color == "logp"
    near.save(tmp_path / "tsne.svg")
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(UserError, match=r"chem-vae\[umap\]"):
        mg.latent_map(model, "umap")
    with pytest.raises(UserError, match="unknown method 'tnse'; did you mean 'tsne'"):
        mg.latent_map(model, "tnse")
    with pytest.raises(UserError, match="unknown property of the training data 'logd'"):
        mg.latent_map(model, color="logd")
    with pytest.raises(UserError, match="must end in"):
        made.save(tmp_path / "map.jpg")


def test_a_map_by_umap_places_all(model: TrainedModel, sample_smiles: list[str]) -> None:
    pytest.importorskip("umap")
    made = mg.latent_map(model, "umap", most=80, smiles=sample_smiles[:2])
    assert len(made.frame) == 82 and made.frame["x"].notna().all()


def test_a_number_on_the_map_is_the_place_of_the_molecule(model: TrainedModel, sample_smiles: list[str]) -> None:
    given = [sample_smiles[0], "C[Se]C", "C1CC", sample_smiles[7]]
    made = mg.latent_map(model, most=60, smiles=given)
    own = made.frame[made.frame["kind"] == "own"]
    assert own["number"].tolist() == [1, 2, 3, 4] and own["input"].tolist() == given
    assert own["x"].notna().tolist() == [True, False, False, True]
    places = {int(text.get_text()): text.xy for text in made.figure().axes[0].texts}
    assert places == {n: (x, y) for n, x, y in own[["number", "x", "y"]].values.tolist() if n in (1, 4)}
    training = made.frame[made.frame["kind"] == "training"]
    assert training["number"].isna().all() and training["input"].isna().all()


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_a_latent_space_of_one_dimension_is_a_line(model: TrainedModel, method: str, tmp_path: Path) -> None:
    narrow = replace(model)
    vars(narrow)["latent"] = {**model.latent, "mu": model.latent["mu"][:, :1]}
    made = mg.latent_map(narrow, method, most=40)
    assert made.frame["x"].nunique() > 20 and made.save(tmp_path / "map.png").stat().st_size > 3000
    if method == "pca":
        assert (made.frame["y"] == 0).all() and made.explained == (1.0,)
        assert made.figure().axes[0].get_ylabel() == "the latent space has one dimension"
