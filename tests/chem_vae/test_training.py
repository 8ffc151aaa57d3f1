"""Training: it learns, it resumes to the same result, it warns and stops as it should."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from chem_vae.analysis import (
    COLLAPSE_KL,
    Scores,
    advise_on_collapse,
    advise_on_idle_dimensions,
    measure_exact_reconstruction,
)
from chem_vae.callbacks import TrainingMonitor
from chem_vae.checkpoint import Checkpoint, ConditionScale
from chem_vae.config import ModelConfig, TrainingConfig
from chem_vae.data import SameLengthBatches, TokenDataset
from chem_vae.errors import CheckpointError, CollapseWarning, DataError, TrainingError
from chem_vae.model import ChemVAE
from chem_vae.module import TrainingModule
from chem_vae.training import StopTraining, train
from chem_vae.vocabulary import SelfiesVocabulary, smiles_to_selfies

SMILES = [
    "CCO",
    "CC(=O)O",
    "c1ccccc1",
    "CC(C)O",
    "CCN(CC)CC",
    "O=C(O)c1ccccc1",
    "CC(=O)Oc1ccccc1C(=O)O",
    "Cn1cnc2c1c(=O)n(C)c(=O)n2C",
    "CC(C)Cc1ccc(C(C)C(=O)O)cc1",
    "CC(=O)Nc1ccc(O)cc1",
    "C1CCNCC1",
    "C1COCCN1",
    "c1ccncc1",
    "c1ccoc1",
    "c1ccsc1",
    "CCOC(=O)C",
    "CC#N",
    "C=CC=C",
    "OCC(O)CO",
    "NCC(=O)O",
    "CC(N)C(=O)O",
    "CSCCC(N)C(=O)O",
    "O=C1CCCN1",
    "CC1=CC(=O)CC(C)(C)C1",
    "c1ccc2ccccc2c1",
    "c1ccc2[nH]ccc2c1",
    "Clc1ccccc1",
    "Fc1ccc(Br)cc1",
    "FC(F)(F)c1ccccc1",
    "CS(=O)(=O)c1ccccc1",
    "NS(=O)(=O)c1ccccc1",
    "O=C(Nc1ccccc1)c1ccccc1",
]
TINY = ModelConfig(embedding_size=32, encoder_size=32, decoder_size=64, latent_size=16)


@pytest.fixture(scope="module")
def molecules() -> tuple[TokenDataset, SelfiesVocabulary, tuple[ConditionScale, ...]]:
    strings = [smiles_to_selfies(s) for s in SMILES]
    vocabulary = SelfiesVocabulary.learn(strings, merges=10)
    size = np.array([[len(s), np.nan if i % 2 else s.count("c")] for i, s in enumerate(SMILES)], dtype=np.float32)
    scales = tuple(ConditionScale.fit(n, "", size[:, k]) for k, n in enumerate(("size", "aromatic")))
    return TokenDataset.from_lists(vocabulary.encode_batch(strings), size), vocabulary, scales


def weights(checkpoint: Checkpoint) -> dict[str, torch.Tensor]:
    return checkpoint.model.state_dict()


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


@pytest.mark.parametrize("stop", [7, 20, 21])
def test_a_killed_training_resumes_to_the_same_weights(molecules: tuple, tmp_path: Path, stop: int) -> None:
    data, vocabulary, scales = molecules
    config = TrainingConfig(epochs=3, batch_size=8, checkpoint_seconds=1e-9, patience=50)
    assert len(SameLengthBatches(data, 8, 0)) > 10  # so that the stops fall into the first and the second epoch
    whole, record = train(data, data, vocabulary, scales, TINY, config)

    class Killed(Exception):
        pass

    def kill(stage: str, done: int, total: int, figures: object = None) -> None:
        if resume.exists() and done >= stop:
            raise Killed

    resume = tmp_path / "resume.safetensors"
    with pytest.raises(Killed):
        original = TrainingMonitor.on_train_batch_end

        def counted(self: TrainingMonitor, trainer: object, *rest: object) -> None:
            original(self, trainer, *rest)  # type: ignore[arg-type]
            kill("train", trainer.global_step, 0)  # type: ignore[attr-defined]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(TrainingMonitor, "on_train_batch_end", counted)
            train(data, data, vocabulary, scales, TINY, config, resume_file=resume)
    resumed, record_resumed = train(data, data, vocabulary, scales, TINY, config, resume_file=resume)
    assert all(torch.equal(weights(whole)[k], weights(resumed)[k]) for k in weights(whole))
    assert [r["step"] for r in record_resumed.validation] == [r["step"] for r in record.validation]
    assert record_resumed.history[-1]["molecules"] == record.history[-1]["molecules"]


def test_a_damaged_resume_file_is_a_clear_error(molecules: tuple, tmp_path: Path) -> None:
    resume = tmp_path / "resume.safetensors"
    resume.write_bytes(b"\x80\x04not a checkpoint")
    with pytest.raises(CheckpointError, match="delete it"):
        train(molecules[0], *molecules, TINY, TrainingConfig(max_steps=2), resume_file=resume)


def test_forced_collapse_warns_with_advice_and_a_healthy_run_does_not(molecules: tuple) -> None:
    collapsing = TrainingConfig(max_steps=60, batch_size=32, beta=50.0, beta_schedule="constant", validations=1)
    with pytest.warns(CollapseWarning, match="Lower train.training.beta"):
        _, record = train(molecules[0], *molecules, TINY, collapsing)
    assert "collapsed" in record.warnings[0]
    _, healthy = train(molecules[0], *molecules, TINY, TrainingConfig(epochs=25, batch_size=8, beta=0.01))
    assert healthy.warnings == []


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
    monkeypatch.setattr("chem_vae.callbacks.score", scored)
    config = TrainingConfig(max_steps=60, batch_size=32, validations=6)
    original = TrainingMonitor._watch_for_collapse

    def watched(self: TrainingMonitor, scores: Scores, step: int) -> None:
        original(self, scores, step)
        told.append(list(self.record.warnings))

    monkeypatch.setattr(TrainingMonitor, "_watch_for_collapse", watched)
    with pytest.warns(CollapseWarning):
        train(molecules[0], *molecules, TINY, config)
    assert [len(t) for t in told] == [0, 0, 1, 1, 1, 1]
    assert "only 5 of 16 latent dimensions are active" in told[2][0]
    assert "collapsed" in told[3][0]
    assert told[4] == told[5] and "only 2 of 16" in told[4][0]


def test_advice_on_idle_dimensions_begins_below_half_of_them() -> None:
    assert advise_on_idle_dimensions(8, 16) is None
    assert "latent_size near 7" in str(advise_on_idle_dimensions(7, 16))
    assert advise_on_idle_dimensions(0, 16) is None  # that is a collapse, and advise_on_collapse says so
    assert "collapsed" in str(advise_on_collapse(3.0, 0, 16, 0.1))


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
    assert "stopped at step 20: enough" in stopped.warnings
    assert stopped.best in stopped.validation and checkpoint.model.latent_size == 16


def test_a_loss_that_is_not_a_number_stops_with_advice(molecules: tuple) -> None:
    with pytest.raises(TrainingError, match="learning_rate"):
        train(molecules[0], *molecules, TINY, TrainingConfig(max_steps=50, learning_rate=1e30, gradient_clip=1e30))


def test_gradients_are_clipped_without_the_scale_of_half_precision(molecules: tuple) -> None:
    from types import SimpleNamespace

    _, vocabulary, scales = molecules
    module = TrainingModule(ChemVAE(TINY, len(vocabulary), 1), TrainingConfig(gradient_clip=1.0), scales, 10)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**16)
    module._trainer = SimpleNamespace(precision_plugin=SimpleNamespace(scaler=scaler))  # type: ignore[assignment]
    optimizer = module.configure_optimizers()["optimizer"]
    weight = next(p for p in module.model.parameters() if p.ndim == 2)
    before = weight.detach().clone()
    scaler.scale((0.5 * weight[0, 0]).sum()).backward()
    module.configure_gradient_clipping(optimizer)
    assert float(weight.grad[0, 0]) == pytest.approx(0.5), "shorter than the limit: left as it is"  # type: ignore[index]
    scaler.step(optimizer)
    scaler.update()
    assert not torch.equal(weight, before) and torch.isfinite(weight).all()


def test_early_stopping_says_so(molecules: tuple) -> None:
    config = TrainingConfig(epochs=40, batch_size=32, learning_rate=0.3, validations=40, patience=2)
    _, record = train(molecules[0], *molecules, TINY, config)
    assert any("stopped early" in w for w in record.warnings)
    assert record.history[-1]["step"] < 40 * len(SameLengthBatches(molecules[0], 32, 0))


def test_an_empty_training_split_is_an_error(molecules: tuple) -> None:
    empty = molecules[0].select(np.zeros(0, dtype=np.int64))
    with pytest.raises(DataError, match="empty"):
        train(empty, *molecules, TINY, TrainingConfig(max_steps=1))


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
