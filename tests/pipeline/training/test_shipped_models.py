"""Shipped models are found by their names."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from signing import sign_again

import pipeline as mg
from chem_vae.errors import DataError, UserError
from pipeline.datasets.dataset import Dataset
from pipeline.models.trained_model import TrainedModel, load_model
from pipeline.workspace.lookup import find_model, list_shipped_models, write_model_name


def test_a_shipped_model_is_had_by_its_name_with_no_workspace(shipped: Path, tmp_path: Path) -> None:
    assert list_shipped_models() == {"tiny": shipped}
    nowhere = tmp_path / "nowhere"
    assert load_model("tiny", nowhere).folder == shipped
    assert write_model_name(shipped) == "tiny"
    with pytest.raises(DataError, match="--model tiny"):
        find_model("latest", nowhere)
    with pytest.raises(UserError, match="did you mean 'tiny'"):
        find_model("tinny", nowhere)
    found = mg.generate(load_model("tiny", nowhere), n=2, samples=20)
    assert any("novelty" in w for w in found.warnings)


def test_the_plain_name_is_the_shipped_model_and_the_folders_name_the_workspaces(
    shipped: Path, workspace: Path
) -> None:
    own = workspace / "models" / "tiny-0123abcd"
    shutil.copytree(shipped, own)
    try:
        assert find_model("tiny", workspace) == shipped
        assert find_model("tiny-0123abcd", workspace) == own
    finally:
        shutil.rmtree(own)


def test_a_shipped_models_data_is_found_in_the_workspace_by_its_key(
    shipped: Path, workspace: Path, dataset: Dataset
) -> None:
    assert TrainedModel.open(shipped).dataset() is None
    found = load_model("tiny", workspace).dataset()
    assert found is not None and found.key == dataset.key
    renamed = json.loads((shipped / "manifest.json").read_text())
    renamed["card"]["dataset"] |= {"key": "another", "folder": "elsewhere"}
    sign_again(shipped, renamed)
    assert load_model("tiny", workspace).dataset() is None  # the name of a user's file promises nothing
