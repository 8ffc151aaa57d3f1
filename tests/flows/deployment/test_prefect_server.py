"""The server that all `chem-vae serve` of a machine share: it outlives the first, is started again when killed, and ends with the last."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import IO

import httpx
import pytest
from command_line import environment
from filelock import FileLock
from prefect.settings import PREFECT_API_URL, temporary_settings
from real_server import free_port, get, is_alive, list_children, until

from chem_vae.errors import ChemVAEError
from flows.deployment import prefect_server
from flows.deployment.prefect_server import use_server
from flows.deployment.server_process import has_users
from flows.exit_codes import explain_error

USER = """
import sys
from flows.environment import prepare_prefect
prepare_prefect()
from flows.deployment.prefect_server import use_server
with use_server() as url:
    print(url, flush=True)
    sys.stdin.read()
"""


def test_the_locks_of_the_dead_are_no_users(tmp_path: Path) -> None:
    (tmp_path / "users").mkdir()
    assert not has_users(tmp_path)
    (tmp_path / "users" / "dead.lock").touch()
    with FileLock(tmp_path / "users" / "alive.lock"):
        assert has_users(tmp_path)
        assert not (tmp_path / "users" / "dead.lock").exists()
    assert not has_users(tmp_path)


def use(home: Path, port: int, errors: IO[str] | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", USER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=home,
        env={**environment(home), "PREFECT_SERVER_API_PORT": str(port)},
    )  # fmt: skip


def is_gone(url: str) -> bool:
    try:
        return get(url, "/health") is None
    except httpx.TransportError:
        return True


def test_a_configured_server_is_waited_for(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It may start after us, as after a reboot; where it does not, a service is restarted, which exit code 2 would prevent."""
    answers: list[Exception | None] = [ConnectionError("refused"), ConnectionError("refused"), None]
    monkeypatch.setattr(prefect_server, "find_trouble", lambda url: answers.pop(0))
    monkeypatch.setattr(prefect_server.time, "sleep", lambda seconds: None)
    with temporary_settings({PREFECT_API_URL: "http://me:secret@late:4200/api"}), use_server():
        assert answers == []
    monkeypatch.setattr(prefect_server, "WAIT_SECONDS", 0.0)
    monkeypatch.setattr(prefect_server, "find_trouble", lambda url: ConnectionError("refused"))
    with (
        temporary_settings({PREFECT_API_URL: "http://me:secret@late:4200/api"}),
        pytest.raises(ChemVAEError, match="no Prefect server answers at .*late:4200/api") as told,
        use_server(),
    ):
        pass
    assert explain_error(told.value)[1] == 1
    assert "waiting for the Prefect server" in (said := capsys.readouterr().err)
    assert "secret" not in said + str(told.value)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_server_is_shared_and_left_behind_by_nobody(tmp_path: Path) -> None:
    port = free_port()
    first = use(tmp_path, port)
    second = None
    try:
        assert first.stdout is not None
        url = first.stdout.readline().strip()
        assert url == f"http://127.0.0.1:{port}/api"
        second = use(tmp_path, port)
        assert second.stdout is not None and second.stdout.readline().strip() == url
        server = list_children(first.pid)
        first.kill()
        first.wait()
        assert get(url, "/health"), "the second still uses it"

        for pid in server:
            if is_alive(pid):
                os.kill(pid, signal.SIGKILL)
        assert is_gone(url)
        until(lambda: get(url, "/health"), 300, second)  # started again by the one who is left
    finally:
        for process in (first, second):
            if process is not None:
                process.kill()
                process.wait()
    until(lambda: is_gone(url), 120)
    assert not (tmp_path / "prefect" / "chem-vae" / "server.json").exists()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_program_that_is_no_prefect_server_on_the_port_is_left_alone_and_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        log = tmp_path / "said.log"
        with log.open("w") as errors:
            process = use(tmp_path, port, errors)
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert url and f":{port}/" not in url and get(url, "/health")
            assert f"another program is on port {port}; PREFECT_SERVER_API_PORT=... chooses another" in log.read_text()
        finally:
            process.kill()
            process.wait()
    until(lambda: is_gone(url), 120)
