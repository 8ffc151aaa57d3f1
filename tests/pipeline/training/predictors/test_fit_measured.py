"""Predictors of measured properties: which representation is chosen, and figures that hold on unseen molecules."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from rdkit import Chem

from chem_vae.predictors.labels import Labels
from chem_vae.predictors.predictor_figures import compute_figures
from chem_vae.predictors.tanimoto_process import TanimotoProcess
from pipeline.datasets.dataset import Dataset
from pipeline.models.description.predictor_wording import describe_choice
from pipeline.models.trained_model import TrainedModel
from pipeline.training.predictors import fit_measured
from pipeline.training.predictors.compare_predictors import Comparison, HeldOut, compare, predict_held_out
from pipeline.training.predictors.fit_measured import warn_about_labels
from pipeline.training.predictors.labelled import Labelled


def test_the_choice_is_on_the_card(model: TrainedModel) -> None:
    entry = next(p for p in model.card["predictors"] if p["property"] == "assay")
    compared = entry["compared"]
    both = compared["representations"]
    assert compared["labelled"] == 266 and both["latent"]["n"] == both["fingerprint"]["n"] >= 30
    better = min(both, key=lambda name: both[name]["rmse"])
    assert compared["chosen"] == better and both["both"]["rmse"] < both["latent"]["rmse"]
    assert (
        entry["method"] == "Gaussian process over substructures and descriptors"
        and entry["n_test"] == 266
        and "cross-validation" in entry["checked_by"]
    )
    forest = compared["forest"]
    assert 0 < forest["n"] <= both["latent"]["n"] and forest["rmse"] > both[better]["rmse"]
    assert compared["descriptors"] == ["logp", "mw", "tpsa", "aromatic_rings", "rotatable_bonds", "hbd"]
    assert both[better]["rmse"] < 0.8 * both["fingerprint"]["rmse"], "the assay is a sum of descriptors"
    assert entry["r2"] > 0.6 and abs(entry["coverage"]["0.8"] - 0.8) < 0.12
    assert "logp" not in model.measured  # computed, not measured
    assert f"{better} chosen: latent R2" in model.summary() and "for comparison a random forest R2" in model.summary()


@pytest.fixture
def quick_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Latent points are bits here, so that a process of a few milliseconds predicts from them, too."""
    monkeypatch.setattr("pipeline.training.predictors.compare_predictors.fit_predictor", TanimotoProcess)
    monkeypatch.setattr("pipeline.training.predictors.forest._TREES", 10)


def _bits(n: int, seed: int) -> torch.Tensor:
    return (torch.rand(n, 64, generator=torch.Generator().manual_seed(seed)) < 0.3).float()


def _average(found: list[tuple[Comparison, torch.Tensor]]) -> tuple[float, dict[str, float]]:
    """R2 and coverage, averaged over the repetitions."""
    figures = [compute_figures("", len(y), y, *c.checked) for c, y in found]
    levels = ("0.5", "0.8", "0.95")
    return float(np.mean([f.r2 for f in figures])), {
        k: float(np.mean([f.coverage[k] for f in figures])) for k in levels
    }


def test_shuffled_labels_have_no_structure_and_nominal_coverage(sample_smiles: list[str], quick_fits: None) -> None:
    found = []
    for seed in range(12):
        smiles = sample_smiles[60 * seed : 60 * (seed + 1)]
        y = torch.tensor([s.count("N") + 0.1 * len(s) for s in smiles])
        y = y[torch.randperm(60, generator=torch.Generator().manual_seed(seed))]
        comparison = compare(Labelled(smiles, y), _bits(60, seed), seed=seed)
        assert comparison is not None and comparison.card["nested"]
        found.append((comparison, y))
    r2, coverage = _average(found)
    assert -0.15 < r2 < 0.0  # chance alone costs a little
    for level, share in coverage.items():
        assert share == pytest.approx(float(level), abs=0.035), coverage
    chosen = [c.card["representations"][c.choice.chosen]["r2"] for c, _ in found]
    assert np.mean(chosen) > r2 + 0.01  # the figures that the choice was made on flatter it


def test_structure_is_found_with_nominal_coverage(sample_smiles: list[str], quick_fits: None) -> None:
    found = []
    for seed in range(3):
        smiles = sample_smiles[200 * seed : 200 * (seed + 1)]
        noise = 0.3 * torch.randn(200, generator=torch.Generator().manual_seed(seed))
        y = torch.tensor([s.count("N") + 0.1 * len(s) for s in smiles]) + noise
        comparison = compare(Labelled(smiles, y), _bits(200, seed), seed=seed)
        assert comparison is not None and comparison.choice.chosen != "latent"
        assert sum(comparison.card["chosen_by_folds"].values()) == 4
        found.append((comparison, y))
    r2, coverage = _average(found)
    assert r2 > 0.4
    for level, share in coverage.items():
        assert share == pytest.approx(float(level), abs=0.05), coverage


