"""A request that cannot work out is told before the work; reading settings alone loads no RDKit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import pipeline as mg
from chem_vae.errors import ChemVAEWarning, DataError, UserError
from pipeline.config import CampaignConfig, load_config
from pipeline.datasets.dataset import Dataset
from pipeline.datasets.labels.label_checks import Finding
from pipeline.models.trained_model import load_model
from pipeline.objectives.config import Objective
from pipeline.optimization.config import OptimizeConfig
from pipeline.workflows.checks.preflight import check_goals, check_request, judge_goal
from pipeline.workflows.optimize_run import optimize_run

TABLE = """
[optimize.objectives]
logp = { transform = "sigmoid", low = 1, high = 3 }
[[optimize.constraints]]
name = "keep the ring"
must_contain = "c1cc"
[[optimize.constraints]]
similarity_to = "CCO"
at_least = 0.4
"""
NAMED = "the constraint 'keep the ring' cannot be checked: 'c1cc' cannot be read as SMARTS"


def test_reading_settings_loads_no_rdkit_and_no_torch(tmp_path: Path) -> None:
    path = tmp_path / "campaign.toml"
    path.write_text(TABLE)
    code = (
        "import sys; from pathlib import Path; from pipeline.config import load_config\n"
        "assert len(load_config(Path(sys.argv[1])).optimize.constraints) == 2\n"
        "loaded = {'rdkit', 'torch'} & set(sys.modules); assert not loaded, loaded"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_constraint_that_cannot_be_read_is_named_before_the_work(tmp_path: Path) -> None:
    path = tmp_path / "campaign.toml"
    path.write_text(TABLE)
    with pytest.raises(UserError, match=NAMED):
        check_request(load_config(path))


def test_an_optimization_names_it_before_the_oracle_is_asked(tmp_path: Path) -> None:
    constraint = {"name": "keep the ring", "must_contain": "c1cc"}

    def never(smiles: list[str]) -> list[float]:
        raise AssertionError("it was asked")

    with pytest.raises(UserError, match=NAMED):
        mg.optimize(load_model("moses"), never, 5, constraints=[constraint], folder=tmp_path / "calls")
    config = OptimizeConfig.model_validate({"objectives": {"qed": {"maximize": True}}, "constraints": [constraint]})
    with pytest.raises(UserError, match=NAMED):
        optimize_run(load_model("moses"), config, tmp_path, "named", oracle=never)
    assert not list(tmp_path.iterdir())


KNOWN = np.array([4.0, 5.0, 6.0, 7.0])
CLASSES = np.array([0.0, 1.0, 1.0, 0.0])


@pytest.mark.parametrize(
    ("objective", "values", "told"),
    [
        ({"target": 50.0}, KNOWN, "assay 50 lies outside the training data (4 to 7): no known molecule is near it"),
        ({"range": (8.0, 9.0)}, KNOWN, "assay 8 to 9 lies outside the training data"),
        ({"range": (8.0, None)}, KNOWN, "assay at least 8 lies outside the training data"),
        ({"transform": "step", "low": 8.0}, KNOWN, "assay step from 8 lies outside the training data"),
        ({"maximize": True, "low": 4.0}, KNOWN, "assay at least 4: all known molecules are hits already"),
        ({"minimize": True, "high": 3.0}, KNOWN, "assay at most 3 lies outside the training data"),
        ({"maximize": True, "low": 6.0}, KNOWN, None),
        ({"target": 6.5}, KNOWN, None),
        ({"maximize": True}, KNOWN, None),
        ({"maximize": True}, CLASSES, None),
        ({"target": 1.0}, CLASSES, None),
        ({"maximize": True, "low": 0.7}, CLASSES, None),
    ],
)
def test_a_goal_that_none_or_all_reach_is_said(
    objective: dict[str, object], values: NDArray[np.float64], told: str | None
) -> None:
    found = judge_goal("assay", Objective.model_validate(objective), values)
    assert found is None if told is None else found is not None and told in found


def test_a_goal_that_is_neither_class_is_refused() -> None:
    with pytest.raises(
        UserError, match=r"two classes, 0 and 1, and 8 is neither: ask for --maximize assay \(the probability of 1\)"
    ):
        judge_goal("assay", Objective(target=8.0), CLASSES)
    with pytest.raises(UserError, match="2 to 3 is neither"):
        judge_goal("assay", Objective(range=(2.0, 3.0)), CLASSES)


def test_labels_that_cannot_teach_stop_a_campaign_before_its_training(
    dataset: Dataset, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(_: Dataset) -> list[Finding]:
        return [Finding("assay", "assay is flat", stops=True)]

    monkeypatch.setattr("pipeline.datasets.labels.label_checks.find_label_problems", find)
    config = CampaignConfig.model_validate({"generate": {"objectives": {"assay": {"maximize": True}}}})
    with pytest.raises(DataError, match="assay is flat"):
        check_goals(config, dataset)
    accepted = config.train.model_copy(update={"check_labels": False})
    check_goals(config.model_copy(update={"train": accepted}), dataset)


def test_a_far_goal_warns_before_the_training(dataset: Dataset) -> None:
    config = CampaignConfig.model_validate({"generate": {"objectives": {"assay": {"target": 500.0}}}})
    with pytest.warns(ChemVAEWarning, match="assay 500 lies outside the training data"):
        check_goals(config, dataset)


@pytest.mark.parametrize(
    ("properties", "log", "aim", "said"),
    [
        ("IC50=nM", True, {"IC50": {"target": 10}}, "--target 'pIC50=8'"),
        ("IC50=uM", True, {"IC50": {"target": 10}}, "--target 'pIC50=5'"),
        ("IC50 (nM)", True, {"IC50 (nM)": {"minimize": True}}, "--maximize 'pIC50'"),
        ("IC50", True, {"IC50": {"range": (1, 10)}}, "--range 'pIC50=8:9', if IC50 is in nM"),
        ("yield=%", True, {"yield": {"target": 10}}, "--target 'log yield=1'"),
        ("IC50=uM", False, {"pIC50": {"target": 8}}, "--property 'IC50=uM' --log"),
    ],
)
def test_a_raw_value_and_its_logarithm_are_told_apart(properties: str, log: bool, aim: dict, said: str) -> None:
    config = CampaignConfig.model_validate(
        {"ingest": {"properties": properties, "log": log}, "generate": {"objectives": aim}}
    )
    with pytest.raises(UserError) as error:
        check_request(config)
    assert said in str(error.value)
