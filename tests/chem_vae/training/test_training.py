"""Training: it learns, and repeats itself; test_memory.py has devices with too little memory."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from small_models import TINY, weights

from chem_vae.analysis import (
    measure_exact_reconstruction,
)
from chem_vae.config import ModelConfig, TrainingConfig
from chem_vae.errors import DataError, TrainingError
from chem_vae.training.trainer import train


@pytest.mark.slow
def test_it_overfits_32_molecules_to_exact_reconstruction(molecules: tuple) -> None:
    data, vocabulary, scales = molecules
    model = ModelConfig(
        embedding_size=64,
        encoder_size=64,
        decoder_size=128,
        latent_size=32,
        dropout=0,
        symbol_dropout=0,
        latent_dropout=0.2,
    )
    config = TrainingConfig(epochs=100, batch_size=16, learning_rate=5e-3, beta=0.01, validations=2)
    checkpoint, record = train(data, data, vocabulary, scales, model, config)
    assert len(data) == 32
    assert measure_exact_reconstruction(checkpoint.model, data, checkpoint.max_length) == 1.0
    assert record.validation[-1]["reconstruction"] < 0.5
    strings = [vocabulary.decode(data[i][0]) for i in range(32)]
    assert checkpoint.decode(checkpoint.encode(strings).mu) == strings


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(molecules: tuple) -> None:
    runs = [
        weights(train(*molecules[:1], *molecules, TINY, TrainingConfig(max_steps=12, batch_size=8, seed=seed))[0])
        for seed in (3, 3, 4)
    ]
    assert all(torch.equal(runs[0][k], runs[1][k]) for k in runs[0])
    assert not all(torch.equal(runs[0][k], runs[2][k]) for k in runs[0])


def test_an_empty_training_split_is_an_error(molecules: tuple) -> None:
    empty = molecules[0].select(np.zeros(0, dtype=np.int64))
    with pytest.raises(DataError, match="empty"):
        train(empty, *molecules, TINY, TrainingConfig(max_steps=1))


def test_a_loss_that_is_not_a_number_stops_with_advice(molecules: tuple) -> None:
    with pytest.raises(TrainingError, match="learning_rate"):
        train(molecules[0], *molecules, TINY, TrainingConfig(max_steps=50, learning_rate=1e30, gradient_clip=1e30))
