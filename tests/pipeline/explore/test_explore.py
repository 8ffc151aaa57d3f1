"""Exploring a tiny model's latent space: ends that are the ends, sorted distances, percentiles, counts and figures."""

from __future__ import annotations

import csv
import gzip
import math
import random
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import selfies
import torch
from rdkit import Chem
from steering import steering, steering_figure, steering_figures

import pipeline as mg
import pipeline.models.kept_molecules as reference_module
from chem_vae.anomaly import FILE, compute_percentiles, compute_surprise, fit_anomaly, read_kept_molecules
from chem_vae.checkpoint import write_safetensors
from chem_vae.config import ModelConfig, TrainingConfig
from chem_vae.data import TokenDataset
from chem_vae.errors import CheckpointError, UserError
from chem_vae.latent import (
    DiagonalGaussian,
    compute_information_gaps,
    compute_squared_correlation,
    estimate_mutual_information,
    interpolate_path,
    sample_shell,
)
from pipeline.chemistry.metrics import Share
from pipeline.chemistry.molecule import Molecule
from pipeline.chemistry.validate import Candidate
from pipeline.explore import anomaly as strangeness
from pipeline.explore import neighbors as nearby
from pipeline.explore.anomaly import anomaly_figure, ranking
from pipeline.explore.calibration import calibration_error, calibration_figure
from pipeline.explore.inputs import read_smiles
from pipeline.explore.reconstruction import robustness_figure
from pipeline.explore.saving import make_captions, save
from pipeline.models.kept_molecules import draw_held_out_molecules, draw_training_molecules
from pipeline.models.sampling import Draw
from pipeline.models.spelling import write_selfies
from pipeline.models.trained_model import TrainedModel
from pipeline.report.drawings import draw_grid
from pipeline.report.plot_style import save_figure
from pipeline.training import fit_predictors
from pipeline.training.config import TrainConfig
from pipeline.training.fit_predictors import fit_anomaly_reference
from pipeline.training.train import train
from pipeline.workspace.registry import find_data_folder

FERROCENE = "[Fe+2].c1cc[cH-]c1.c1cc[cH-]c1"


