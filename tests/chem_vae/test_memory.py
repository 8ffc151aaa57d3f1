"""Training on a device with too little memory. The device here is made up: it refuses batches over its size."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from chem_vae.checkpoint import ConditionScale
from chem_vae.config import ModelConfig, TrainingConfig
from chem_vae.data import TokenDataset
from chem_vae.errors import MemoryWarning, TrainingError
from chem_vae.training.trainer import train
from chem_vae.vocabulary import SelfiesVocabulary

TINY = ModelConfig(embedding_size=16, encoder_size=16, decoder_size=32, latent_size=8)


@pytest.fixture(scope="module")
def molecules() -> tuple[TokenDataset, SelfiesVocabulary, tuple[ConditionScale, ...]]:
    random = np.random.default_rng(0)
    ids = [random.integers(3, 8, size=size).tolist() for size in (4, 5, 6) for _ in range(20)]
    data = TokenDataset.from_lists(ids, random.normal(size=(len(ids), 1)).astype(np.float32))
    return data, SelfiesVocabulary(["[C]", "[N]", "[O]", "[F]", "[S]"]), (ConditionScale("size"),)


@pytest.mark.parametrize("saved", [False, True])
def test_a_device_that_runs_out_of_memory_takes_smaller_bites(molecules: tuple, tmp_path: Path, saved: bool) -> None:
    import chem_vae.training.module as module

    data, vocabulary, scales = molecules
    plain = replace(TINY, dropout=0.0, symbol_dropout=0.0, corruption=0.0, latent_dropout=0.0, condition_dropout=0.0)
    config = TrainingConfig(
        epochs=2, batch_size=8, checkpoint_seconds=1e-9 if saved else 1e9, patience=50, validations=1
    )
    sizes: list[int] = []

    def small_device(model: object, tokens: torch.Tensor, *rest: object, **more: object) -> object:
        if model.training:  # type: ignore[attr-defined]
            sizes.append(len(tokens))
        if len(tokens) > 2 and len(sizes) > 4:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return original(model, tokens, *rest, **more)  # type: ignore[arg-type]

    original = module.elbo
    resume = tmp_path / "resume.safetensors"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "elbo", small_device)
        with pytest.warns(MemoryWarning) as warned:
            _, record = train(data, data, vocabulary, scales, plain, config, resume_file=resume)
    told = [str(w.message) for w in warned if w.category is MemoryWarning]
    assert [t[:70] for t in told] == [t[:70] for t in record.warnings if "memory" in t]
    assert ["with 8 molecules" in told[0], "with 4 molecules" in told[1], len(told)] == [True, True, 2]
    _, whole_record = train(data, data, vocabulary, scales, plain, config)
    assert record.history[-1]["step"] == whole_record.history[-1]["step"]
    assert record.history[-1]["molecules"] == whole_record.history[-1]["molecules"]
    assert record.best["without_z"] == pytest.approx(
        whole_record.best["without_z"], rel=0.05
    )  # other draws of z, no more
    assert sizes[-1] <= 2


def test_a_model_too_large_for_one_molecule_is_said(molecules: tuple, monkeypatch: pytest.MonkeyPatch) -> None:
    import chem_vae.training.module as module

    def full(*_: object, **__: object) -> object:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(module, "elbo", full)
    with pytest.warns(MemoryWarning), pytest.raises(TrainingError, match="smaller model"):
        train(molecules[0], *molecules, TINY, TrainingConfig(max_steps=2, batch_size=4))
