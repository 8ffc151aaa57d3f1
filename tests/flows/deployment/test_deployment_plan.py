"""A deployment is planned: what it is called, and what it needs to know of where the flows are."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from chem_vae.errors import UserError
from flows.deployment.deployment_plan import check_name, check_pool, list_python_path, plan_deployment
from pipeline.config import CampaignConfig
from pipeline.workspace.work import jobs


def test_another_process_finds_the_flows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/of/the/user")
    root, *others = list_python_path().split(os.pathsep)
    assert (Path(root) / "flows" / "campaign.py").is_file() and others == ["/of/the/user"]
    monkeypatch.delenv("PYTHONPATH")
    assert list_python_path() == root == str(jobs._ROOT)
    # without the .pth files of an installation in place, which would hide a wrong root
    script = f"import sys; sys.path.append({sysconfig.get_path('purelib')!r}); import flows.exit_codes as m; print(m.__file__)"
    done = subprocess.run(
        [sys.executable, "-S", "-c", script],
        env={"PYTHONPATH": root},
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(Path(root) / "flows" / "exit_codes.py")


@pytest.mark.parametrize("name", ["R&D", "a<b", "a>b", "a/b", "5%", "", " ", "night.py", "a\nb"])
def test_a_name_that_prefect_does_not_take_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="the name of a deployment cannot .*--name"):
        plan_deployment(CampaignConfig(), Path("w"), name=name, cron="0 2 * * *")
    with pytest.raises(UserError, match="the name of a work pool cannot .*--pool"):
        check_pool(name)


@pytest.mark.parametrize("name", ["prefect-x", "Prefect"])
def test_the_names_of_prefects_own_pools_are_refused(name: str) -> None:
    with pytest.raises(UserError, match="begin with prefect"):
        check_pool(name)
    assert check_pool("my prefect pool µ") and check_name("a deployment", name, "--name") == name


@pytest.mark.parametrize(
    ("score", "hint"), [(90, r"not 90; did you mean 0\.9\?"), (-0.1, "not -0.1$"), (float("nan"), "not nan$")]
)
def test_a_hit_score_that_no_score_is_is_refused(score: float, hint: str) -> None:
    with pytest.raises(UserError, match=f"--hit-score is from 0 to 1, as scores are, {hint}"):
        plan_deployment(CampaignConfig(), Path("w"), cron="0 2 * * *", hit_score=score)


def test_a_time_zone_without_a_schedule_is_refused() -> None:
    with pytest.raises(UserError, match="--timezone is that of a schedule"):
        plan_deployment(CampaignConfig(), Path("w"), timezone="Asia/Tokyo", needs_schedule=False)
