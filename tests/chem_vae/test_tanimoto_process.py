"""The Gaussian process over substructures of real molecules: the textbook's figures, noise, many molecules."""

from __future__ import annotations

import pytest
import torch
from sklearn.metrics import r2_score, root_mean_squared_error

from chem_vae.errors import DataError
from chem_vae.tanimoto import TanimotoProcess, pack, tanimoto, unpack
from pipeline.models.measured_predictor import features


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
    monkeypatch.setattr("chem_vae.tanimoto.MOST_EXACT", 100)
    some, alone = TanimotoProcess(x[:300], y[:300]), TanimotoProcess(x[:100], y[:100])
    error = {p: root_mean_squared_error(y[300:], p.predict(x[300:]).mean) for p in (whole, some, alone)}
    assert error[whole] <= error[some] * 1.05 and error[some] < error[alone]
    again = TanimotoProcess.from_tensors(some.tensors())
    assert torch.equal(again.predict(x[300:]).mean, some.predict(x[300:]).mean)


def test_features_and_bits(sample_smiles: list[str]) -> None:
    x = features([*sample_smiles[:3], None, "no molecule"])
    assert x.shape == (5, 2048) and x[:3].sum() > 0 and not x[3:].any()
    assert torch.equal(unpack(pack(x), 2048), x)
    with pytest.raises(DataError, match="too few"):
        TanimotoProcess(x[:3], torch.zeros(3))
    process = TanimotoProcess(features(sample_smiles[:50]), labels(sample_smiles[:50]))
    assert process.predict(features(sample_smiles[:5])).std.max() < process.predict(x[3:]).std[0]
