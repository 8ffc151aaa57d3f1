"""`chem-vae deploy --file`: the pools and the automations are those of the file, and no other option is taken without a word."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from chem_vae.errors import DataError, UserError
from flows.deployment import deployment_file, serving
from flows.deployment.deployment_file import deploy_file, read_deployments

HELD = """
deployments:
  - {name: night, entrypoint: "flows/campaign.py:campaign", work_pool: {name: one}}
  - {name: day, entrypoint: "flows/ingest.py:ingest", work_pool: {name: two}}
"""


class Client:
    """Knows of the deployments of the file, and of another one of the same name."""

    def read_deployments(self, deployment_filter: Any) -> list[Any]:
        assert deployment_filter.name.any_ == ["day", "night"]
        entries = [("night", "campaign"), ("day", "ingest"), ("day", "train")]
        return [
            SimpleNamespace(id=f"{name}-{flow}", flow_id=flow, name=name, entrypoint=f"flows/{flow}.py:{flow}")
            for name, flow in entries
        ]

    def read_flow(self, id: str) -> Any:
        return SimpleNamespace(name=id)


def test_the_pools_of_the_file_are_prepared_and_each_deployment_gets_its_automations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "prefect.yaml"
    file.write_text(HELD)
    done: list[Any] = []

    @contextmanager
    def use() -> Iterator[Any]:
        yield Client()

    monkeypatch.setattr(deployment_file, "use_configured_server", use)
    monkeypatch.setattr(deployment_file, "check_not_served", lambda client, path: done.append(("check", path)))
    monkeypatch.setattr(deployment_file, "prepare_pool", lambda client, pool, is_ours: done.append(("pool", pool)))
    monkeypatch.setattr(
        deployment_file, "set_up_automations",
        lambda client, id, path, dead_after, notify: done.append((path, id, dead_after, notify)),
    )  # fmt: skip
    monkeypatch.setattr(subprocess, "run", lambda *args, **more: SimpleNamespace(returncode=0))
    assert deploy_file(file, 60, "none") == ["one", "two"]
    assert done == [
        ("check", "campaign/night"), ("check", "ingest/day"), ("pool", "one"), ("pool", "two"),
        ("campaign/night", "night-campaign", 60, "none"), ("ingest/day", "day-ingest", 60, "none"),
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "name: chem-vae", "deployments: []", "deployments: [", "deployments: 3"])
def test_a_file_without_deployments_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "prefect.yaml"
    file.write_text(text)
    with pytest.raises(DataError, match="prefect.yaml"):
        read_deployments(file)


def test_a_deployment_that_is_served_is_not_put_into_a_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC)
    polled = iter([now - timedelta(seconds=5), now])
    monkeypatch.setattr(serving.time, "sleep", lambda seconds: None)

    def read(client: Any, path: str) -> Any:
        return SimpleNamespace(work_pool_name=None, last_polled=next(polled))

    monkeypatch.setattr(serving, "read_deployment", read)
    with pytest.raises(UserError, match="campaign/night is served by chem-vae serve: end that one first"):
        serving.check_not_served(None, "campaign/night")  # type: ignore[arg-type]
    for left in (
        SimpleNamespace(work_pool_name="pool", last_polled=now),
        SimpleNamespace(work_pool_name=None, last_polled=None),
        None,
    ):
        monkeypatch.setattr(serving, "read_deployment", lambda client, path, left=left: left)
        serving.check_not_served(None, "campaign/night")  # type: ignore[arg-type]
