"""A small model and a small data set for the tests of the model's room."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from small_models import CONFIG, SMILES

from chem_vae.checkpoint import Checkpoint, ConditionScale
from chem_vae.config import ModelConfig
from chem_vae.data import TokenDataset
from chem_vae.model import ChemVAE
from chem_vae.vocabulary import SelfiesVocabulary, smiles_to_selfies


@pytest.fixture(scope="session")
def molecules() -> tuple[TokenDataset, SelfiesVocabulary, tuple[ConditionScale, ...]]:
    strings = [smiles_to_selfies(s) for s in SMILES]
    vocabulary = SelfiesVocabulary.learn(strings, merges=10)
    size = np.array([[len(s), np.nan if i % 2 else s.count("c")] for i, s in enumerate(SMILES)], dtype=np.float32)
    scales = tuple(ConditionScale.fit(n, "", size[:, k]) for k, n in enumerate(("size", "aromatic")))
    return TokenDataset.from_lists(vocabulary.encode_batch(strings), size), vocabulary, scales


@pytest.fixture
def model() -> ChemVAE:
    torch.manual_seed(0)
    return ChemVAE(CONFIG, vocabulary_size=20, properties=3).eval()


@pytest.fixture
def tokens() -> torch.Tensor:
    return torch.randint(3, 20, (6, 7), generator=torch.Generator().manual_seed(1))


@pytest.fixture
def checkpoint() -> Checkpoint:
    torch.manual_seed(0)
    vocabulary = SelfiesVocabulary(["[C]", "[O]", "[N]"])
    config = ModelConfig(embedding_size=8, encoder_size=8, decoder_size=16, latent_size=8)
    return Checkpoint(ChemVAE(config, len(vocabulary), 1).eval(), vocabulary, (), 40)
