"""The command `reports`, started as a user starts it."""

from __future__ import annotations

import socket
from pathlib import Path

import httpx
from command_line import call_here, environment, refused
from real_server import end, free_port, start_command, until


def test_the_reports_are_shown_until_it_is_ended(tmp_path: Path) -> None:
    (tmp_path / "workspace" / "runs").mkdir(parents=True)
    port = free_port()
    process = start_command(tmp_path, "reports", "--port", str(port))
    try:
        answer = until(lambda: httpx.get(f"http://127.0.0.1:{port}/", trust_env=False), 120, process)
        assert answer.status_code == 200 and "html" in answer.headers["content-type"]
    finally:
        end(process)


def test_a_port_that_another_program_has_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = call_here(["reports", "--port", str(port)], tmp_path, environment(tmp_path))
    refused(done, f"another program is on port {port} of 127.0.0.1; give another one with --port")
