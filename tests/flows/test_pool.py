"""Work pool, worker and server killed mid-run, against a real Prefect server: later nights run, and notifications arrive."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from command_line import environment
from real_server import Server, end, get, kill_all, list_runs, post, run_server, start_command, until

from flows.environment import RUN_SETTINGS

CRON = ("--cron", "0 2 * * *", "--timezone", "UTC")
LONG = ("--set", "train.training.epochs=100000", "--set", "train.training.checkpoint_seconds=1")


@pytest.fixture
def webhook() -> Iterator[tuple[str, list[str]]]:
    """The address of a webhook, and the texts that were posted to it."""
    texts: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            texts.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/", texts
    server.shutdown()


def deploy(home: Path, server: Server, config: Path, *more: str) -> str:
    """Deploy the campaign to a pool; return the deployment's id."""
    process = start_command(home, "deploy", "--config", str(config), *CRON, *more, PREFECT_API_URL=server.url)
    assert process.wait(timeout=400) == 0, "".join(path.read_text() for path in home.glob("deploy-*.log"))
    return str(get(server.url, "/deployments/name/campaign/tiny")["id"])


def start_worker(home: Path, server: Server, pool: str) -> subprocess.Popen[str]:
    with (home / "worker.log").open("a") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "prefect", "worker", "start", "--pool", pool],
            cwd=home, stdout=log, stderr=log, text=True,
            env={**environment(home), **RUN_SETTINGS, "PREFECT_API_URL": server.url, "PREFECT_WORKER_QUERY_SECONDS": "2"},
        )  # fmt: skip


def schedule_night(server: Server, deployment: str, ago: int) -> str:
    """Let the server schedule the run of a night that is over; return its id."""
    night = datetime.now(UTC).replace(hour=2, minute=0, second=0, microsecond=0) - timedelta(days=ago)
    body = {"start_time": night.isoformat(), "end_time": night.isoformat(), "min_time": 0, "min_runs": 1, "max_runs": 1}
    before = {run["id"] for run in list_runs(server.url, deployment)}
    post(f"{server.url}/deployments/{deployment}/schedule", body)
    return str(next(run["id"] for run in list_runs(server.url, deployment) if run["id"] not in before))


def state_of(server: Server, run: str) -> str:
    return str(get(server.url, f"/flow_runs/{run}")["state_type"])


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_night_killed_with_its_worker_does_not_stop_the_later_ones(
    real_server: Server, tmp_path: Path, config: Path, webhook: tuple[str, list[str]]
) -> None:
    """The pool has one place. The killed run gives it free by itself, a notification is sent, and the next night runs."""
    address, texts = webhook
    pool = f"pool-{os.getpid()}"
    more = (
        "--pool",
        pool,
        "--dead-after",
        "45",
        "--notify",
        address,
        "--hit-score",
        "0",
        "--workspace",
        "workspace",
        "--set",
        "generate.seed='date'",
    )
    deployment = deploy(tmp_path, real_server, config, *more, *LONG)
    worker = start_worker(tmp_path, real_server, pool)
    try:
        first = schedule_night(real_server, deployment, 3)
        until(lambda: list(tmp_path.glob("workspace/models/*.partial/resume.safetensors")), 600, worker)
    finally:
        kill_all(worker)
    assert state_of(real_server, first) == "RUNNING"
    deploy(tmp_path, real_server, config, *more)  # the later nights are short
    later = [schedule_night(real_server, deployment, ago) for ago in (2, 1)]
    worker = start_worker(tmp_path, real_server, pool)
    try:
        until(lambda: state_of(real_server, first) == "CRASHED", 300, worker)
        until(lambda: state_of(real_server, later[1]) == "COMPLETED", 900, worker)
        until(lambda: state_of(real_server, later[0]) == "COMPLETED", 60, worker)
        assert get(real_server.url, f"/flow_runs/{later[0]}")["state_name"] == "Skipped", (
            "missed nights are made up once"
        )
        until(lambda: any("a hit in tiny" in text for text in texts), 120)
    finally:
        end(worker)
    run = json.loads(next(tmp_path.glob("workspace/runs/*/manifest.json")).read_text())
    assert run["seed"] == (datetime.now(UTC) - timedelta(days=1)).date().toordinal(), (
        "the date that it was scheduled for"
    )


