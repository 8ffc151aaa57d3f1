"""Hashes of the training molecules: what is known is found, and hardly anything else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from chem_vae.errors import CheckpointError
from pipeline.models.trained_model import load_model
from pipeline.models.training_set.kept_molecules import read_kept_smiles
from pipeline.models.training_set.training_hashes import FILE, hash_smiles, read_training_hashes, write_training_hashes


def test_what_was_written_is_found(tmp_path: Path, sample_smiles: list[str]) -> None:
    known, others = sample_smiles[:2000], [s for s in sample_smiles[2000:] if s not in set(sample_smiles[:2000])]
    write_training_hashes(tmp_path, [*known, known[0]])
    found = read_training_hashes(tmp_path)
    assert found is not None and len(found) == len(set(known)) and all(found.find(known))
    assert sum(found.find(others)) == 0 and found.find([]) == []
    assert read_training_hashes(tmp_path / "elsewhere") is None


def test_stereo_counts_and_can_be_left_out(tmp_path: Path) -> None:
    write_training_hashes(tmp_path, ["C[C@H](N)C(=O)O", "[2H]OC", "F/C=C/F", "CCO"])
    found = read_training_hashes(tmp_path)
    assert found is not None
    asked = ["C[C@@H](N)C(=O)O", "CC(N)C(=O)O", "F/C=C\\F", "CCO", "CCN"]
    assert found.find(asked) == [False, False, False, True, False]
    assert found.find(asked, stereo_blind=True) == [True, True, True, True, False]


def test_the_same_molecules_are_the_same_file_and_a_damaged_one_is_told(tmp_path: Path) -> None:
    first = write_training_hashes(tmp_path, ["CCO", "CCN"]).read_bytes()
    assert write_training_hashes(tmp_path, ["CCN", "CCO", "CCO"]).read_bytes() == first
    assert hash_smiles(["CCO"]).dtype == np.uint32
    (tmp_path / FILE).write_bytes(first[:40])
    with pytest.raises(CheckpointError, match="damaged"):
        read_training_hashes(tmp_path)


def test_the_shipped_model_knows_its_training_molecules(tmp_path: Path, sample_smiles: list[str]) -> None:
    moses = load_model("moses", tmp_path)
    found = read_training_hashes(moses.folder)
    assert found is not None and len(found) > 1_500_000
    assert all(found.find(read_kept_smiles(moses))) and not any(
        found.find(["CCO", "c1ccccc1", "CC(=O)Oc1ccccc1C(=O)O"])
    )
