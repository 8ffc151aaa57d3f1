"""A further architecture is one decoder and its registration: it trains, is saved and loaded, decodes and is fine-tuned."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from chem_vae.architectures import ARCHITECTURES, Architecture, Decoder
from chem_vae.checkpoint import Checkpoint, ConditionScale
from chem_vae.config import ModelConfig, TrainingConfig
from chem_vae.data import TokenDataset
from chem_vae.decoding import decode_ids
from chem_vae.errors import CheckpointError, UserError
from chem_vae.model import ChemVAE, GRUEncoder
from chem_vae.training.trainer import train
from chem_vae.vocabulary import SelfiesVocabulary

CONFIG = ModelConfig("running-mean", embedding_size=16, encoder_size=16, decoder_size=32, latent_size=8)


class RunningMeanDecoder(Decoder):
    """Predicts a symbol from the last one, the mean of all before it, z and the conditions; its state is a dictionary."""

    def __init__(self, config: ModelConfig, vocabulary_size: int) -> None:
        super().__init__()
        self.no_z = nn.Parameter(torch.zeros(config.latent_size))
        size = config.embedding_size
        self.mix = nn.Sequential(nn.Linear(3 * size + config.latent_size, config.decoder_size), nn.SiLU())
        self.to_symbols = nn.Linear(config.decoder_size, vocabulary_size)

    def start(self, z: Tensor, condition: Tensor) -> dict[str, Tensor]:
        latent = torch.where(z.isnan(), self.no_z, z)
        return {
            "context": torch.cat([latent, condition], dim=1),
            "sum": torch.zeros_like(condition),
            "n": torch.ones(1),
        }

    def step(self, symbols: Tensor, state: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        total, n = state["sum"] + symbols, state["n"]
        logits = self.to_symbols(self.mix(torch.cat([symbols, total / n, state["context"]], dim=1)))
        return logits, {"context": state["context"], "sum": total, "n": n + 1}

    def select(self, state: dict[str, Tensor], rows: Tensor) -> dict[str, Tensor]:
        return {"context": state["context"][rows], "sum": state["sum"][rows], "n": state["n"]}

    def forward(self, symbols: Tensor, z: Tensor, condition: Tensor) -> Tensor:
        state, logits = self.start(z, condition), []
        for symbol in symbols.unbind(dim=1):
            step, state = self.step(symbol, state)
            logits.append(step)
        return torch.stack(logits, dim=1)


@pytest.fixture
def registered() -> Iterator[None]:
    ARCHITECTURES.add("running-mean", Architecture(GRUEncoder, RunningMeanDecoder))
    yield
    del ARCHITECTURES._entries["running-mean"]


@pytest.fixture
def trained(registered: None) -> Checkpoint:
    random = np.random.default_rng(0)
    vocabulary = SelfiesVocabulary(["[C]", "[N]", "[O]", "[F]", "[S]"])
    ids = [random.integers(3, 8, size=size).tolist() for size in (4, 5) for _ in range(30)]
    data = TokenDataset.from_lists(ids, random.normal(size=(len(ids), 1)).astype(np.float32))
    config = TrainingConfig(max_steps=60, batch_size=16, validations=1, learning_rate=1e-2)
    checkpoint, log = train(data, data, vocabulary, (ConditionScale("size"),), CONFIG, config)
    assert log.history[-1]["reconstruction"] < log.history[0]["reconstruction"] - 1
    return checkpoint


def test_another_decoder_is_trained_saved_loaded_and_decodes(trained: Checkpoint, tmp_path: Path) -> None:
    trained.save(tmp_path)
    assert json.loads((tmp_path / "model.json").read_text())["config"]["architecture"] == "running-mean"
    loaded = Checkpoint.load(tmp_path)
    assert isinstance(loaded.model.decoder, RunningMeanDecoder)
    z = torch.randn(20, 8, generator=torch.Generator().manual_seed(0))
    z[::4] = torch.nan
    conditions = torch.linspace(-1, 1, 20)[:, None]
    for guidance in (0.0, 2.0):
        greedy = loaded.decode(z, conditions, guidance=guidance)
        assert greedy == trained.decode(z, conditions, guidance=guidance)
        one = [loaded.decode(z[i : i + 1], conditions[i : i + 1], guidance=guidance)[0] for i in range(20)]
        assert greedy == one and len(set(greedy)) > 3
    drawn = loaded.decode(z, conditions, temperature=1.0, seed=1)
    assert drawn == trained.decode(z, conditions, temperature=1.0, seed=1) and len({len(s or "") for s in drawn}) > 2


def test_another_decoder_is_fine_tuned_with_new_symbols(trained: Checkpoint) -> None:
    more = trained.extended(["[Xe]"], [ConditionScale("logp")])
    ids = torch.tensor([trained.vocabulary.encode("[C][N][O]")])
    assert torch.allclose(more.model.log_likelihood(ids), trained.model.log_likelihood(ids), atol=1.0)
    assert more.decode(torch.zeros(2, 8)) == trained.decode(torch.zeros(2, 8))


def test_an_architecture_that_is_not_there_is_said(trained: Checkpoint, tmp_path: Path) -> None:
    trained.save(tmp_path)
    del ARCHITECTURES._entries["running-mean"]
    try:
        with pytest.raises(CheckpointError, match="not installed.*unknown architecture 'running-mean'.*gru"):
            Checkpoint.load(tmp_path)
        with pytest.raises(UserError, match="unknown architecture"):
            ChemVAE(CONFIG, 8, 1)
    finally:
        ARCHITECTURES.add("running-mean", Architecture(GRUEncoder, RunningMeanDecoder))


def test_a_file_without_an_architecture_is_of_the_first_one(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = ModelConfig(embedding_size=8, encoder_size=8, decoder_size=16, latent_size=4)
    before = Checkpoint(ChemVAE(config, 5, 0).eval(), SelfiesVocabulary(["[C]", "[N]"]), (), 20)
    before.save(tmp_path)
    path = tmp_path / "model.json"
    description = json.loads(path.read_text())
    assert description["config"].pop("architecture") == "gru"
    path.write_text(json.dumps(description))
    after = Checkpoint.load(tmp_path)
    assert after.model.config == config
    z = torch.randn(5, 4)
    assert decode_ids(after.model, z) == decode_ids(before.model, z)
