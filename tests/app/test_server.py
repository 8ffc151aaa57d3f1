"""The files that the app sends: those of runs and the libraries of its pages, and nothing else of the disk."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from flows.app.context import AppContext
from flows.app.server import add_files
from pipeline.report.html.libraries import list_libraries

OLD = Path(__file__).parent.parent / "old_formats" / "workspace"


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    shutil.copytree(OLD / "runs", tmp_path / "runs")
    (tmp_path / "runs" / find_run() / "report.html").write_text("<h1>report</h1>")
    (tmp_path / "secret.txt").write_text("secret")
    app = FastAPI()
    add_files(app, AppContext(tmp_path.resolve()))
    return TestClient(app)


def find_run() -> str:
    return next((OLD / "runs").glob("*/report.json")).parent.name


def test_a_report_is_shown_and_a_table_is_downloaded(client: TestClient) -> None:
    report = client.get(f"/files/runs/{find_run()}/report.html")
    assert report.status_code == 200 and "inline" in report.headers["content-disposition"]
    assert "default-src 'self'" in report.headers["content-security-policy"]
    table = client.get(f"/files/runs/{find_run()}/candidates.csv")
    assert table.headers["content-disposition"] == f'attachment; filename="{find_run()}-candidates.csv"'


@pytest.mark.parametrize(
    "path",
    ["secret.txt", "runs/../secret.txt", "runs/%2e%2e/secret.txt", "runs/RUN/model/model.json", "runs/RUN/../../secret.txt",
     "runs/RUN", "runs/RUN/nothing", "failed/RUN/report.html", "jobs/x/job.json", "%00", "runs/RUN/..%2f..%2fsecret.txt"],
)  # fmt: skip
def test_nothing_else_is_sent(client: TestClient, path: str) -> None:
    answer = client.get(f"/files/{path.replace('RUN', find_run())}")
    assert answer.status_code == 404 and "secret" not in answer.text


def test_the_libraries_of_pages_are_sent_as_they_are_kept(client: TestClient) -> None:
    for library in list_libraries():
        answer = client.get(f"/libraries/{library.file}")
        assert hashlib.sha256(answer.content).hexdigest() == library.sha256
    for name in ("libraries.csv", "..%2fmodel.py", "none.js"):
        assert client.get(f"/libraries/{name}").status_code == 404


def test_a_link_out_of_a_run_is_not_followed(client: TestClient, tmp_path: Path) -> None:
    report = tmp_path / "runs" / find_run() / "report.html"
    report.unlink()
    report.symlink_to(tmp_path / "secret.txt")
    assert client.get(f"/files/runs/{find_run()}/report.html").status_code == 404
