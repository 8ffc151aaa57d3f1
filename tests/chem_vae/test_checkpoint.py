"""Checkpoints: growing one for fine-tuning, and half precision. Damage and round trips are in test_training.py."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from chem_vae.checkpoint import Checkpoint, ConditionScale
from chem_vae.config import ModelConfig
from chem_vae.losses import hide_conditions
from chem_vae.model import ChemVAE
from chem_vae.vocabulary import SelfiesVocabulary


@pytest.fixture
def checkpoint() -> Checkpoint:
    torch.manual_seed(0)
    vocabulary = SelfiesVocabulary(["[C]", "[N]", "[O]", "[F]"], [(3, 3), (7, 5)])
    config = ModelConfig(embedding_size=16, encoder_size=16, decoder_size=24, latent_size=8)
    scales = (ConditionScale("logp", "", 2.0, 1.5), ConditionScale("mw", "Da", 300.0, 30.0))
    return Checkpoint(ChemVAE(config, len(vocabulary), 2).eval(), vocabulary, scales, 40)


def test_a_grown_checkpoint_keeps_what_was_learned(checkpoint: Checkpoint) -> None:
    more = checkpoint.extended(["[Xe]", "[As]"], [ConditionScale("pIC50", "", 6.0, 1.0), *checkpoint.scales])
    assert more.conditions == [*checkpoint.conditions, "pIC50"]
    assert more.scales[: len(checkpoint.scales)] == checkpoint.scales
    string = checkpoint.vocabulary.decode([3, 4, len(checkpoint.vocabulary) - 1])
    old, new = checkpoint.vocabulary.encode(string), more.vocabulary.encode(string)
    assert more.vocabulary.decode(new) == string
    assert torch.equal(more.encode([string]).mu, checkpoint.encode([string]).mu)
    before = checkpoint.model.log_likelihood(torch.tensor([old]))
    after = more.model.log_likelihood(torch.tensor([new]))
    steps, share = len(old) + 1, len(more.vocabulary) / len(checkpoint.vocabulary)  # untrained: all ids are as rare
    assert 0 < (before - after).item() < 1.5 * steps * math.log(share)
    assert more.vocabulary.encode("[Xe]") == [3 + len(checkpoint.vocabulary.symbols) + 1]
    assert more.make_target({"pIC50": 7.0}, 1)[0, -1].item() == 1.0


def test_half_precision_is_half_the_size_and_reads_back(checkpoint: Checkpoint, tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "whole")
    checkpoint.save(tmp_path / "half", half=True)
    sizes = [(tmp_path / f / "model.safetensors").stat().st_size for f in ("whole", "half")]
    assert sizes[1] < 0.6 * sizes[0]
    loaded = Checkpoint.load(tmp_path / "half").model
    assert loaded.embedding.weight.dtype == torch.float32
    torch.testing.assert_close(loaded.embedding.weight, checkpoint.model.embedding.weight, atol=1e-3, rtol=1e-3)


def test_hidden_conditions_are_all_or_a_subset_of_any_size() -> None:
    torch.manual_seed(0)
    shown = hide_conditions(torch.zeros(20_000, 4), 0.3)
    hidden = shown.isnan().sum(dim=1)
    shares = torch.bincount(hidden, minlength=5) / len(hidden)
    assert 0.44 < shares[0] < 0.48  # 0.4 untouched and a fifth of the 0.3 with a random subset
    assert 0.34 < shares[4] < 0.38
    assert all(0.05 < s < 0.07 for s in shares[1:4].tolist())
    assert not hide_conditions(torch.zeros(5, 4), 0.0).isnan().any()
