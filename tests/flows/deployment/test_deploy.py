"""`chem-vae serve` with a real Prefect server: a scheduled run fires, its artifacts can be read, a restart goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from command_line import ROOT, environment
from real_server import Server, ask, end, free_port, get, start_command, until

from chem_vae.errors import UserError
from flows.environment import RUN_SETTINGS


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("serve")


def serving(home: Path, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    return start_command(home, "serve", *arguments, **variables)


@pytest.mark.slow
def test_a_schedule_fires_and_survives_a_restart(real_server: Server, home: Path, molecules: Path) -> None:
    server = real_server.url
    config = home / "nightly.toml"
    config.write_text(
        f'name = "nightly"\n[ingest]\nsource = "{molecules}"\ncompute = ["logp"]\nmerges = 5\nworkers = 1\nlimit = 100\n'
    )
    arguments = ("--config", "nightly.toml", "--flow", "ingest", "--interval", "15", "--timezone", "Europe/Berlin")
    process = serving(home, *arguments, PREFECT_API_URL=server)
    try:
        deployment = until(lambda: get(server, "/deployments/name/ingest/nightly"), 400, process)
        finished = {
            "deployments": {"id": {"any_": [deployment["id"]]}},
            "flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}},
        }
        run = until(lambda: ask(server, "flow_runs", finished), 400, process)[0]
    finally:
        end(process)
    assert process.returncode == 0
    assert run["auto_scheduled"] is True
    shown = ask(server, "artifacts", {"flow_runs": {"id": {"any_": [run["id"]]}}})
    by_key = {artifact["key"]: artifact for artifact in shown}
    assert "100" in by_key["dataset"]["data"]
    assert by_key["progress-standardize"]["data"] == 100.0
    assert list((home / "workspace" / "datasets").glob("molecules-????????/manifest.json"))

    deployment = get(server, "/deployments/name/ingest/nightly")
    assert deployment["paused"] is False
    assert [schedule["active"] for schedule in deployment["schedules"]] == [True]
    assert deployment["schedules"][0]["schedule"]["timezone"] == "Europe/Berlin"

    # Paused by hand: serving again leaves it so, and doubles nothing. Switched on again, it goes on.
    httpx.post(f"{server}/deployments/{deployment['id']}/pause_deployment", trust_env=False).raise_for_status()
    assert get(server, "/deployments/name/ingest/nightly")["paused"] is True
    process = serving(home, *arguments, PREFECT_API_URL=server)
    try:
        log = max(home.glob("serve-*.log"), key=lambda path: path.stat().st_mtime_ns)
        until(lambda: "Ctrl-C stops serving" in log.read_text(), 400, process)
        assert "was paused by hand and stays so" in log.read_text()
        again = get(server, "/deployments/name/ingest/nightly")
        assert again["id"] == deployment["id"] and again["paused"] is True
        assert [schedule["active"] for schedule in again["schedules"]] == [True]
        assert again["schedules"][0]["schedule"]["anchor_date"] == deployment["schedules"][0]["schedule"]["anchor_date"]
    finally:
        end(process, signal.SIGINT)
    logs = [path.read_text() for path in home.glob("serve-*.log")]
    assert logs and all("stopped serving" in log and "Traceback" not in log for log in logs)


@pytest.mark.slow
def test_without_a_server_it_starts_one_and_stops_it(home: Path, config: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/api"
    process = serving(
        home, "--config", str(config), "--cron", "0 2 * * *", "--timezone", "UTC", PREFECT_SERVER_API_PORT=str(port)
    )
    try:
        deployment = until(lambda: get(url, "/deployments/name/campaign/tiny"), 400, process)
        assert deployment["schedules"][0]["schedule"]["cron"] == "0 2 * * *"
        assert deployment["parameters"]["config"]["generate"]["n"] == 5
        assert os.path.isabs(deployment["parameters"]["workspace"])
    finally:
        end(process)
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{url}/health", trust_env=False)


def test_prefect_yaml_holds_the_flows_as_they_are() -> None:
    """Every deployment of prefect.yaml names a flow that is there, parameters that it takes, and an active schedule."""
    import importlib

    from prefect.client.schemas.schedules import CronSchedule

    held = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    assert sorted(d["name"] for d in held) == [
        "campaign",
        "generate",
        "ingest",
        "optimize",
        "screen",
        "train",
        "update",
    ]
    for deployment in held:
        path, _, name = deployment["entrypoint"].partition(":")
        flow = getattr(importlib.import_module(path.removesuffix(".py").replace("/", ".")), name)
        flow.validate_parameters({**flow_defaults(flow), **deployment["parameters"]})
        assert "concurrency_limit" not in deployment, "a restarted server forgets its places, and crashes the run"
        assert deployment["work_pool"]["job_variables"]["env"] == RUN_SETTINGS
        assert deployment["work_pool"]["name"] == "chem-vae"
        for schedule in deployment["schedules"]:
            CronSchedule(cron=schedule["cron"], timezone=schedule["timezone"])


def flow_defaults(flow: Any) -> dict[str, Any]:
    import inspect

    return {name: p.default for name, p in inspect.signature(flow.fn).parameters.items()}


@pytest.mark.slow
def test_prefect_yaml_can_be_deployed_to_a_work_pool(real_server: Server, home: Path) -> None:
    server = real_server.url
    variables = {**environment(home), "PREFECT_API_URL": server, "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    for arguments in (["work-pool", "create", "chem-vae", "--type", "process"], ["--no-prompt", "deploy", "--all"]):
        done = subprocess.run(
            [sys.executable, "-m", "prefect", *arguments],
            cwd=ROOT, env=variables, capture_output=True, text=True, timeout=600,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    held = {
        name: get(server, f"/deployments/name/{name}/{name}")
        for name in ("campaign", "generate", "ingest", "optimize", "screen", "train", "update")
    }
    assert all(held.values()), held
    active = {name for name, d in held.items() if any(schedule["active"] for schedule in d["schedules"])}
    assert active == {"campaign"}
    assert not any(d["global_concurrency_limit"] for d in held.values())


def test_parameters_hold_absolute_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run starts in a folder of its own, from where a relative path leads nowhere."""
    from flows.deployment.deployment_plan import make_parameters
    from pipeline.config import CampaignConfig

    monkeypatch.chdir(tmp_path)
    (tmp_path / "base").mkdir()
    for name in ("my.csv", "base/model.json", "base/manifest.json"):
        (tmp_path / name).touch()
    config = CampaignConfig.model_validate(
        {"ingest": {"source": "my.csv"}, "train": {"start": "base"}, "screen": {"library": "my.csv"}}
    )
    base, source = str(tmp_path / "base"), str(tmp_path / "my.csv")
    campaign = make_parameters("campaign", config, Path("w"), "latest", "latest", None, {})
    assert (campaign["config"]["ingest"]["source"], campaign["config"]["train"]["start"]) == (source, base)
    train = make_parameters("train", config, Path("w"), "latest", "latest", None, {})
    assert (train["config"]["start"], train["dataset"], train["workspace"]) == (base, "latest", str(tmp_path / "w"))
    screen = make_parameters("screen", config, Path("w"), "latest", "base", None, {})
    assert (screen["library"]["library"], screen["model"]) == (source, base) and screen["config"]["n"] == 100
    update = make_parameters("update", config, Path("w"), "latest", "base", "new.csv", {"train.start": "base"})
    assert update["run"] == update["settings"]["train.start"] == base and update["data"] == str(tmp_path / "new.csv")
    given = {"library": "lib.sqlite", "publish": "../pub", "screen.library": "my.csv", "generate.n": 3}
    (tmp_path / "library").touch()
    update = make_parameters("update", config, Path("w"), "latest", None, "library", given)
    assert update["data"] == "library", "the measurements in the candidate library, as for chem-vae update"
    there = {"library": str(tmp_path / "lib.sqlite"), "publish": str(tmp_path.parent / "pub"), "screen.library": source}
    assert update["settings"] == {**there, "generate.n": 3}


