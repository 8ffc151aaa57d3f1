"""A real Prefect server and `chem-vae serve` in processes of their own, and the requests that the tests send to them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from command_line import environment

from flows.environment import DEFAULTS


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def until(
    what: Callable[[], Any], seconds: float, process: subprocess.Popen[str] | None = None, every: float = 0.5
) -> Any:
    """Ask again and again until the answer is true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if answer := what():
                return answer
        except httpx.TransportError:
            pass
        if process is not None and process.poll() is not None:
            pytest.fail(f"ended with {process.returncode}")
        time.sleep(every)
    pytest.fail(f"not so after {seconds} s")


def get(url: str, path: str) -> Any:
    answer = httpx.get(url + path, trust_env=False, timeout=30)
    return answer.json() if answer.status_code == 200 else None


def post(url: str, body: dict[str, Any]) -> Any:
    """Send a request, again where the server's database was busy."""

    def send() -> httpx.Response | None:
        answer = httpx.post(url, json=body, trust_env=False, timeout=90)
        return None if answer.status_code == 503 else answer

    answer = until(send, 120)
    answer.raise_for_status()
    return answer.json() if answer.content else None


def ask(url: str, kind: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    return list(post(f"{url}/{kind}/filter", body))


def list_runs(url: str, deployment: str, *states: str) -> list[dict[str, Any]]:
    """The flow runs of a deployment by its id, by scheduled time; in the given types of states, or all."""
    body: dict[str, Any] = {"deployments": {"id": {"any_": [deployment]}}, "sort": "EXPECTED_START_TIME_ASC"}
    if states:
        body["flow_runs"] = {"state": {"type": {"any_": list(states)}}}
    return ask(url, "flow_runs", body)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def list_children(pid: int) -> list[int]:
    """The living processes below a process."""
    done = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True)
    pairs = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    found, left = [], [pid]
    while left:
        parent = left.pop()
        own = [child for child, above in pairs if above == parent]
        found += own
        left += own
    return [child for child in found if is_alive(child)]


def start_command(home: Path, *arguments: str, cwd: Path | None = None, **variables: str) -> subprocess.Popen[str]:
    """Start a command of chem-vae; its output goes into a log of its own below `home`."""
    log = (home / f"{arguments[0]}-{time.monotonic_ns()}.log").open("w")
    return subprocess.Popen(
        [sys.executable, "-m", "flows.cli", *arguments],
        cwd=cwd or home,
        env={**environment(home), **variables},
        stdout=log,
        stderr=log,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # the tests may run in the background
    )


def end(process: subprocess.Popen[str], how: signal.Signals = signal.SIGTERM) -> None:
    if process.poll() is None:
        process.send_signal(how)
    try:
        process.wait(timeout=90)
    except subprocess.TimeoutExpired:
        kill_all(process)
        pytest.fail("it did not end when asked to")


def kill_all(process: subprocess.Popen[str], children: bool = True) -> None:
    """Kill a process, and all below it unless told otherwise, without warning."""
    below = list_children(process.pid) if children else []
    for pid in (process.pid, *below):
        if is_alive(pid):
            os.kill(pid, signal.SIGKILL)
    process.wait()


@dataclass
class Server:
    """A real Prefect server, with its scheduler, on a port and with a database of its own."""

    home: Path
    port: int
    process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    def start(self) -> None:
        variables = {
            **environment(self.home),
            "PREFECT_API_URL": self.url,
            **DEFAULTS,
        }
        with (self.home / "server.log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(self.port)],
                env=variables, stdout=log, stderr=log, text=True,
            )  # fmt: skip
        until(lambda: get(self.url, "/health"), 600, self.process)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                kill_all(self.process)


@contextmanager
def run_server(home: Path) -> Iterator[Server]:
    server = Server(home, free_port())
    try:
        server.start()
        yield server
    finally:
        server.stop()
