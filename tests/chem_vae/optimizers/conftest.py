"""Checkpoints to search with: a grid, an untrained model, and one of few symbols."""

from __future__ import annotations

import pairs_problem
import pytest
import torch
from grid_problem import SIZE, Grid, make_net

from chem_vae.checkpoint import Checkpoint
from chem_vae.config import ModelConfig
from chem_vae.model import ChemVAE
from chem_vae.vocabulary import END, SelfiesVocabulary


@pytest.fixture
def grid() -> Checkpoint:
    return Grid(*make_net(SIZE), (), 40)


@pytest.fixture
def untrained() -> Checkpoint:
    net, vocabulary = make_net(8)
    with torch.no_grad():
        net.decoder.to_symbols.weight.mul_(6.0)
        net.decoder.to_symbols.bias[END] = 1.5
    return Checkpoint(net, vocabulary, (), 40)


@pytest.fixture
def checkpoint() -> Checkpoint:
    torch.manual_seed(0)
    vocabulary = SelfiesVocabulary(pairs_problem.SYMBOLS)
    config = ModelConfig(embedding_size=16, encoder_size=16, decoder_size=32, latent_size=8)
    model = ChemVAE(config, len(vocabulary), 1).eval()
    with torch.no_grad():
        model.decoder.to_symbols.weight.mul_(4.0)
        model.decoder.to_symbols.bias[END] = 1.0
    return Checkpoint(model, vocabulary, (), 30)
