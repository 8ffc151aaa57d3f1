"""The Gaussian process over substructures: the textbook's figures, noise, many molecules, and that it draws what it believes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import r2_score, root_mean_squared_error
from torch import Tensor

from chem_vae.errors import DataError
from chem_vae.predictors.tanimoto import pack, tanimoto, unpack
from chem_vae.predictors.tanimoto_process import TanimotoProcess
from pipeline.models.measured_predictor import features


def some_bits(n: int, seed: int) -> Tensor:
    return (torch.rand(n, 60, generator=torch.Generator().manual_seed(seed)) < 0.2).float()


@pytest.fixture(scope="module")
def worth() -> Tensor:
    return torch.randn(60, generator=torch.Generator().manual_seed(3))


@pytest.fixture(scope="module")
def process(worth: Tensor) -> TanimotoProcess:
    train = some_bits(300, 4)
    return TanimotoProcess(train, 5 + train @ worth)


def test_it_learns_what_parts_are_worth(process: TanimotoProcess, worth: Tensor) -> None:
    test = some_bits(200, 5)
    found = process.predict(test)
    assert float(np.corrcoef(found.mean, 5 + test @ worth)[0, 1]) > 0.7
    assert process.predict(some_bits(300, 4)).std.mean() < found.std.mean()  # surer of what it has seen


def test_molecules_that_are_nearly_the_same_do_no_harm() -> None:
    rare = (torch.rand(800, 6, generator=torch.Generator().manual_seed(1)) < 0.5).float()
    alike = torch.cat([torch.ones(800, 60), rare], dim=1)  # rounding leaves their kernel matrix indefinite
    process = TanimotoProcess(alike, rare.sum(dim=1))
    assert process.predict(alike[:50]).mean.isfinite().all()
    assert process.draw(alike[:50], 3, torch.Generator().manual_seed(0)).isfinite().all()


def test_what_it_draws_is_what_it_believes(process: TanimotoProcess) -> None:
    test = some_bits(200, 5)
    drawn = process.draw(test, 4000, torch.Generator().manual_seed(0))
    believed = process.predict(test)
    deviation = (believed.std**2 - process.noise**2).clamp_min(0).sqrt()  # draws are of the score, without noise
    assert drawn.shape == (4000, 200)
    assert torch.allclose(drawn.mean(dim=0), believed.mean, atol=0.1 * float(deviation.mean()))
    assert torch.allclose(drawn.std(dim=0), deviation, rtol=0.1)
    assert torch.equal(drawn, process.draw(test, 4000, torch.Generator().manual_seed(0)))
    same = torch.cat([test[:5], test[:5]])  # molecules with the same parts have the same score in every function
    twice = process.draw(same, 50, torch.Generator().manual_seed(1))
    assert torch.allclose(twice[:, :5], twice[:, 5:], atol=0.05 * float(deviation.mean()))


def test_many_are_drawn_in_parts_of_the_same_functions(
    process: TanimotoProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, test = some_bits(300, 4)[:40], some_bits(60, 5)
    asked = torch.cat([known[:20], test, known[:20]])
    monkeypatch.setattr("chem_vae.predictors.tanimoto_process.MOST_DRAWN", 50)
    drawn = process.draw(asked, 3000, torch.Generator().manual_seed(0))
    believed = process.predict_function(asked)
    assert torch.allclose(drawn.std(dim=0), believed.std, rtol=0.1)
    correlation = np.corrcoef(drawn[:, 0], drawn[:, 80])[0, 1]
    assert correlation > 0.9, "what has been measured ties the parts together"


def labels(smiles: list[str]) -> torch.Tensor:
    return torch.tensor([s.count("N") + 0.1 * len(s) for s in smiles])


def test_the_process_is_the_textbook_one(sample_smiles: list[str]) -> None:
    x, y = features(sample_smiles[:60]), labels(sample_smiles[:60])
    process = TanimotoProcess(x[:40], y[:40])
    found = process.predict(x[40:])
    kernel = tanimoto(x[:40], x[:40]).double() + process.fit.noise * torch.eye(40)
    beside = tanimoto(x[40:], x[:40]).double()
    standard = (y[:40].double() - process.center) / process.width
    mean = process.fit.mean + beside @ torch.linalg.solve(kernel, standard - process.fit.mean)
    left = 1 + process.fit.noise - (beside * torch.linalg.solve(kernel, beside.T).T).sum(dim=1)
    std = process.width * (process.fit.amplitude * left).sqrt()
    torch.testing.assert_close(found.mean.double(), mean * process.width + process.center, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(found.std.double(), std, rtol=1e-2, atol=1e-3)


def test_noise_is_told_from_signal(sample_smiles: list[str]) -> None:
    x, y = features(sample_smiles[:300]), labels(sample_smiles[:300])
    generator = torch.Generator().manual_seed(0)
    noisy = y + 1.0 * torch.randn(300, generator=generator)
    clean, loud = TanimotoProcess(x, y), TanimotoProcess(x, noisy)
    chance = TanimotoProcess(x, torch.randn(300, generator=generator))
    assert 2 * clean.noise < loud.noise < 1.3
    assert float(chance.predict(x).mean.std()) < 0.3  # nothing is learned of what is nothing
    held_out = features(sample_smiles[300:400])
    assert r2_score(labels(sample_smiles[300:400]), clean.predict(held_out).mean) > 0.5


def test_some_molecules_stand_for_all(sample_smiles: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = features(sample_smiles[:400]), labels(sample_smiles[:400])
    whole = TanimotoProcess(x[:300], y[:300])
    monkeypatch.setattr("chem_vae.predictors.tanimoto_process.MOST_EXACT", 100)
    some, alone = TanimotoProcess(x[:300], y[:300]), TanimotoProcess(x[:100], y[:100])
    error = {p: root_mean_squared_error(y[300:], p.predict(x[300:]).mean) for p in (whole, some, alone)}
    assert error[whole] <= error[some] * 1.05 and error[some] < error[alone]
    again = TanimotoProcess.from_tensors(some.tensors())
    assert torch.equal(again.predict(x[300:]).mean, some.predict(x[300:]).mean)


def test_what_has_no_features_is_less_certain(sample_smiles: list[str]) -> None:
    x = features([*sample_smiles[:3], None, "no molecule"])
    assert x.shape == (5, 2048) and x[:3].sum() > 0 and not x[3:].any()
    assert torch.equal(unpack(pack(x), 2048), x)
    with pytest.raises(DataError, match="too few"):
        TanimotoProcess(x[:3], torch.zeros(3))
    process = TanimotoProcess(features(sample_smiles[:50]), labels(sample_smiles[:50]))
    assert process.predict(features(sample_smiles[:5])).std.max() < process.predict(x[3:]).std[0]


def test_the_spread_without_the_own_label_is_that_of_a_process_without_it(worth: Tensor) -> None:
    train = some_bits(60, 4)
    values = 5 + train @ worth + 0.5 * torch.randn(60, generator=torch.Generator().manual_seed(9))
    whole = TanimotoProcess(train, values)
    whole.scale = 1.3
    found = whole.measure_spread_left_out()
    for row in (0, 17, 59):
        others = [i for i in range(60) if i != row]
        without = TanimotoProcess(train[others], values[others], whole.fit)
        without.center, without.width, without.scale = whole.center, whole.width, whole.scale
        expected = without.predict_function(train[row : row + 1]).std
        assert float(found[row]) == pytest.approx(float(expected), rel=1e-3)
