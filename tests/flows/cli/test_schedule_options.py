"""What is run on a schedule has one name: that of the settings, else of the deployment, else of the flow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chem_vae.errors import UserError
from flows.cli.given import Given
from flows.cli.options import SET
from flows.cli.schedule_options import NAME, make_plan

SCREEN = ["screen.library=moses-sample", "generate.objectives.qed.maximize=true"]
OPTIMIZE = ["optimize.objectives.qed.maximize=true"]


@pytest.fixture(autouse=True)
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a plan be made without the model that its runs need."""
    monkeypatch.setattr("flows.deployment.deployment_plan.check_night", lambda *args, **kwargs: None)


def plan(workspace: Path, flow: str, name: str | None, settings: list[str], config: Path | None = None) -> Any:
    given = Given((NAME, SET), {"setting__name": name, "setting__set": settings})
    return make_plan(given, config, workspace, flow=flow, data=None, cron="0 2 * * *", timezone="UTC")


@pytest.mark.parametrize(
    ("flow", "settings"), [("screen", SCREEN), ("generate", []), ("optimize", OPTIMIZE), ("campaign", [])]
)
def test_runs_bear_the_name_of_the_deployment_or_of_the_flow(flow: str, settings: list[str], tmp_path: Path) -> None:
    for name in ("kin", None):
        made = plan(tmp_path, flow, name, settings)
        told = made.parameters["config"] if flow == "campaign" else made.parameters
        assert made.name == told["name"] == (name or flow)


def test_the_name_in_the_settings_stays_that_of_the_runs(tmp_path: Path) -> None:
    config = tmp_path / "nightly.toml"
    config.write_text('name = "nightly"\n')
    made = plan(tmp_path, "generate", "kin", [], config)
    assert (made.name, made.parameters["name"]) == ("kin", "nightly")
    assert plan(tmp_path, "generate", None, [], config).name == "nightly"


def test_a_name_that_no_run_can_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="name"):
        plan(tmp_path, "generate", "my night", [])