def test_a_screening_needs_its_library() -> None:
    from flows.deployment.deployment_plan import make_parameters
    from pipeline.config import CampaignConfig

    with pytest.raises(
        UserError, match=r"needs a table \[screen\] in the configuration that says where the library is"
    ):
        make_parameters("screen", CampaignConfig(), Path("w"), "latest", None, None, {})


def test_the_settings_of_all_steps_reach_each_flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cluster, the candidate library and the least number of hits are no settings of the flow's own table."""
    from flows.deployment.deployment_plan import FLOWS, Plan, make_parameters
    from pipeline.config import CampaignConfig
    from pipeline.generation.config import ScreenConfig
    from pipeline.optimization.config import OptimizeConfig

    monkeypatch.chdir(tmp_path)
    config = CampaignConfig(
        dask="tcp://here:1", library="mine.sqlite", publish="share", fail_under=3, screen=ScreenConfig(library="catalogue.csv"),
        optimize=OptimizeConfig(objectives={"qed": {"maximize": True}}),
    )  # fmt: skip
    for name in FLOWS:
        made = make_parameters(name, config, tmp_path, "latest", None, "new.csv", {})
        settings = {**made, **(made["config"] if name == "campaign" else {})}
        if name in ("campaign", "generate", "screen", "optimize"):
            where = settings["library" if name == "campaign" else "candidate_library"]
            assert where == str(tmp_path / "mine.sqlite") and settings["fail_under"] == 3, name
        if name not in ("train", "update"):  # training runs on devices of its own; update takes those of its run
            assert settings["dask"] == "tcp://here:1", name
        assert settings["publish"] == str(tmp_path / "share"), name
        Plan(name, "x", made, None, "", tmp_path).flow.validate_parameters(made)
