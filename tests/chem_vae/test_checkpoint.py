"""Checkpoints: round trips, damage, growing one for fine-tuning, half precision."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from small_models import TINY

from chem_vae.checkpoint import RELATIVES_SHARE, Checkpoint, ConditionScale
from chem_vae.config import ModelConfig, TrainingConfig
from chem_vae.errors import CheckpointError
from chem_vae.model import ChemVAE
from chem_vae.training.trainer import train
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


def test_a_new_symbol_starts_like_the_known_one_of_its_element(checkpoint: Checkpoint) -> None:
    more = checkpoint.extended(["[C@H1]", "[C@@H1]", "[Xe]"], [])
    weights, ids = more.model.state_dict(), {s: 3 + i for i, s in enumerate(more.vocabulary.symbols)}
    carbon = weights["decoder.to_symbols.weight"][ids["[C]"]]
    bias = weights["decoder.to_symbols.bias"]
    both = 0.0
    for symbol in ("[C@H1]", "[C@@H1]"):
        assert torch.equal(weights["decoder.to_symbols.weight"][ids[symbol]], carbon)
        both += float((bias[ids[symbol]] - bias[ids["[C]"]]).exp())
        near = torch.cosine_similarity(
            weights["embedding.weight"][ids[symbol]], weights["embedding.weight"][ids["[C]"]], dim=0
        )
        assert near > 0.9
    assert both == pytest.approx(RELATIVES_SHARE, rel=1e-4)
    assert not torch.equal(*weights["embedding.weight"][[ids["[C@H1]"], ids["[C@@H1]"]]])
    assert not torch.equal(weights["decoder.to_symbols.weight"][ids["[Xe]"]], carbon)


def test_half_precision_is_half_the_size_and_reads_back(checkpoint: Checkpoint, tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "whole")
    checkpoint.save(tmp_path / "half", half=True)
    sizes = [(tmp_path / f / "model.safetensors").stat().st_size for f in ("whole", "half")]
    assert sizes[1] < 0.6 * sizes[0]
    loaded = Checkpoint.load(tmp_path / "half").model
    assert loaded.embedding.weight.dtype == torch.float32
    torch.testing.assert_close(loaded.embedding.weight, checkpoint.model.embedding.weight, atol=1e-3, rtol=1e-3)


def test_save_and_load_give_identical_samples(molecules: tuple, tmp_path: Path) -> None:
    checkpoint, _ = train(molecules[0], *molecules, TINY, TrainingConfig(max_steps=20))
    checkpoint.save(tmp_path / "model")
    loaded = Checkpoint.load(tmp_path / "model")
    z = torch.randn(40, 16, generator=torch.Generator().manual_seed(1))
    z[20:] = torch.nan
    conditions = checkpoint.make_target({"size": 12.0}, 40)
    samples = [c.decode(z, conditions, temperature=1.0, seed=5) for c in (checkpoint, loaded)]
    assert samples[0] == samples[1]
    assert len(set(samples[0])) > 5
    assert loaded.decode(z, conditions, temperature=1.0, seed=6) != samples[0]


@pytest.mark.parametrize("damage", ["truncate", "newer", "no json", "no weights", "other weights"])
def test_a_damaged_checkpoint_is_a_clear_error(molecules: tuple, tmp_path: Path, damage: str) -> None:
    checkpoint, _ = train(molecules[0], *molecules, TINY, TrainingConfig(max_steps=1))
    checkpoint.save(tmp_path)
    description, tensors = tmp_path / "model.json", tmp_path / "model.safetensors"
    if damage == "truncate":
        tensors.write_bytes(tensors.read_bytes()[:1000])
    elif damage == "newer":
        description.write_text(description.read_text().replace('"format_version": 1', '"format_version": 9'))
    elif damage == "no json":
        description.unlink()
    elif damage == "no weights":
        tensors.unlink()
    else:
        description.write_text(description.read_text().replace('"decoder_size": 64', '"decoder_size": 65'))
    with pytest.raises(CheckpointError):
        Checkpoint.load(tmp_path)
