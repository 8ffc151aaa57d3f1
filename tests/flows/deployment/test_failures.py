"""The account of a failed night bears the date of its own schedule and a name that the user knows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from flows.deployment.failures import write_failure

SCHEDULE = uuid4()


class Server:
    """Answers as Prefect's client does."""

    def read_deployment(self, id: Any) -> Any:
        return SimpleNamespace(name="kin")

    def read_deployments(self, deployment_filter: Any) -> list[Any]:
        schedule = SimpleNamespace(id=SCHEDULE, schedule=SimpleNamespace(timezone="Pacific/Honolulu"))
        return [SimpleNamespace(schedules=[schedule])]


def make_run(workspace: Path, **parameters: Any) -> Any:
    return SimpleNamespace(
        id=uuid4(),
        name="calm-owl",
        deployment_id=uuid4(),
        parameters={"workspace": str(workspace), **parameters},
        expected_start_time=datetime(2026, 11, 28, 9, 35, tzinfo=UTC),  # 23:35 of the day before in Honolulu
        start_time=datetime(2026, 11, 28, 9, 35, 2, tzinfo=UTC),
        created_by=SimpleNamespace(id=SCHEDULE),
    )


def read(folder: Path | None) -> dict[str, Any]:
    assert folder is not None
    return dict(json.loads((folder / "failure.json").read_text()))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def connect(sync_client: bool) -> Iterator[Server]:
        yield Server()

    monkeypatch.setattr("flows.deployment.failures.get_client", connect)


@pytest.mark.usefixtures("server")
def test_its_date_is_that_of_the_schedules_own_zone(tmp_path: Path) -> None:
    assert read(write_failure("screen", make_run(tmp_path), "Failed", "why"))["facts"]["scheduled for"] == "2026-11-27"


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("parameters", "name"),
    [({"name": "mine"}, "mine"), ({"config": {"name": "nightly"}}, "nightly"), ({"config": {}}, "kin")],
)
def test_its_name_is_that_of_the_run_or_of_the_deployment(
    tmp_path: Path, parameters: dict[str, Any], name: str
) -> None:
    folder = write_failure("train", make_run(tmp_path, **parameters), "Failed", "why")
    assert read(folder)["name"] == name and folder is not None and folder.name == f"20261128-093502-{name}"


def test_it_is_written_without_a_server_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(sync_client: bool) -> Any:
        raise ConnectionError("nobody there")

    monkeypatch.setattr("flows.deployment.failures.get_client", refuse)
    told = read(write_failure("train", make_run(tmp_path), "Crashed", "why"))
    assert told["name"] == "train" and "scheduled for" not in told["facts"]
