"""The plan of a training: its conditions."""

from __future__ import annotations

import pytest

from chem_vae.errors import UserError
from pipeline.datasets.dataset import Dataset
from pipeline.training.config import TrainConfig
from pipeline.training.plan import choose_conditions


def test_a_condition_that_is_named_twice_is_one(dataset: Dataset) -> None:
    assert choose_conditions(dataset, TrainConfig(conditions=("logp", "mw", "LogP", "logp"))) == ["logp", "mw"]
    assert choose_conditions(dataset, TrainConfig()) == ["logp", "mw", "assay"]
    assert choose_conditions(dataset, TrainConfig(conditions=("Potency", "mw")), ("potency",)) == ["mw"]
    with pytest.raises(UserError, match="'logq'"):
        choose_conditions(dataset, TrainConfig(conditions=("logq",)))
