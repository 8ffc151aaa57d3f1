"""The flow `generate` without a server."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from chem_vae.errors import DataError
from flows import tasks
from flows.generate import generate_candidates
from pipeline.config import CampaignConfig
from pipeline.models.trained_model import TrainedModel


def test_the_model_is_opened_in_its_workspace(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A model of another folder finds the dataset that it was trained on only where it knows the workspace."""
    opened: list[Any] = []

    def refuse(*given: Any, **settings: Any) -> None:
        opened.append((given, settings))
        raise DataError("that is enough")

    monkeypatch.setattr(tasks, "get_run_logger", lambda: logging.getLogger("test"))
    monkeypatch.setattr(TrainedModel, "open", refuse)
    monkeypatch.setattr("flows.artifacts.ProgressArtifacts", lambda every: None)
    state: Any = generate_candidates.fn("model", None, CampaignConfig(), tmp_path)
    assert state.message == "that is enough"
    assert opened == [((Path("model"),), {"workspace": tmp_path})]