@pytest.fixture(scope="session")
def alone(model: TrainedModel, tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    """The same model away from its dataset, as one that is shipped is."""
    folder = tmp_path_factory.mktemp("shipped") / "a" / "b" / "c" / "tiny"
    shutil.copytree(model.folder, folder)
    (folder / FILE).unlink(missing_ok=True)
    return TrainedModel.open(folder)


# -- geometry --------------------------------------------------------------------------------------------------------


def test_a_path_keeps_its_ends_and_the_norm_of_the_prior() -> None:
    generator = torch.Generator().manual_seed(0)
    measure = DiagonalGaussian(torch.randn(64, generator=generator), torch.rand(64, generator=generator) + 0.5)
    a, b = (measure.center + measure.spread * torch.randn(64, generator=generator) for _ in range(2))
    path = interpolate_path(a, 1.3 * b, 11, measure)
    assert torch.equal(path[0], a) and torch.equal(path[-1], 1.3 * b)
    norms = ((path - measure.center) / measure.spread).norm(dim=1)
    assert (norms.diff().sign() == norms.diff().sign()[0]).all()  # from the one norm to the other without a dip
    straight = (a + 1.3 * b) / 2
    assert ((straight - measure.center) / measure.spread).norm() < 0.8 * norms[5]  # where a line would go
    turned = torch.nn.functional.normalize((path - measure.center) / measure.spread, dim=1)
    angles = torch.arccos((turned[1:] * turned[:-1]).sum(dim=1))
    assert torch.allclose(angles, angles.mean().expand(10), atol=1e-3)


def test_a_path_between_special_points_is_finite() -> None:
    z, standard = torch.randn(8, generator=torch.Generator().manual_seed(1)), DiagonalGaussian.standard(8)
    for a, b in ((z, z), (z, -z), (z, 2 * z), (torch.zeros(8), z)):
        path = interpolate_path(a, b, 5, standard)
        assert torch.isfinite(path).all() and torch.equal(path[0], a) and torch.equal(path[-1], b)
    assert torch.allclose(interpolate_path(z, z, 5, standard), z.expand(5, 8), atol=1e-5)


def test_shell_points_lie_at_the_radius() -> None:
    z = torch.ones(16)
    points = sample_shell(z, 2.5, 20, torch.linspace(0.1, 2, 16), torch.Generator().manual_seed(0))
    assert torch.allclose((points - z).norm(dim=1), torch.full((20,), 2.5), atol=1e-4)


def test_information_finds_the_dimension_that_tells() -> None:
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(1500, 4, generator=generator)
    values = torch.stack([z[:, 2] ** 3, z[:, 0] + z[:, 1], torch.randn(1500, generator=generator)], dim=1)
    values[::7, 0] = torch.nan
    told, entropy = estimate_mutual_information(z, values)
    assert told.shape == (4, 3) and torch.allclose(
        entropy, torch.full((3,), math.log(20), dtype=torch.float64), atol=0.01
    )
    assert int(told[:, 0].argmax()) == 2 and float(told[2, 0]) > 2.0 and float(told[:, 2].max()) < 0.1
    gap = compute_information_gaps(told, entropy)
    assert float(gap[0]) > 0.6 and float(gap[1]) < 0.1
    r2 = compute_squared_correlation(z, values)
    assert float(r2[2, 0]) == pytest.approx(0.6, abs=0.1) and float(r2[0, 1]) == pytest.approx(0.5, abs=0.1)
    few = torch.full((60, 1), torch.nan)
    assert (
        estimate_mutual_information(z[:60], few)[0].isnan().all()
        and compute_squared_correlation(z[:60], few).isnan().all()
    )


def test_percentiles_are_monotone_and_count_ties_half() -> None:
    reference = torch.tensor([1.0, 2.0, 2.0, 3.0])
    got = compute_percentiles(torch.tensor([0.0, 1.0, 2.0, 2.5, 3.0, 9.0, math.nan]), reference)
    assert got[:6].tolist() == [0.0, 12.5, 50.0, 75.0, 87.5, 100.0] and got[6].isnan()


# -- between and around molecules ------------------------------------------------------------------------------------


def test_interpolation_begins_and_ends_with_the_molecules(model: TrainedModel, sample_smiles: list[str]) -> None:
    a, b = (Chem.CanonSmiles(s) for s in (sample_smiles[0], sample_smiles[7]))
    frame = mg.interpolate(model, a, b, steps=7)
    assert frame["step"].tolist() == list(range(7)) and frame["t"].tolist()[::6] == [0.0, 1.0]
    assert frame["smiles"].iloc[0] == a and frame["smiles"].iloc[-1] == b
    assert frame["similarity_to_start"].iloc[0] == 1.0 and frame["similarity_to_end"].iloc[-1] == 1.0
    assert frame["basis"].tolist() == ["given", *["decoded"] * 5, "given"]
    known = frame["smiles"].notna()
    assert frame.loc[known, ["logp_computed", "mw_computed"]].notna().all(axis=None)
    assert "assay_computed" not in frame
    steps = mg.interpolate(model, a, b, steps=25, distinct=True)
    assert (steps["smiles"].iloc[1:].to_numpy() != steps["smiles"].iloc[:-1].to_numpy()).all()
    assert len(mg.interpolate(model, a, a, steps=5, distinct=True)) <= 4
    assert len(model.interpolate(a, b, steps=4)) == 4
    assert mg.interpolate(model, a, b, steps=3, measure="normal")["step"].tolist() == [0, 1, 2]
    assert mg.interpolate(model, a, b, steps=3, measure="straight")["smiles"].iloc[-1] == b
    with pytest.raises(UserError, match="unknown measure"):
        mg.interpolate(model, a, b, measure="curved")


def test_what_cannot_be_encoded_is_named(model: TrainedModel) -> None:
    with pytest.raises(UserError, match=r"cannot encode 'C\[SiH3\]'.*"):
        mg.interpolate(model, "C[SiH3]", "CCO")
    with pytest.raises(UserError, match=r"the model has never seen \[Se\]"):
        mg.analogues(model, "C[Se]C")
    with pytest.raises(UserError, match="not a SMILES"):
        mg.traverse(model, "C1CC")
    with pytest.raises(UserError, match="no path"):
        mg.interpolate(model, "CCO", "CCN", steps=1)


def test_neighbors_are_training_molecules_nearest_first(model: TrainedModel, alone: TrainedModel) -> None:
    dataset = model.dataset()
    assert dataset is not None
    training = dataset.table(["smiles"], split="train")["smiles"].tolist()
    frame = mg.neighbors(model, training[5], k=6)
    assert (
        frame["smiles"].iloc[0] == training[5] and frame["distance"].iloc[0] < 1e-4 and frame["similarity"].iloc[0] == 1
    )
    assert frame["distance"].is_monotonic_increasing and set(frame["smiles"]) <= set(training)
    assert {"assay", "logp", "mw"} <= set(frame.columns) and frame.attrs["searched"] == len(training)
    assert len(mg.neighbors(model, training[5], k=10_000)) == len(training)
    with pytest.raises(UserError, match="keeps no molecules"):
        mg.neighbors(alone, training[5])


def test_analogues_are_new_distinct_and_sorted(model: TrainedModel, sample_smiles: list[str]) -> None:
    given = Chem.CanonSmiles(sample_smiles[0])
    frame = mg.analogues(model, given, 8, seed=1)
    assert 1 <= len(frame) <= 8 and frame["rank"].tolist() == list(range(1, len(frame) + 1))
    assert frame["inchikey"].is_unique and given not in frame["smiles"].tolist()
    assert frame["distance"].is_monotonic_increasing and frame["distance"].iloc[0] > 0
    assert frame["similarity"].between(0, 1).all() and frame["logp_computed"].notna().all()
    assert frame.equals(mg.analogues(model, given, 8, seed=1))
    assert frame.attrs["decoded"] >= frame.attrs["valid"] >= frame.attrs["distinct"] >= len(frame)
    assert frame.attrs["distinct"] >= frame.attrs["canonical"]
    near = mg.analogues(model, given, 8, min_similarity=0.99, temperature=0.5)
    assert (near["similarity"] >= 0.99).all() and "logp_computed" in near


def test_analogues_spelled_canonically_go_first(
    model: TrainedModel, sample_smiles: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of four molecules at one distance two are taken: those whose strings are canonical, not those most like the given one."""
    canonical, odd = ["CCCCCCO", "CCCCCCN"], ["CCCCCCS", "CCCCCCCl"]
    spelled = {s: write_selfies(s, model.checkpoint.vocabulary) for s in canonical + odd}

    def drawn(checkpoint: object, z: torch.Tensor, **options: object) -> Draw:
        smiles = [*odd, *canonical]
        candidates = [Candidate(row, Molecule(s), "valid") for row, s in enumerate(smiles)]
        strings = [None if s in odd else spelled[s] for s in smiles]
        return Draw(candidates, ["[C]" if s is None else s for s in strings], [spelled[s] for s in smiles], Share(2, 4))

    monkeypatch.setattr(nearby, "draw", drawn)
    assert sorted(mg.analogues(model, sample_smiles[0], 2)["smiles"]) == sorted(canonical)
    frame = mg.analogues(model, sample_smiles[0], 3)
    assert len(frame) == 3 and set(canonical) < set(frame["smiles"])
    assert (frame.attrs["canonical"], frame.attrs["distinct"]) == (2, 4)


# -- there and back --------------------------------------------------------------------------------------------------


def test_reconstruction_accounts_for_every_molecule(model: TrainedModel, sample_smiles: list[str]) -> None:
    given = [sample_smiles[0], "C[Se]C", "nonsense", sample_smiles[14], FERROCENE]
    frame = mg.reconstruct(model, given)
    assert frame["input"].tolist() == given
    assert frame["exact"].isna().tolist() == [False, True, True, False, True]
    assert "[Se]" in frame["reason"][1] and frame["reason"][2] and frame["reason"][4]
    assert frame.attrs["exact"].of == 2 and frame.attrs["exact"].count == sum(frame["exact"].dropna())
    exact = frame["exact"].eq(True)
    assert (frame.loc[exact, "similarity"] == 1).all()


def test_robustness_falls_as_more_is_hidden(model: TrainedModel, sample_smiles: list[str], tmp_path: Path) -> None:
    frame = mg.robustness(model, sample_smiles[:140:7], shares=(0.0, 0.3, 1.0))
    assert frame["of"].tolist() == [20] * 3 and frame["masked"].tolist() == [0.0, 0.3, 1.0]
    assert frame["exact_share"].between(0, 1).all()
    assert frame["exact"].iloc[0] == mg.reconstruct(model, sample_smiles[:140:7]).attrs["exact"].count
    assert frame["similarity"].iloc[0] >= frame["similarity"].iloc[2]
    held_out = mg.robustness(model, shares=(0.1,), n=15)
    assert held_out["of"].tolist() == [15] and "test molecules" in held_out.attrs["origin"]
    assert held_out.equals(mg.robustness(model, shares=(0.1,), n=15))
    assert save_figure(robustness_figure(frame), tmp_path / "r.svg").read_text().startswith("<?xml")
    with pytest.raises(UserError, match="none of the 1 molecules"):
        mg.robustness(model, ["C[Se]C"])
    with pytest.raises(UserError, match="between 0 and 1"):
        mg.robustness(model, shares=(10.0,))


# -- the anomaly score -----------------------------------------------------------------------------------------------


def test_scores_rank_and_account(model: TrainedModel, sample_smiles: list[str], tmp_path: Path) -> None:
    scorer = mg.AnomalyScorer(model)
    frame = scorer.score([sample_smiles[0], "C[Se]C", "nonsense", FERROCENE, sample_smiles[7]])
    assert frame["percentile"].tolist()[1:4:2] == [100.0, 100.0] and math.isnan(frame["percentile"][2])
    assert "[Se]" in frame["reason"][1] and frame["reason"][0] == ""
    assert frame["nats"].isna().tolist() == [False, True, True, True, False]
    assert (frame["nats"].dropna() > frame["nats_per_symbol"].dropna()).all()
    order = ranking(frame)
    assert order[1] == math.inf and math.isnan(order[2]) and order[0] == frame["nats_per_symbol"][0]
    salts = scorer.score(["CCN.[Cu+2]", "CCC(=O)[O-].[Na+]"])
    assert salts["percentile"][0] == 100 and "Cu" in salts["reason"][0] and math.isfinite(salts["nats"][1])
    many = scorer.score(sample_smiles[1:200:3]).sort_values("nats_per_symbol")
    assert (
        many["percentile"].is_monotonic_increasing and 0 <= many["percentile"].min() <= many["percentile"].max() <= 100
    )
    assert frame.attrs["reference"] == len(scorer.reference["nats"]) and "training molecules" in scorer.origin
    figure = anomaly_figure(many, scorer.reference["nats_per_symbol"], ["a"] * 40 + ["b"] * (len(many) - 40))
    assert save_figure(figure, tmp_path / "a.png").stat().st_size > 5000


def test_likelihoods_are_those_of_the_model(model: TrainedModel) -> None:
    dataset = model.dataset()
    assert dataset is not None
    data, checkpoint = dataset.tokens("test"), model.checkpoint
    found = compute_surprise(checkpoint, data)
    tokens = torch.from_numpy(data[3][0].astype(np.int64)).unsqueeze(0)
    assert float(found.nats[3]) == pytest.approx(-checkpoint.model.log_likelihood(tokens).item(), rel=1e-4)
    symbols = len(list(selfies.split_selfies(checkpoint.vocabulary.decode(data[3][0].tolist()))))
    assert float(found.nats_per_symbol[3]) == pytest.approx(float(found.nats[3]) / symbols, rel=1e-4)


def test_a_reference_can_be_kept_with_the_model(model: TrainedModel, alone: TrainedModel, tmp_path: Path) -> None:
    dataset = model.dataset()
    assert dataset is not None
    drawn = mg.AnomalyScorer(alone)
    assert len(drawn.reference["nats"]) > 100 and "drawn from the model" in drawn.origin
    training = dataset.tokens("train")
    reference = fit_anomaly(alone.checkpoint, training, n=50, held_out=False, kept=training)
    assert {k: len(v) for k, v in reference.items() if k not in ("flat", "held_out")} == {
        "nats": 50, "nats_per_symbol": 50, "reconstruction_nats": 50, "offsets": 51,
    }  # fmt: skip
    assert (reference["nats"].diff() >= 0).all()
    write_safetensors(reference, alone.folder / FILE)
    try:
        scorer = mg.AnomalyScorer(alone)
        assert len(scorer.reference["nats"]) == 50 and "training molecules (kept with the model; seen" in scorer.origin
        training = set(dataset.table(["smiles"], split="train")["smiles"])
        near = mg.neighbors(alone, next(iter(training)), k=3)
        assert set(near["smiles"]) <= training and near.attrs["searched"] == 50
        assert len(read_kept_molecules(reference, alone.checkpoint)) == 50
        (alone.folder / FILE).write_bytes(b"rubbish")
        with pytest.raises(CheckpointError, match="damaged"):
            mg.neighbors(alone, "CCO")
    finally:
        (alone.folder / FILE).unlink()
    assert read_kept_molecules({}, alone.checkpoint) == []
    assert len(fit_anomaly(alone.checkpoint, TokenDataset.from_lists([]), held_out=True)["nats"]) == 0


def test_the_reference_is_held_out_where_enough_are(
    model: TrainedModel, alone: TrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset, checkpoint = model.dataset(), model.checkpoint
    assert dataset is not None
    splits = {name: dataset.tokens(name) for name in ("train", "validation", "test")}
    few = fit_anomaly_reference(checkpoint, splits)
    assert not few["held_out"] and len(few["nats"]) == len(splits["train"])
    monkeypatch.setattr(fit_predictors, "FEWEST_HELD_OUT", 20)
    monkeypatch.setattr(reference_module, "FEWEST_HELD_OUT", 20)
    made = fit_anomaly_reference(checkpoint, splits)
    unseen = torch.cat([compute_surprise(checkpoint, splits[s]).nats for s in ("validation", "test")])
    assert made["held_out"] and torch.allclose(made["nats"], unseen.sort().values, rtol=1e-4)
    kept = read_kept_molecules(made, checkpoint)
    assert kept == read_kept_molecules(few, checkpoint) and len(kept) == len(splits["train"]), (
        "neighbors are of the training"
    )
    secret = fit_anomaly_reference(checkpoint, splits, keep_molecules=False)
    assert read_kept_molecules(secret, checkpoint) == [] and torch.equal(secret["nats"], made["nats"])
    path = alone.folder / FILE
    write_safetensors(secret, path)
    try:
        scorer = mg.AnomalyScorer(alone)
        ranks = scorer.score([s for s in draw_held_out_molecules(model, 30).smiles(model) if s])["percentile"]
        assert scorer.origin == "held-out molecules (kept with the model)" and 30 < ranks.mean() < 70
        with pytest.raises(UserError, match="keeps no molecules"):
            mg.neighbors(alone, "CCO")
    finally:
        path.unlink()
    monkeypatch.setattr(strangeness, "load_anomaly_tensors", lambda model: {})
    made_now = mg.AnomalyScorer(model)
    assert torch.allclose(made_now.reference["nats"], made["nats"], rtol=1e-4)
    assert made_now.origin == f"held-out molecules of {dataset.name}"


def test_keeping_molecules_is_a_setting(model: TrainedModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    dataset = model.dataset()
    assert dataset is not None
    settings = TrainConfig(
        keep_molecules=False,
        model=ModelConfig(embedding_size=8, encoder_size=8, decoder_size=16, latent_size=4),
        training=TrainingConfig(max_steps=2, batch_size=32),
    )
    secret = train(dataset, settings, tmp_path)
    assert "flat" not in reference_module.load_anomaly_tensors(
        secret
    ) and "flat" in reference_module.load_anomaly_tensors(model)
    assert not (secret.folder / reference_module.KEPT_SMILES).read_text() and reference_module.read_kept_smiles(model)


PEPTIDES = (
    "CC(C)CC(N)C(=O)NC(CCCCN)C(=O)NC(Cc1ccccc1)C(=O)NC(CO)C(=O)O",
    "NCC(=O)NC(CCC(=O)O)C(=O)NC(CC(N)=O)C(=O)NC(C)C(=O)NC(CS)C(=O)O",
    "CCC(C)C(N)C(=O)NC(Cc1c[nH]c2ccccc12)C(=O)NC(CCCNC(=N)N)C(=O)NC(CC(=O)O)C(=O)O",
    "NC(Cc1ccc(O)cc1)C(=O)NCC(=O)NCC(=O)NC(Cc1ccccc1)C(=O)NC(CCSC)C(=O)O",
    "CC(O)C(N)C(=O)NC(CCCCN)C(=O)N1CCCC1C(=O)NC(CO)C(=O)NC(CC(C)C)C(=O)O",
)
COMPLEXES = (
    FERROCENE,
    "N[Pt](N)(Cl)Cl",
    "[Cu+2].[O-]C(C)=O.[O-]C(C)=O",
    "CC[Hg]Sc1ccccc1C(=O)O",
    "C[Sn](C)(C)c1ccccc1",
)


@pytest.mark.skipif(not (find_data_folder() / "models" / "moses").is_dir(), reason="there is no reference model here")
def test_strangers_rank_above_held_out_drugs() -> None:
    from sklearn.metrics import roc_auc_score

    scorer = mg.AnomalyScorer(TrainedModel.open(find_data_folder() / "models" / "moses"))
    with gzip.open(find_data_folder() / "moses-sample.csv.gz", "rt") as file:
        drugs = [row["SMILES"] for row in csv.DictReader(file) if row["split"] == "test"][:200]
    shuffled = []
    for number, drug in enumerate(drugs):
        symbols = list(selfies.split_selfies(selfies.encoder(drug)))
        random.Random(number).shuffle(symbols)
        shuffled.append(selfies.decoder("".join(symbols)))
    drugs_rank = ranking(scorer.score(drugs))
    for kind, strangers in (("peptides", PEPTIDES), ("complexes", COMPLEXES), ("scrambled", shuffled)):
        ranks = ranking(scorer.score(list(strangers)))
        ranks = ranks[~np.isnan(ranks)]
        assert len(ranks) >= 0.9 * len(strangers)
        truth = [0] * len(drugs_rank) + [1] * len(ranks)
        assert roc_auc_score(truth, np.nan_to_num([*drugs_rank, *ranks], posinf=1e9)) > 0.9, kind


# -- the space as a whole --------------------------------------------------------------------------------------------


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


def test_traversals_go_through_the_molecule(model: TrainedModel, sample_smiles: list[str]) -> None:
    frame = mg.traverse(model, sample_smiles[0], steps=5, reach=2.0)
    assert frame["direction"].drop_duplicates().tolist() == ["axis 0", "axis 1", "axis 2", "axis 3"]
    assert frame["offset"].tolist() == [-2.0, -1.0, 0.0, 1.0, 2.0] * 4
    middle = frame.loc[frame["offset"] == 0, "smiles"]
    assert middle.nunique(dropna=False) == 1
    assert middle.iloc[0] == mg.reconstruct(model, [sample_smiles[0]])["decoded"][0]
    own = mg.traverse(model, sample_smiles[0], along="dimensions", which=[3], steps=3)
    assert own["direction"].tolist() == ["dimension 3"] * 3
    for wrong in ({"steps": 4}, {"which": [99]}, {"along": "width"}, {"reach": 0.0}):
        with pytest.raises(UserError):
            mg.traverse(model, sample_smiles[0], **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["mi", "r2"])
def test_disentanglement(model: TrainedModel, tmp_path: Path, method: str) -> None:
    made = mg.disentangle(model, method)
    dimensions = model.checkpoint.model.latent_size
    assert made.values.shape == (dimensions, 3) and made.to_frame().columns.tolist() == ["logp", "mw", "assay"]
    assert (made.values >= 0).all() and ((made.gap >= 0) & (made.gap <= 1)).all()
    summary = made.summary()
    assert (summary["value"] >= summary["second_value"]).all() and summary["property"].tolist() == made.properties
    best = int(summary["best"].iloc[1])
    assert made.values[best, 1] == made.values[:, 1].max()
    assert made.save(tmp_path / "d.png").stat().st_size > 3000
    assert mg.disentangle(model, method, properties=["mw"]).values.shape == (dimensions, 1)
    with pytest.raises(UserError, match="unknown property"):
        mg.disentangle(model, method, properties=["mass"])


def test_calibration_from_held_out_molecules_or_the_card(
    model: TrainedModel, alone: TrainedModel, tmp_path: Path
) -> None:
    frame = mg.calibration(model)
    assert set(frame["property"]) == {"assay", "logp", "mw"} and "test molecules" in frame.attrs["origin"]
    for _, rows in frame.groupby("property"):
        assert rows["observed"].is_monotonic_increasing and rows["observed"].between(0, 1).all()
    assert all(0 <= error <= 0.5 for error in calibration_error(frame).values())
    save_figure(calibration_figure(frame), tmp_path / "c.svg")
    from_card = mg.calibration(alone)
    assert sorted(set(from_card["nominal"])) == [0.5, 0.8, 0.9, 0.95] and "trained" in from_card.attrs["origin"]


def test_steering_compares_what_was_asked_for_with_what_came(model: TrainedModel, tmp_path: Path) -> None:
    frame = steering(model, ["mw"], levels=3, n=20)
    assert frame["requested"].nunique() == 3 and frame["computed"].notna().all()
    figures = steering_figures(frame)["mw"]
    assert figures["of"] == len(frame) and figures["mae"] > 0 and -1 <= figures["r"] <= 1
    save_figure(steering_figure(frame), tmp_path / "s.png")
    with pytest.raises(UserError, match="unknown computed condition"):
        steering(model, ["assay"])
    bare = TrainedModel(model.folder, model.manifest)
    column = [p.name for p in bare.properties].index("mw")
    bare.latent["values"][:, column] = torch.nan  # a condition of the base that fine-tuning's data has no value of
    assert set(steering(bare, levels=2, n=5)["property"]) == {"logp"}
    with pytest.raises(UserError, match="no value of mw"):
        steering(bare, ["mw"])


# -- reading and writing ---------------------------------------------------------------------------------------------


def test_samples_of_the_data(model: TrainedModel, alone: TrainedModel) -> None:
    sample = draw_held_out_molecules(model, 10)
    assert len(sample) == 10 and sample.values.shape == (10, 3) and all(sample.smiles(model))
    dataset = model.dataset()
    assert dataset is not None
    assert set(sample.smiles(model)) <= set(dataset.table(["smiles"], split="test")["smiles"])
    assert len(draw_training_molecules(model, 7)) == 7
    with pytest.raises(UserError, match="held-out molecules are needed"):
        draw_held_out_molecules(alone, 5)


def test_molecules_come_from_files_or_arguments(tmp_path: Path, model: TrainedModel) -> None:
    path = tmp_path / "some.csv"
    path.write_text("name,SMILES\na,CCO\nb,CCN\n")
    assert read_smiles([str(path)]) == ["CCO", "CCN"] and read_smiles([str(path)], limit=1) == ["CCO"]
    assert read_smiles(["CCO", "C"]) == ["CCO", "C"]
    assert read_smiles(["C" * 300]) == ["C" * 300]  # longer than a file's name can be
    block = Chem.MolToMolBlock(Chem.MolFromSmiles("CCO")) + "$$$$\n"
    (tmp_path / "some.sdf").write_text(block)
    assert read_smiles([str(tmp_path / "some.sdf")]) == ["CCO"]
    with pytest.raises(UserError, match="no molecule"):
        read_smiles([])
    assert [s.readable for s in model.spell(["", "C[Se]C", FERROCENE])] == [False, True, True]


def test_tables_are_written_in_every_form(model: TrainedModel, sample_smiles: list[str], tmp_path: Path) -> None:
    frame = mg.interpolate(model, sample_smiles[0], sample_smiles[7], steps=4)
    captions = make_captions(frame, ["t", "logp_computed", "absent"])
    assert captions[0].startswith("t 0  logp ")
    for name in ("path.csv", "path.sdf", "path.smi", "path.png", "path.svg"):
        assert save(frame, tmp_path / name, captions).stat().st_size > 50
    alone = (tmp_path / "path.svg").read_text()
    frame.attrs["given"] = sample_smiles[0]
    assert len(save(frame, tmp_path / "path.svg", captions).read_text()) > len(alone)  # one molecule more is drawn
    assert len((tmp_path / "path.smi").read_text().splitlines()) == frame["smiles"].notna().sum()
    assert draw_grid(["CCO", None], ["ethanol", "nothing"], tmp_path / "two.png").read_bytes().startswith(b"\x89PNG")
    assert [p for p in tmp_path.iterdir() if "partial" in p.name] == []
    with pytest.raises(UserError, match="must end in"):
        save(frame, tmp_path / "path.docx")
