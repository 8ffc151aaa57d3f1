"""The predictor of two classes: calibrated probability, its figures, and how it is saved and told."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from chem_vae.predictors.labels import Labels
from pipeline.models.description.predictor_wording import describe_choice
from pipeline.models.measured_predictor import load_measured, save_measured
from pipeline.training.predictors.fit_classes import FittedClasses, find_classes, fit_classes, measure_classification
from pipeline.training.predictors.labelled import Labelled


def _fit(smiles: list[str], high: float, low: float = 0.0) -> FittedClasses:
    """Fit to molecules with a ring that holds nitrogen, with some noise."""
    flipped = torch.rand(len(smiles), generator=torch.Generator().manual_seed(0)) < 0.05
    active = torch.tensor(["n" in s for s in smiles]) ^ flipped
    y = torch.where(active, high, low)
    found = fit_classes("active", Labelled(smiles, y), (low, high), None, 0)
    assert found is not None
    return found


def test_the_probability_is_calibrated_and_told(sample_smiles: list[str], tmp_path: Path) -> None:
    smiles = sample_smiles[:160]
    found = _fit(smiles, 1.0)
    quality = found.figures["classification"]
    assert quality["roc_auc"] > 0.75 and quality["pr_auc"] > quality["base_rate"]
    assert quality["brier"] < 0.9 * quality["brier_of_base_rate"]
    assert all(abs(predicted - share) < 0.25 for predicted, share, _ in quality["calibration"])
    assert sum(n for *_, n in quality["calibration"]) == 160
    assert found.figures["coverage"] == {} and found.predictor.is_classifier and found.predictor.compared["nested"]
    mean, std = found.predictor.predict(sample_smiles[160:200])
    assert ((mean >= 0) & (mean <= 1)).all() and (std <= (mean * (1 - mean)).sqrt() + 1e-5).all()
    told = describe_choice(found.predictor.compared)
    assert told.startswith("probability of class 1: ROC AUC 0.") and "160 molecules" in told
    assert "for comparison a random forest: ROC AUC 0." in told
    save_measured([found.predictor], tmp_path / "measured.safetensors")
    read = load_measured(tmp_path / "measured.safetensors", {})["active"]
    assert read.is_classifier and torch.allclose(read.predict(sample_smiles[160:200]).mean, mean, atol=1e-5)


def test_other_labels_than_0_and_1_have_the_same_figures(sample_smiles: list[str]) -> None:
    usual, signs = _fit(sample_smiles[:80], 1.0), _fit(sample_smiles[:80], 1.0, -1.0)
    for figure in ("roc_auc", "brier"):
        assert usual.figures["classification"][figure] == pytest.approx(
            signs.figures["classification"][figure], abs=1e-6
        )
    assert usual.figures["rmse"] == pytest.approx(0.5 * signs.figures["rmse"], abs=1e-6)
    assert signs.predictor.compared["classes"] == [-1.0, 1.0]


def test_few_actives_are_in_every_fold(sample_smiles: list[str]) -> None:
    y = torch.zeros(60)
    y[:5] = 1.0
    found = fit_classes("active", Labelled(sample_smiles[:60], y), (0.0, 1.0), None, 0)
    assert found is not None and 0.0 <= found.figures["classification"]["roc_auc"] <= 1.0


@pytest.mark.parametrize("n", [2, 6])
def test_a_handful_of_labels_is_no_predictor(sample_smiles: list[str], n: int) -> None:
    y = (torch.arange(n) % 2).float()
    assert fit_classes("active", Labelled(sample_smiles[:n], y), (0.0, 1.0), None, 0) is None


def test_classes_are_two_values_without_bounds() -> None:
    y = torch.tensor([0.0, 1.0, 1.0, torch.nan])
    assert find_classes(Labels(y)) == (0.0, 1.0)
    assert find_classes(Labels(torch.arange(3.0))) is None
    assert find_classes(Labels(y, lower=torch.tensor([torch.nan, torch.nan, torch.nan, 1.0]))) is None


def test_perfect_probabilities_have_perfect_figures() -> None:
    active = torch.tensor([False] * 6 + [True] * 4)
    found = measure_classification(active.float(), active)
    assert found["roc_auc"] == found["pr_auc"] == 1.0 and found["brier"] == 0.0 and found["base_rate"] == 0.4


@pytest.fixture
def few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.training.predictors.forest._TREES", 10)


def test_descriptors_are_chosen_where_the_classes_follow_them(sample_smiles: list[str], few_trees: None) -> None:
    labelled = Labelled(sample_smiles[:200], torch.zeros(200))
    logp = labelled.inputs[:, -6]
    labelled = Labelled(sample_smiles[:200], (logp > logp.median()).float())
    found = fit_classes("active", labelled, (0.0, 1.0), None, 0)
    assert found is not None and found.predictor.representation == "fingerprint+descriptors"
    compared = found.predictor.compared["representations"]
    assert compared["fingerprint+descriptors"]["brier"] < 0.6 * compared["fingerprint"]["brier"]
    assert found.figures["classification"]["roc_auc"] > 0.95
    assert sum(found.predictor.compared["chosen_by_folds"].values()) == 4


def test_many_molecules_are_compared_in_part(
    sample_smiles: list[str], few_trees: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.training.predictors.compare_predictors.COMPARED_MOLECULES", 80)
    found = _fit(sample_smiles[:160], 1.0)
    card = found.predictor.compared
    assert {f["n"] for f in card["representations"].values()} == {80} and card["forest"]["n"] == 80
    assert card["checked"]["n"] == 160 and found.figures["n_test"] == 160, "the predictor itself is checked on all"
