"""The file of predictors: what is damaged is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from chem_vae.errors import CheckpointError
from chem_vae.predictor_files import load_predictors, save_predictors


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.safetensors").write_bytes(b"\x80\x04rubbish")
    with pytest.raises(CheckpointError, match="damaged"):
        load_predictors(tmp_path / "p.safetensors")


def test_a_model_without_predictors_has_a_file_too(tmp_path: Path) -> None:
    save_predictors({}, tmp_path / "p.safetensors")
    assert load_predictors(tmp_path / "p.safetensors") == {}
