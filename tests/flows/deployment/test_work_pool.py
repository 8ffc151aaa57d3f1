"""A repeated `chem-vae deploy`, and a `serve`, keep what was set by hand. The server and Prefect's runner are played by stand-ins."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import prefect.client.orchestration
import pytest

import flows.report_server
from flows.deployment import automations, prefect_server, serving, succession, work_pool
from flows.deployment.deploy import serve
from flows.deployment.deployment_plan import Plan
from flows.deployment.schedules import make_schedule

ID = uuid4()


@dataclass(frozen=True)
class FakePlan(Plan):
    """A plan whose flow keeps what Prefect is told."""

    @property
    def flow(self) -> Any:
        def keep(**told: Any) -> Any:
            TOLD.append(told)
            return SimpleNamespace(apply=lambda: ID)

        return SimpleNamespace(to_deployment=keep)


TOLD: list[dict[str, Any]] = []


def make_plan() -> FakePlan:
    return FakePlan("campaign", "nightly", {}, make_schedule("0 2 * * *", None, "UTC"), "", Path())


@pytest.mark.parametrize("is_paused", [False, True])
def test_a_repeated_deploy_stays_paused_and_renews_late_runs(is_paused: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    before = SimpleNamespace(id=ID, paused=is_paused, schedules=[], created=None)
    renewed: list[Any] = []
    monkeypatch.setattr(work_pool, "read_deployment", lambda client, path: before)
    monkeypatch.setattr(work_pool, "renew_late_runs", lambda client, id, schedule: renewed.append(id))
    TOLD.clear()
    plan, made = work_pool.make_deployment(SimpleNamespace(), make_plan(), "pool", None)  # type: ignore[arg-type]
    assert made == ID and plan.is_off == is_paused
    assert [told["paused"] for told in TOLD] == [is_paused]
    assert renewed == ([] if is_paused else [ID])


def test_serve_tells_no_password_and_makes_up_the_night_of_the_plan_as_it_stands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @contextmanager
    def give(value: Any = None) -> Iterator[Any]:
        yield value

    before = SimpleNamespace(id=ID, paused=True, schedules=[], created=None)
    told: list[Any] = []
    runner = SimpleNamespace(add_flow=lambda flow, **settings: ID, keep_serving=lambda claim: None)
    for module, name, stand_in in (
        (prefect_server, "use_server", lambda: give("http://me:secret@lab:4200/api")),
        (prefect.client.orchestration, "get_client", lambda **_: give()),
        (flows.report_server, "show_reports", lambda *_: give("http://127.0.0.1:4280")),
        (serving, "claim_deployment", lambda *_: give()),
        (serving, "ServeRunner", lambda name: runner),
        (serving, "check_taken", lambda *_: None),
        (serving, "settle_dead_runs", lambda *_: []),
        (succession, "read_deployment", lambda *_: before),
        (succession, "make_up", lambda client, before, plan, id: told.append(plan)),
        (automations, "set_up_automations", lambda client, id, path, dead_after, notify: told.append((id, path, dead_after))),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, stand_in)
    for name in ("PYTHONPATH", "CHEM_VAE_REPORTS"):
        monkeypatch.setenv(name, "")
    handler = signal.getsignal(signal.SIGTERM)
    try:
        serve(make_plan())
    finally:
        signal.signal(signal.SIGTERM, handler)
    said = capsys.readouterr().err
    assert "runs and artifacts: http://" in said and "lab:4200;" in said and "secret" not in said
    assert told[0] == (ID, "campaign/nightly", None) and told[1].is_off