def test_bounds_are_learned_from_and_counted(sample_smiles: list[str], quick_fits: None) -> None:
    smiles = sample_smiles[:120]
    y = torch.tensor([s.count("N") + 0.1 * len(s) for s in smiles])
    limit = float(y.quantile(0.75))
    labels = Labels(y.masked_fill(y > limit, torch.nan), torch.full_like(y, limit).masked_fill(y <= limit, torch.nan))
    labelled = Labelled(smiles, labels)
    found = compare(labelled, _bits(120, 0), seed=0)
    assert found is not None and found.choice.chosen == "fingerprint+descriptors"
    bounds = found.card["bounds"]
    assert bounds["count"] == int((y > limit).sum()) and found.card["labelled"] == 120
    assert found.card["representations"]["fingerprint"]["n"] == int((y <= limit).sum()), (
        "exact values alone are compared"
    )
    assert 0.0 < bounds["respected"] <= 1.0 and bounds["log_likelihood"] < 0.0
    above = y > limit
    left_out = compare(Labelled([s for s, a in zip(smiles, above, strict=True) if not a], y[~above]), seed=0)
    assert left_out is not None
    told = describe_choice(found.card)
    assert f"120 labels, {int(above.sum())} of them bounds" in told
    wider = TanimotoProcess(labelled.features, labels).predict(labelled.features[above]).mean
    narrower = TanimotoProcess(labelled.features[~above], y[~above]).predict(labelled.features[above]).mean
    assert wider.mean() > narrower.mean()


def test_few_labels_are_not_nested_and_it_is_said(sample_smiles: list[str], quick_fits: None) -> None:
    y = torch.arange(16.0)
    found = compare(Labelled(sample_smiles[:16], y), _bits(16, 0))
    assert found is not None and not found.card["nested"] and "flatter" in found.card["by"]
    assert compare(Labelled(sample_smiles[:11], y[:11])) is None, "a fold leaves fewer than a predictor needs"
    few, flattering = warn_about_labels("assay", 16, nested=False)
    assert "little better than a guess" in few and "too few for nested cross-validation" in flattering
    assert warn_about_labels("assay", 300, nested=True) == []


def test_more_labels_than_are_compared(
    sample_smiles: list[str], quick_fits: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.training.predictors.compare_predictors.COMPARED_MOLECULES", 60)
    y = torch.tensor([s.count("N") + 0.1 * len(s) for s in sample_smiles[:120]])
    found = compare(Labelled(sample_smiles[:120], y), _bits(120, 0))
    assert found is not None and {f["n"] for f in found.card["representations"].values()} == {60}
    assert found.card["forest"]["n"] == 60 and found.card["labelled"] == 120
    assert found.choice.chosen == "fingerprint+descriptors" and torch.isfinite(found.checked.mean).all()


def test_held_out_molecules_compare_where_the_encoder_saw_the_labels(sample_smiles: list[str]) -> None:
    smiles = sample_smiles[:150]
    labelled = Labelled(smiles, torch.tensor([s.count("N") + 0.1 * len(s) for s in smiles]))
    is_train = torch.arange(150) < 100
    bits = _bits(150, 0)
    unseen = predict_held_out(labelled, is_train, bits, TanimotoProcess(bits[is_train], labelled.y[is_train]))
    assert isinstance(unseen, HeldOut) and unseen.latent.mean[is_train].isnan().all()
    found = compare(labelled, unseen=unseen)
    assert found is not None and {f["n"] for f in found.card["representations"].values()} == {50}
    assert found.choice.chosen == "fingerprint+descriptors" and torch.isfinite(found.checked.mean).all()


@pytest.mark.parametrize("exact", [0, 15])
def test_values_of_one_series_and_bounds_for_all_others(sample_smiles: list[str], quick_fits: None, exact: int) -> None:
    """Without the fold of the series there is no exact value left to choose by."""
    ends = ("C", "CC", "CCC", "O", "CO", "N", "F", "Cl", "Br", "CCO", "CN", "CCN", "CC(C)", "N#C", "CS")
    series = [Chem.CanonSmiles(f"{end}c1ccc2[nH]ccc2c1") for end in ends]
    smiles = series + sample_smiles[:60]
    y, upper = torch.full((75,), torch.nan), torch.full((75,), 5.0)
    y[:exact], upper[:exact] = torch.linspace(5, 8, 15)[:exact], torch.nan
    for points in (None, _bits(75, 0)):
        found = compare(Labelled(smiles, Labels(y, None, upper)), points)
        assert (found is None) == (exact == 0)
        if found is not None:
            assert all(math.isfinite(scale) for scale in found.choice.scales.values())
            assert torch.isfinite(found.checked.mean).all() and torch.isfinite(found.checked.std).all()


def test_equal_values_have_no_r2(sample_smiles: list[str], quick_fits: None) -> None:
    found = compare(Labelled(sample_smiles[:50], torch.full((50,), 0.1)))
    assert found is not None
    assert all(math.isnan(figures["r2"]) for figures in found.card["representations"].values())


def test_held_out_molecules_are_kept_where_very_many_are_measured(
    dataset: Dataset, model: TrainedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fit_measured, "FITTED_MOLECULES", 50)
    splits = {name: dataset.tokens(name) for name in ("train", "validation", "test")}
    column = [p.name for p in dataset.properties].index("assay")
    known = {name: int(np.isfinite(data.values()[:, column]).sum()) for name, data in splits.items()}
    assert known["train"] > 50 and known["validation"] + known["test"] >= 10
    labelled, _, is_train = fit_measured._collect_labels(model.checkpoint, splits, column, 0)
    assert len(labelled.y) == 50 and int((~is_train).sum()) == 10
