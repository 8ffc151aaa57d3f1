"""Resume files: a killed training goes on to the same weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from small_models import TINY, weights

from chem_vae.config import TrainingConfig
from chem_vae.data import SameLengthBatches
from chem_vae.errors import CheckpointError, ChemVAEWarning
from chem_vae.training.callbacks import TrainingMonitor
from chem_vae.training.trainer import train


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


def test_a_training_killed_after_its_early_stop_takes_no_further_step(molecules: tuple, tmp_path: Path) -> None:
    config = TrainingConfig(epochs=20, batch_size=8, learning_rate=0.3, validations=40, patience=2, averaging=0)
    whole, record = train(molecules[0], *molecules, TINY, config)
    assert "no better validation loss" in record.ended
    resume, config = tmp_path / "resume.safetensors", replace(config, checkpoint_seconds=1e-9)
    for _ in range(3):  # killed before the model was written, again and again
        again, record_again = train(molecules[0], *molecules, TINY, config, resume_file=resume)
        assert all(torch.equal(weights(whole)[k], weights(again)[k]) for k in weights(whole))
        assert record_again.validation == record.validation
        assert (record_again.ended, record_again.best) == (record.ended, record.best)


@pytest.mark.parametrize("damage", ["no checkpoint", "empty", "cut", "flipped", "of another model"])
def test_a_damaged_resume_file_is_said_and_training_begins_at_the_start(
    molecules: tuple, tmp_path: Path, damage: str
) -> None:
    resume = tmp_path / "resume.safetensors"
    whole, _ = train(molecules[0], *molecules, TINY, TrainingConfig(max_steps=4))
    other = replace(TINY, decoder_size=48) if damage == "of another model" else TINY
    train(molecules[0], *molecules, other, TrainingConfig(max_steps=2, checkpoint_seconds=1e-9), resume_file=resume)
    written = resume.read_bytes()
    if damage != "of another model":
        middle = len(written) // 2
        flipped = written[:middle] + bytes([written[middle] ^ 1]) + written[middle + 1 :]
        resume.write_bytes(
            {"no checkpoint": b"\x80\x04no", "empty": b"", "cut": written[:-9], "flipped": flipped}[damage]
        )
    with pytest.warns(
        ChemVAEWarning, match=r"cannot resume from .*; it is deleted, and the training begins at the start"
    ):
        again, _ = train(molecules[0], *molecules, TINY, TrainingConfig(max_steps=4), resume_file=resume)
    assert all(torch.equal(weights(whole)[k], weights(again)[k]) for k in weights(whole))


def test_a_folder_in_the_place_of_the_resume_file_is_said(molecules: tuple, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="it is no file; move it away"):
        train(molecules[0], *molecules, TINY, TrainingConfig(max_steps=2), resume_file=tmp_path)
