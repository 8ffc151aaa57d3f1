"""What a deployment takes over from the earlier one of its name: its pause, its interval, its runs. The server is a small stand-in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from prefect.states import Cancelled, Crashed, Scheduled

from flows.deployment.deployment_plan import Plan
from flows.deployment.schedules import find_last, make_schedule
from flows.deployment.succession import make_up, renew_late_runs, take_over

ID = uuid4()
NEW, OLD = {"n": 2}, {"n": 1}
CRON = "0 2 * * *"
LAST: Any = find_last(make_schedule(CRON, None, "UTC"))


def make_plan(cron: str | None = CRON, interval: float | None = None) -> Plan:
    schedule = make_schedule(cron, interval, "UTC") if cron or interval else None
    return Plan("campaign", "nightly", NEW, schedule, "", Path())


def make_before(schedule: Any, *, active: bool = True, paused: bool = False, resumed: datetime | None = None) -> Any:
    """The deployment as it was, a month old."""
    made = datetime.now(UTC) - timedelta(days=31)
    held = SimpleNamespace(schedule=schedule, active=active, created=made, updated=resumed or made)
    return SimpleNamespace(id=ID, paused=paused, schedules=[held] if schedule else [], created=made)


def make_run(planned: datetime, parameters: dict[str, Any], state: Any = None, *, scheduled: bool = True) -> Any:
    return SimpleNamespace(
        id=uuid4(), name="bold-fox", expected_start_time=planned, parameters=parameters, state=state or Scheduled(),
        auto_scheduled=scheduled, run_count=1, work_pool_name=None,
    )  # fmt: skip


class Server:
    """Answers as Prefect's client does."""

    def __init__(self, *runs: Any) -> None:
        self.runs, self.states, self.made = list(runs), dict[Any, Any](), list[str]()

    def read_deployment(self, _: Any) -> Any:
        return SimpleNamespace(parameters=NEW, work_pool_name=None)

    def read_flow_runs(self, flow_run_filter: Any, sort: Any, limit: int | None = None) -> list[Any]:
        wanted = flow_run_filter.state.type.any_ if flow_run_filter.state else None
        found = [r for r in self.runs if wanted is None or r.state.type in wanted]
        return sorted(found, key=lambda r: r.expected_start_time, reverse=True)[:limit]

    def set_flow_run_state(self, id: Any, state: Any, force: bool) -> None:
        self.states[id] = state
        next(r for r in self.runs if r.id == id).state = state

    def request(self, method: str, path: str, path_params: Any, json: dict[str, Any]) -> Any:
        assert (method, path, path_params) == ("POST", "/deployments/{id}/schedule", {"id": ID})
        assert json["start_time"] == json["end_time"]
        self.made.append(json["start_time"])
        self.runs.insert(0, make_run(datetime.fromisoformat(json["start_time"]), NEW))
        return SimpleNamespace(raise_for_status=lambda: None)


@pytest.mark.parametrize("how", [{"active": False}, {"paused": True}])
def test_what_was_paused_by_hand_stays_paused_and_nothing_is_made_up(
    how: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    plan = make_plan()
    before = make_before(plan.schedule, **how)
    plan = take_over(plan, before)
    settings = plan.list_settings()
    assert settings["paused"] == how.get("paused", False) and settings["schedule"].active == how.get("active", True)
    assert "was paused by hand and stays so" in capsys.readouterr().err and plan.describe_schedule().endswith(
        "; paused"
    )
    server: Any = Server(make_run(LAST, NEW, Crashed()))
    make_up(server, before, plan, ID)
    assert not server.made and not server.states


def test_a_changed_schedule_stays_paused_too() -> None:
    before = make_before(make_schedule("0 5 * * *", None, "UTC"), active=False)
    assert take_over(make_plan(), before).is_off
    assert not take_over(make_plan(), make_before(None)).is_off and not take_over(make_plan(), None).is_off


def test_a_missed_night_is_made_up_unless_it_was_left_out_by_hand() -> None:
    plan = make_plan()
    server: Any = Server()
    make_up(server, make_before(plan.schedule, resumed=datetime.now(UTC)), plan, ID)
    assert not server.made, "switched on again after that night"
    make_up(server, make_before(plan.schedule), plan, ID)
    assert server.made == [LAST.isoformat()]
    make_up(server, make_before(plan.schedule), plan, ID)
    assert len(server.made) == 1


@pytest.mark.parametrize("state", [Crashed(), Scheduled(name="Late")])
def test_a_night_with_other_settings_is_made_anew(state: Any, capsys: pytest.CaptureFixture[str]) -> None:
    plan = make_plan()
    run = make_run(LAST, OLD, state)
    server: Any = Server(make_run(LAST, OLD, Cancelled(name="Skipped")), run)
    make_up(server, make_before(plan.schedule), plan, ID)
    closed = server.states[run.id]
    assert closed.is_cancelled() and closed.name == "Skipped" and "other settings" in closed.message
    assert server.made == [LAST.isoformat()] and server.runs[0].parameters == NEW
    said = capsys.readouterr().err
    assert f"the run bold-fox of {LAST:%Y-%m-%d} 02:00 is closed: it was made with other settings" in said
    assert "takes its place, with the settings of now" in said


def test_a_crashed_night_with_the_same_settings_goes_on() -> None:
    plan = make_plan()
    run = make_run(LAST, NEW, Crashed())
    server: Any = Server(run)
    make_up(server, make_before(plan.schedule), plan, ID)
    assert server.states[run.id].name == "AwaitingRetry" and not server.made


def test_late_runs_that_would_be_made_otherwise_are_closed_and_the_last_is_made_anew() -> None:
    nights = [make_run(LAST - timedelta(days=d), OLD) for d in (0, 1)]
    gone = make_run(LAST + timedelta(minutes=-30), NEW)
    kept = make_run(LAST - timedelta(days=2), NEW)
    by_hand = make_run(LAST, OLD, scheduled=False)
    server: Any = Server(*nights, gone, kept, by_hand)
    renew_late_runs(server, ID, make_plan().schedule)
    assert set(server.states) == {nights[0].id, nights[1].id, gone.id} and server.made == [LAST.isoformat()]
    assert "no longer has its time" in server.states[gone.id].message
    left: Any = Server(make_run(LAST, NEW))
    renew_late_runs(left, ID, None)
    assert len(left.states) == 1 and not left.made


def test_an_interval_goes_on_from_where_it_began_and_its_missed_run_is_made_up() -> None:
    earlier = make_schedule(None, 86400, "UTC")
    anchor = (datetime.now(UTC) - timedelta(days=9, hours=1)).replace(microsecond=0)
    held = SimpleNamespace(interval=earlier.interval, anchor_date=anchor, timezone="UTC")
    plan = take_over(make_plan(None, 86400), make_before(held))
    assert plan.schedule.anchor_date == anchor
    assert take_over(make_plan(None, 3600), make_before(held)).schedule.anchor_date > anchor
    server: Any = Server()
    make_up(server, make_before(held), plan, ID)
    assert server.made == [(anchor + timedelta(days=9)).isoformat()]


def test_it_is_said_where_a_schedule_is_taken_away(capsys: pytest.CaptureFixture[str]) -> None:
    take_over(make_plan(None), make_before(make_plan().schedule))
    assert "the schedule of campaign/nightly is taken away" in capsys.readouterr().err
