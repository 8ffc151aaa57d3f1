"""`chem-vae serve` stopped, killed and doubled, against a real Prefect server: no run stays Running, and none is lost."""

from __future__ import annotations

import json
import signal
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from real_server import Server, end, get, is_alive, kill_all, list_children, list_runs, post, start_command, until

LONG = ("train.training.epochs=150", "train.training.batch_size=8", "train.training.checkpoint_seconds=1")
CRON = "0 2 * * *"


def serve(home: Path, server: Server, config: Path, *more: str) -> subprocess.Popen[str]:
    arguments = ["serve", "--config", str(config), "--cron", CRON, "--timezone", "UTC", *more]
    for setting in LONG:
        arguments += ["--set", setting]
    return start_command(home, *arguments, PREFECT_API_URL=server.url, OMP_NUM_THREADS="1")


def schedule_last_night(server: Server, deployment: str) -> str:
    """Let the server schedule the run of the last night, as if it had been made before it; return its id."""
    last = datetime.now(UTC).replace(hour=2, minute=0, second=0, microsecond=0)
    last -= timedelta(days=1) * (last > datetime.now(UTC))
    body = {"start_time": last.isoformat(), "end_time": last.isoformat(), "min_time": 0, "min_runs": 1, "max_runs": 1}
    post(f"{server.url}/deployments/{deployment}/schedule", body)
    return str(list_runs(server.url, deployment)[0]["id"])


def read_run(server: Server, run: str) -> dict[str, Any]:
    return dict(get(server.url, f"/flow_runs/{run}"))


def start_run(server: Server, home: Path, process: subprocess.Popen[str], name: str = "tiny") -> tuple[str, str]:
    """Begin the run of the last night, and wait until its training has a checkpoint: the deployment's id and the run's."""
    path = f"/deployments/name/campaign/{name}"
    deployment = until(lambda: get(server.url, path), 400, process)["id"]
    run = schedule_last_night(server, deployment)
    until(lambda: list(home.glob("workspace/models/*.partial/resume.safetensors")), 600, process)
    return deployment, run


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_serve_that_is_stopped_leaves_no_run_running(
    real_server: Server, tmp_path: Path, config: Path, how: signal.Signals
) -> None:
    process = serve(tmp_path, real_server, config, "--set", f"name=stop{int(how)}")
    try:
        _, run = start_run(real_server, tmp_path, process, f"stop{int(how)}")
        below = list_children(process.pid)
        assert below
    finally:
        end(process, how)
    assert process.returncode == 0
    assert read_run(real_server, run)["state_type"] == "CRASHED"
    assert not [pid for pid in below if is_alive(pid)]
    told = json.loads(next(tmp_path.glob("workspace/failed/*/failure.json")).read_text())
    assert told["state"] == "Crashed" and told["reason"] and any("under way: models/" in step for step in told["steps"])
    assert "Traceback" not in next(tmp_path.glob("serve-*.log")).read_text()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_killed_serve_is_made_good_by_the_next(real_server: Server, tmp_path: Path, config: Path) -> None:
    process = serve(tmp_path, real_server, config, "--set", "name=killed")
    try:
        deployment, run = start_run(real_server, tmp_path, process, "killed")
        below = list_children(process.pid)
    finally:
        kill_all(process, children=False)
    until(lambda: not [pid for pid in below if is_alive(pid)], 30)
    again = serve(tmp_path, real_server, config, "--set", "name=killed")
    try:
        until(
            lambda: (found := read_run(real_server, run))["run_count"] == 2 and found["state_type"] == "RUNNING",
            600,
            again,
        )
        until(lambda: read_run(real_server, run)["state_type"] == "COMPLETED", 900, again)
        assert len([r for r in list_runs(real_server.url, deployment) if r["state_type"] != "SCHEDULED"]) == 1
    finally:
        end(again)
    assert len(list(tmp_path.glob("workspace/runs/*/manifest.json"))) == 1


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_second_serve_of_the_same_name_is_refused_or_takes_over_when_told(
    real_server: Server, tmp_path: Path, config: Path
) -> None:
    first = serve(tmp_path, real_server, config, "--set", "name=twice")
    second = None
    try:
        path = "/deployments/name/campaign/twice"
        before = until(lambda: get(real_server.url, path), 300, first)
        refused = serve(tmp_path, real_server, config, "--set", "name=twice", "--workspace", "elsewhere")
        assert refused.wait(timeout=300) == 2
        said = max(tmp_path.glob("serve-*.log"), key=lambda p: int(p.stem.partition("-")[2])).read_text()
        assert f"campaign/twice is served already by the process {first.pid}" in said and "--replace" in said
        assert get(real_server.url, path)["parameters"] == before["parameters"]
        second = serve(tmp_path, real_server, config, "--set", "name=twice", "--workspace", "elsewhere", "--replace")
        until(lambda: get(real_server.url, path)["parameters"]["workspace"].endswith("elsewhere"), 300, second)
        assert first.wait(timeout=60) == 0
    finally:
        end(first)
        if second is not None:
            end(second)
