"""The list of settings holds every key of a configuration with its help."""

from __future__ import annotations

import pytest

from pipeline.config import CampaignConfig
from pipeline.workspace.setting_fields import list_settings


def test_tables_lists_and_dataclasses_are_walked() -> None:
    found = list_settings(CampaignConfig)
    assert found["generate.n"].kinds == (int,) and found["generate.n"].default == 100
    assert found["generate.objectives.*.range"].kinds == (float, float)
    assert found["optimize.constraints.*.must_contain"].kinds == (str,)
    assert found["optimize.start"].kinds == ("prior", "data", "best")
    assert found["train.training.epochs"].default is None
    assert found["train.training.epochs"].help.startswith("Passes over the training molecules. When not given: ten")
    assert "train.training" not in found and "generate.objectives" in found


@pytest.mark.parametrize("prefix", ["", "x."])
def test_a_prefix_comes_before_each_key(prefix: str) -> None:
    assert all(
        key == field.key and key.startswith(prefix) for key, field in list_settings(CampaignConfig, prefix).items()
    )
