"""The anomaly score: its reference, its percentiles and their order."""

from __future__ import annotations

import csv
import gzip
import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import selfies
import torch

import pipeline as mg
import pipeline.models.training_set.kept_molecules as reference_module
from chem_vae.anomaly import FILE, compute_percentiles, compute_surprise, fit_anomaly, read_kept_molecules
from chem_vae.checkpoint import write_safetensors
from chem_vae.config import ModelConfig, TrainingConfig
from chem_vae.data import TokenDataset
from chem_vae.errors import CheckpointError, UserError
from pipeline.explore.anomaly import anomaly_figure, ranking
from pipeline.models.trained_model import TrainedModel
from pipeline.models.training_set.kept_molecules import draw_held_out_molecules
from pipeline.training.config import TrainConfig
from pipeline.training.predictors.fit_predictors import fit_anomaly_reference
from pipeline.training.train import train
from pipeline.workspace.presentation.plot_style import save_figure
from pipeline.workspace.registry import find_data_folder

FERROCENE = "[Fe+2].c1cc[cH-]c1.c1cc[cH-]c1"


def test_percentiles_are_monotone_and_count_ties_half() -> None:
    reference = torch.tensor([1.0, 2.0, 2.0, 3.0])
    got = compute_percentiles(torch.tensor([0.0, 1.0, 2.0, 2.5, 3.0, 9.0, math.nan]), reference)
    assert got[:6].tolist() == [0.0, 12.5, 50.0, 75.0, 87.5, 100.0] and got[6].isnan()


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


def test_a_scorer_takes_the_name_of_a_model(
    model: TrainedModel, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHEM_VAE_WORKSPACE", str(workspace))
    named = mg.AnomalyScorer(model.folder.name)
    assert named.score("CCO")["nats"].tolist() == mg.AnomalyScorer(model).score("CCO")["nats"].tolist()


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
    monkeypatch.setattr("pipeline.training.predictors.fit_predictors.FEWEST_HELD_OUT", 20)
    monkeypatch.setattr("pipeline.models.training_set.kept_molecules.FEWEST_HELD_OUT", 20)
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
    monkeypatch.setattr("pipeline.explore.anomaly.load_anomaly_tensors", lambda model: {})
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


def test_no_molecules_and_missing_ones(model: TrainedModel) -> None:
    scorer = mg.AnomalyScorer(model)
    assert scorer.score([]).empty and "percentile" in scorer.score([])
    given: Any = ["CCO", None]
    frame = scorer.score(given)
    assert frame["nats"].isna().tolist() == [False, True] and frame["reason"].tolist() == [
        "",
        "no SMILES: the cell is empty",
    ]


def test_a_broken_smiles_is_not_beyond_the_vocabulary(model: TrainedModel) -> None:
    scorer = mg.AnomalyScorer(model)

    def label(*smiles: str) -> str:
        figure = anomaly_figure(scorer.score(smiles), scorer.reference["nats_per_symbol"])
        return str(figure.axes[0].get_legend().get_texts()[-1].get_text())

    assert label("CCO", "C1CC") == "given molecules (2, 1 of them not readable)"
    assert (
        label("CCO", "C[Se]C", "C1CC", "x")
        == "given molecules (4, 1 of them beyond the vocabulary, 2 of them not readable)"
    )
    assert label("CCO", "CCN") == "given molecules (2)"
