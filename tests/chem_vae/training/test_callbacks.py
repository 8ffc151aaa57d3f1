"""The monitor of a training: collapse, validations, early stopping."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from small_models import TINY

from chem_vae.analysis import (
    COLLAPSE_KL,
    Scores,
)
from chem_vae.config import ModelConfig, TrainingConfig
from chem_vae.data import SameLengthBatches
from chem_vae.errors import CollapseWarning
from chem_vae.training.callbacks import TrainingMonitor
from chem_vae.training.trainer import StopTraining, train


def test_forced_collapse_warns_with_advice_and_a_healthy_run_does_not(molecules: tuple) -> None:
    collapsing = TrainingConfig(max_steps=60, batch_size=32, beta=50.0, beta_schedule="constant", validations=1)
    with pytest.warns(CollapseWarning, match="Lower train.training.beta"):
        _, record = train(molecules[0], *molecules, TINY, collapsing)
    assert "collapsed" in record.warnings[0]
    _, healthy = train(molecules[0], *molecules, TINY, TrainingConfig(epochs=25, batch_size=8, beta=0.01))
    assert healthy.warnings == []


def test_tiny_data_and_a_short_training_are_no_collapse(molecules: tuple) -> None:
    data, *rest = molecules
    with warnings.catch_warnings():
        warnings.simplefilter("error", CollapseWarning)
        for few in (1, 3):
            config = TrainingConfig(epochs=8, batch_size=8, beta=0.01, validations=4)
            _, record = train(data, data.select(np.arange(few)), *rest, TINY, config)
            assert record.validation[-1]["active_units"] > 0 and record.warnings == []
        _, short = train(data, *molecules, TINY, TrainingConfig(max_steps=3, batch_size=32))
        assert short.validation[-1]["kl"] < COLLAPSE_KL and short.warnings == []
    forced = TrainingConfig(max_steps=60, batch_size=32, beta=50.0, beta_schedule="constant", validations=1)
    with pytest.warns(CollapseWarning, match="the posterior has collapsed"):
        train(data, data.select(np.arange(1)), *rest, TINY, forced)


STRONG = ModelConfig(
    embedding_size=32,
    encoder_size=32,
    decoder_size=192,
    latent_size=16,
    latent_dropout=0.0,
    symbol_dropout=0.0,
    corruption=0.0,
)


def test_a_strong_decoder_collapses_at_beta_1_and_is_told_while_beta_001_is_healthy(molecules: tuple) -> None:
    def config(beta: float) -> TrainingConfig:
        return TrainingConfig(epochs=14, batch_size=16, learning_rate=5e-3, beta=beta, validations=2)

    with pytest.warns(CollapseWarning, match="the posterior has collapsed"):
        _, collapsed = train(molecules[0], *molecules, STRONG, config(1.0))
    last = collapsed.validation[-1]
    assert last["kl"] < COLLAPSE_KL and len(collapsed.warnings) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error", CollapseWarning)
        _, healthy = train(molecules[0], *molecules, STRONG, config(0.01))
    assert healthy.warnings == [] and healthy.validation[-1]["kl"] > 3
    # z is used: with it a molecule costs far fewer nats than without, where it collapsed about as many
    gain = [log.validation[-1]["unconditioned"] - log.validation[-1]["reconstruction"] for log in (collapsed, healthy)]
    assert gain[1] > 2.0 and abs(gain[0]) < 1.0


def test_most_dimensions_dead_is_told_once_and_taken_back(molecules: tuple, monkeypatch: pytest.MonkeyPatch) -> None:
    active = iter([2, 2, 5, 0, 2, 2])  # of 16, by validation; the first lies in the warm-up

    def scored(model: object, *_: object) -> Scores:
        n = next(active)
        kl = torch.zeros(16, dtype=torch.float64)
        kl[:n] = 1.0
        return Scores(10.0, 9.0, 20.0, 21.0, kl, n)

    told: list[list[str]] = []
    monkeypatch.setattr("chem_vae.training.callbacks.score", scored)
    config = TrainingConfig(max_steps=60, batch_size=32, validations=6)
    original = TrainingMonitor._warn_of_collapse

    def watched(self: TrainingMonitor, scores: Scores, step: int) -> None:
        original(self, scores, step)
        told.append(list(self.record.warnings))

    monkeypatch.setattr(TrainingMonitor, "_warn_of_collapse", watched)
    with pytest.warns(CollapseWarning):
        train(molecules[0], *molecules, TINY, config)
    assert [len(t) for t in told] == [0, 0, 1, 1, 1, 1]
    assert "only 5 of 16 latent dimensions are active" in told[2][0]
    assert "collapsed" in told[3][0]
    assert told[4] == told[5] and "only 2 of 16" in told[4][0]


def test_a_caller_is_told_of_validations_and_may_stop(molecules: tuple) -> None:
    rows: list[tuple[int, dict[str, float]]] = []
    config = TrainingConfig(max_steps=40, batch_size=32, validations=4)
    _, log = train(molecules[0], *molecules, TINY, config, on_validation=lambda step, row: rows.append((step, row)))
    assert [row for _, row in rows] == log.validation and [step for step, _ in rows] == [10, 20, 30, 40]

    def stop(step: int, row: dict[str, float]) -> None:
        if step == 20:
            raise StopTraining("enough")

    checkpoint, stopped = train(molecules[0], *molecules, TINY, config, on_validation=stop)
    assert stopped.history[-1]["step"] <= 20 and stopped.validation == log.validation[:2]
    assert stopped.ended == "at step 20: enough"
    assert stopped.best in stopped.validation and checkpoint.model.latent_size == 16


@pytest.mark.parametrize(
    ("steps", "wanted", "expected"),
    [
        (14, 5, [3, 6, 9, 12, 14]),
        (19, 10, [2, 4, 6, 8, 10, 12, 14, 16, 18, 19]),
        (10, 5, [2, 4, 6, 8, 10]),
        (3, 5, [1, 2, 3]),
        (7, 1, [7]),
    ],
)
def test_there_are_as_many_validations_as_asked_for(
    molecules: tuple, steps: int, wanted: int, expected: list[int]
) -> None:
    config = TrainingConfig(max_steps=steps, batch_size=32, validations=wanted)
    _, log = train(molecules[0], *molecules, TINY, config)
    assert [row["step"] for row in log.validation] == expected


def test_early_stopping_says_so(molecules: tuple) -> None:
    config = TrainingConfig(epochs=40, batch_size=32, learning_rate=0.3, validations=40, patience=2)
    _, record = train(molecules[0], *molecules, TINY, config)
    assert record.ended.endswith("no better validation loss in 2 validations")
    assert record.history[-1]["step"] < 40 * len(SameLengthBatches(molecules[0], 32, 0))
