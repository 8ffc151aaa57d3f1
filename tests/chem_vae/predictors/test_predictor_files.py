"""The file of predictors: what is damaged is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from chem_vae.errors import CheckpointError
from chem_vae.predictors.predictor_files import StoredPredictors, save_predictors
from chem_vae.predictors.predictor_fit import fit_predictor


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.safetensors").write_bytes(b"\x80\x04rubbish")
    with pytest.raises(CheckpointError, match="damaged"):
        StoredPredictors(tmp_path / "p.safetensors")


def test_a_model_without_predictors_has_a_file_too(tmp_path: Path) -> None:
    save_predictors({}, tmp_path / "p.safetensors")
    assert StoredPredictors(tmp_path / "p.safetensors") == {}


def test_a_predictor_is_built_when_it_is_asked_for(tmp_path: Path) -> None:
    """The file is read without BoTorch, whose loading takes a second, and a damaged predictor is refused when it is used."""
    z = torch.randn(30, 4, generator=torch.Generator().manual_seed(0))
    save_predictors({"logp": fit_predictor(z, z[:, 0])}, tmp_path / "p.safetensors")
    look = (
        "import sys; from pathlib import Path; from chem_vae.predictors.predictor_files import StoredPredictors\n"
        f"found = StoredPredictors(Path({str(tmp_path / 'p.safetensors')!r}), 4)\n"
        "assert 'logp' in found and 'qed' not in found and list(found) == ['logp']\n"
        "assert 'botorch' not in sys.modules; found['logp']; assert 'botorch' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", look], check=True)
    stored = StoredPredictors(tmp_path / "p.safetensors", 5)
    with pytest.raises(CheckpointError, match="its predictor of logp predicts nothing"):
        stored["logp"]
