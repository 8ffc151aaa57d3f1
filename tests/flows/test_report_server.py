"""The reports by http: the files of runs, and nothing else of the disk."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from chem_vae.errors import UserError
from flows.report_server import ReportServer, open_report_server, show_reports


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A run with a report and a model, a run without a manifest, a failed run, and a secret beside them."""
    place = tmp_path / "workspace"
    run, half, failed = place / "runs" / "20261126-020000-night 1", place / "runs" / "half", place / "failed" / "bad"
    for folder in (run / "model", half, failed, place / "models" / "m"):
        folder.mkdir(parents=True)
    for file in (
        run / "report.html",
        run / "candidates.csv",
        run / "model" / "weights",
        half / "report.html",
        failed / "report.html",
    ):
        file.write_text(f"this is {file.name}")
    (run / "link.html").symlink_to(tmp_path / "secret")
    (run / "unlisted.txt").write_text("unlisted")
    (tmp_path / "secret").write_text("secret")
    (place / "models" / "m" / "model.json").write_text("{}")
    files = ["report.html", "candidates.csv", "model/weights", "link.html", "gone.html", "../../../secret"]
    (run / "manifest.json").write_text(json.dumps({"files": files}))
    return place


@pytest.fixture
def server(workspace: Path) -> Iterator[ReportServer]:
    server = open_report_server(workspace, "127.0.0.1", 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


RUN = "/runs/20261126-020000-night%201"


def test_the_files_of_runs_are_shown(server: ReportServer) -> None:
    page = httpx.get(server.address + RUN + "/report.html", trust_env=False)
    assert page.text == "this is report.html" and page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert httpx.get(server.address + RUN + "/candidates.csv", trust_env=False).text == "this is candidates.csv"
    index = httpx.get(server.address, trust_env=False).text
    assert RUN[1:] + "/report.html" in index and "bad (failed)" in index and "half" not in index


@pytest.mark.parametrize(
    "path",
    [
        f"{RUN}/../../../secret",
        f"{RUN}/..%2f..%2f..%2fsecret",
        "/runs/..%2f..%2fsecret/x",
        "/runs/../../secret",
        "//etc/passwd",
        "/etc/passwd",
        f"{RUN}/%2fetc%2fpasswd",
        f"{RUN}/link.html",
        f"{RUN}/unlisted.txt",
        f"{RUN}/gone.html",
        f"{RUN}/model/weights",
        f"{RUN}/manifest.json",
        f"{RUN}/",
        "/runs/half/report.html",
        "/models/m/model.json",
        "/failed/bad/other.txt",
        f"{RUN}/report.html%00.txt",
    ],
)
def test_nothing_else_of_the_disk_is_shown(server: ReportServer, path: str) -> None:
    with socket.create_connection(server.server_address[:2]) as sock:  # as it is: a client would tidy the path up
        sock.sendall(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode())
        answer = b"".join(iter(lambda: sock.recv(4096), b""))
    assert answer.split()[1] in (b"404", b"400") and b"secret" not in answer.partition(b"\r\n\r\n")[2]


def test_a_page_of_another_name_reads_nothing(server: ReportServer) -> None:
    """A page elsewhere whose name was turned into this machine's address does not get at the reports."""
    page = httpx.get(server.address + RUN + "/report.html", headers={"Host": "evil.example:80"}, trust_env=False)
    assert page.status_code == 403


def test_a_second_server_of_the_workspace_is_shared_and_another_takes_the_next_port(
    server: ReportServer, workspace: Path, tmp_path: Path
) -> None:
    port = int(server.server_address[1])
    with show_reports(workspace, port) as address:
        assert address == server.address
    with show_reports(tmp_path, port) as address:
        assert address != server.address and httpx.get(address, trust_env=False).status_code == 200
    with pytest.raises(UserError, match=f"another program is on port {port}"):
        open_report_server(workspace, "127.0.0.1", port)
