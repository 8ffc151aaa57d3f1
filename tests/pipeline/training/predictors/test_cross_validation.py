"""Nested folds: what is chosen and calibrated without a fold predicts it honestly."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.metrics import r2_score

from chem_vae.predictors import Prediction
from chem_vae.predictors.tanimoto_process import TanimotoProcess
from pipeline.chemistry.metrics import find_scaffold
from pipeline.models.measured_predictor import features
from pipeline.training.predictors.cross_validation import (
    assign_folds,
    choose,
    cross_predict,
    deviation,
    hide_folds,
    predict_nested,
)


def test_folds_keep_scaffolds_together(sample_smiles: list[str]) -> None:
    fold, by = assign_folds(sample_smiles[:200])
    assert by == "scaffold" and np.bincount(fold).min() >= 35
    where: dict[str, set[int]] = {}
    for text, number in zip(sample_smiles[:200], fold.tolist(), strict=True):
        where.setdefault(str(find_scaffold(text)), set()).add(number)
    assert all(len(numbers) == 1 for numbers in where.values())
    assert assign_folds(["Cc1ccccc1"] * 30)[1] == "chance"


def test_out_of_fold_has_not_seen_its_own_label(sample_smiles: list[str]) -> None:
    x = features(sample_smiles[:100])
    y = torch.randn(100, generator=torch.Generator().manual_seed(0))
    out = cross_predict(x, y, np.arange(100) % 5, TanimotoProcess).outer
    assert r2_score(y, out.mean) < 0.1 and torch.isfinite(out.std).all()


def test_inner_predictions_have_seen_neither_fold(sample_smiles: list[str]) -> None:
    x, y = features(sample_smiles[:60]), torch.arange(60.0)
    fold = np.arange(60) % 4
    found = cross_predict(x, y, fold, TanimotoProcess)
    for a in range(4):
        for b in range(4):
            rows = torch.from_numpy(fold == b)
            if a == b:
                assert found.inner[a].mean[rows].isnan().all()
                continue
            seen = torch.from_numpy((fold != a) & (fold != b))
            alone = TanimotoProcess(x[seen], y[seen]).predict(x[rows])
            torch.testing.assert_close(found.inner[a].mean[rows], alone.mean)
    some = torch.arange(60) < 50
    part = cross_predict(x, y, fold, TanimotoProcess, nested=False, rows=some)
    assert part.outer.mean[~some].isnan().all() and torch.isfinite(part.outer.mean[some]).all() and not part.inner


def test_the_better_one_is_chosen_and_each_spread_calibrated() -> None:
    generator = torch.Generator().manual_seed(0)
    y = torch.randn(400, generator=generator)
    good = Prediction(y + 0.3 * torch.randn(400, generator=generator), torch.ones(400))
    bad = Prediction(y + 2.0 * torch.randn(400, generator=generator), torch.ones(400))
    choice, figures = choose({"fingerprint": good, "latent": bad}, {"fingerprint": good, "latent": bad}, y)
    assert choice.chosen == min(figures, key=lambda kind: figures[kind]["rmse"]) != "latent"
    assert 0 < choice.weight < 0.1 and choice.scales["fingerprint"] == deviation(y, good)
    assert abs(deviation(y, choice.predict({"fingerprint": good, "latent": bad})) - 1) < 1e-3
    few = Prediction(bad.mean.where(torch.arange(400) < 5, torch.nan), bad.std)
    assert (
        choose({"fingerprint": good, "latent": few}, {"fingerprint": good, "latent": few}, y)[0].chosen == "fingerprint"
    )


def test_the_choice_of_a_fold_does_not_look_into_it() -> None:
    """The representation that is better in one fold alone is chosen for the other folds, never for this one."""
    y, fold = torch.randn(80, generator=torch.Generator().manual_seed(0)), np.arange(80) % 4
    in_first = torch.from_numpy(fold == 0)
    one = hide_folds(Prediction(y + 0.5, torch.ones(80)), fold)
    other = hide_folds(Prediction(y + torch.where(in_first, 0.0, 0.51), torch.ones(80)), fold)
    predictions = {"fingerprint": one, "latent": other}
    found, chosen = predict_nested(predictions, predictions, y, fold)
    assert chosen == ["fingerprint", "latent", "latent", "latent"]
    torch.testing.assert_close(found.mean, y + torch.where(in_first, 0.5, 0.51))