@pytest.mark.slow
def test_notifications_of_failures_of_nothing_new_and_of_hits(
    real_server: Server, tmp_path: Path, webhook: tuple[str, list[str]]
) -> None:
    """The automations are made twice and doubled never; each event of the deployment's runs sends one text to the webhook."""
    address, texts = webhook
    script = tmp_path / "tell.py"
    script.write_text(
        "import subprocess, sys, types\n"
        "from prefect import flow\n"
        "from prefect.client.orchestration import get_client\n"
        "from flows.deployment.automations import set_up_automations\n"
        "from flows.deployment.events import tell_finished\n"
        "def run(count):\n"
        "    return types.SimpleNamespace(id='r', manifest={'candidates': count, 'name': 'tiny'})\n"
        "@flow\n"
        "def night():\n"
        "    tell_finished(run(0), None, 0.5, 'report-of-none')\n"
        "    tell_finished(run(3), {'smiles': 'CCO', 'score': 0.4}, 0.5, 'report-of-few')\n"
        "    tell_finished(run(3), {'smiles': 'CCN', 'score': 0.9}, 0.5, 'report-of-a-hit')\n"
        "@flow\n"
        "def fail():\n"
        "    raise ValueError('on purpose')\n"
        "if __name__ == '__main__':\n"
        "    for each in (night, fail):\n"
        "        made = each.to_deployment('told').apply()\n"
        "        with get_client(sync_client=True) as client:\n"
        "            for _ in range(2):\n"
        "                set_up_automations(client, made, f'{each.name}/told', None, sys.argv[1])\n"
        "            told = client.create_flow_run_from_deployment(made)\n"
        "        subprocess.run([sys.executable, '-m', 'prefect', 'flow-run', 'execute', str(told.id)])\n"
        "    night()\n"
    )
    done = subprocess.run(
        [sys.executable, str(script), address], cwd=tmp_path, capture_output=True, text=True, timeout=300,
        env={**environment(tmp_path), "PREFECT_API_URL": real_server.url},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    until(lambda: len(texts) >= 3, 120)
    told = "\n".join(texts)
    assert "nothing new from tiny" in told and "report-of-none" in told
    assert "a hit in tiny" in told and "CCN has a score of 0.9" in told and "CCO" not in told
    assert "Failed" in told and "on purpose" in told
    names = [item["name"] for item in post(f"{real_server.url}/automations/filter", {})]
    assert len([name for name in names if name.endswith(("night/told", "fail/told"))]) == 8
    assert len(names) == len({*names})
    time.sleep(5)
    assert len([text for text in texts if "nothing new" in text]) == 1, "the run without a deployment is not told"


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_run_goes_on_while_the_server_restarts(tmp_path: Path, config: Path) -> None:
    """The server is gone for 26 seconds in the middle of a run, which ends well all the same, at its first try."""
    with run_server(tmp_path) as server:
        settings = ("--set", "train.training.epochs=400", "--set", "train.training.checkpoint_seconds=1")
        process = start_command(
            tmp_path, "serve", "--config", str(config), *CRON, *settings, "--reports-port", "4390",
            PREFECT_API_URL=server.url, OMP_NUM_THREADS="1",
        )  # fmt: skip
        try:
            deployment = until(lambda: get(server.url, "/deployments/name/campaign/tiny"), 300, process)["id"]
            run = schedule_night(server, deployment, 1)
            until(lambda: list(tmp_path.glob("workspace/models/*.partial/resume.safetensors")), 600, process)
            server.stop()
            time.sleep(26)
            server.start()
            until(lambda: state_of(server, run) == "COMPLETED", 900, process)
            assert get(server.url, f"/flow_runs/{run}")["run_count"] == 1
        finally:
            end(process)
