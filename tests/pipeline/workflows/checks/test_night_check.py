"""What a night will need is checked in the evening, also whether the model knows what is wanted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chem_vae.errors import UserError
from pipeline.config import load_config
from pipeline.models.trained_model import TrainedModel
from pipeline.workflows.checks.night_check import check_night
from pipeline.workflows.generate_run import generate_run
from pipeline.workspace.runs import Run

NONSENSE = {"generate.objectives.nonsense.maximize": True}
ASSAY = {"generate.objectives.assay.maximize": True}


@pytest.fixture(scope="module")
def night(model: TrainedModel, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that `update` goes on from, in a workspace of its own with a library beside it."""
    place = tmp_path_factory.mktemp("night")
    (place / "library.csv").write_text("SMILES\nCCO\n")
    config = load_config(None, {**ASSAY, "generate.n": 2, "generate.samples": 200}).generate
    return generate_run(model, None, config, place / "w", "first")


def check(flow: str, night: Run, settings: dict[str, Any]) -> None:
    workspace = night.folder.parent.parent
    library = {"screen.library": str(workspace.parent / "library.csv")} if flow == "screen" else {}
    asked = load_config(None, {**settings, **library})
    given = settings if flow == "update" else None
    check_night(flow, asked, workspace, dataset="latest", model=night.id, settings=given)


@pytest.mark.parametrize("flow", ["generate", "screen", "update"])
@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (NONSENSE, "unknown property of this model 'nonsense'"),
        ({"generate.constraints": [{"must_contain": "c1ccc"}], **ASSAY}, "'c1ccc' cannot be read as SMARTS"),
        ({"generate.constraints": [{"property": "mw", "at_most": 300}], "generate.objectives.mw.target": 400}, "no molecule can have mw"),
        ({"generate.allow_unusual": ["nonsense"], **ASSAY}, "nonsense"),
    ],
)  # fmt: skip
def test_what_cannot_be_had_is_told_in_the_evening(flow: str, settings: dict[str, Any], told: str, night: Run) -> None:
    with pytest.raises(UserError, match=told):
        check(flow, night, settings)


@pytest.mark.parametrize("flow", ["generate", "screen", "update"])
def test_what_the_model_knows_is_served(flow: str, night: Run) -> None:
    check(flow, night, ASSAY)


def test_a_library_is_chosen_from_by_an_objective(night: Run) -> None:
    with pytest.raises(UserError, match="say what is wanted of the molecules, as in --maximize NAME; the model knows"):
        check("screen", night, {})
    check("generate", night, {})


def test_a_strategy_that_cannot_aim_at_it_is_told(night: Run) -> None:
    with pytest.raises(UserError, match="learns from scored molecules"):
        check("generate", night, {**ASSAY, "generate.strategy": "genetic"})
    with pytest.raises(UserError, match="aim at a measured property"):
        check("generate", night, {"generate.objectives.logp.target": 2, "generate.strategy": "acquisition"})


def test_update_goes_by_the_settings_of_its_run(night: Run, tmp_path: Path) -> None:
    check("update", night, {})
    check("update", night, {"ingest.compute": ["logp", "mw", "tpsa"], "generate.objectives.tpsa.minimize": True})
    with pytest.raises(UserError, match="unknown property of this model 'tpsa'"):
        check("update", night, {"generate.objectives.tpsa.minimize": True})
    with pytest.raises(UserError, match="catalogue.csv"):
        check("update", night, {"screen.library": str(tmp_path / "catalogue.csv")})


def test_an_optimization_is_checked_with_its_oracle(night: Run) -> None:
    check("optimize", night, {"optimize.objectives.qed.maximize": True})
    with pytest.raises(UserError, match="nonsense"):
        check("optimize", night, {"optimize.objectives.nonsense.maximize": True})
    with pytest.raises(UserError, match="nonsense"):
        check("optimize", night, {"optimize.oracle.property": "qed", "optimize.objectives.nonsense.maximize": True})
