"""A scheduled run belongs to its night: its date, and what makes up for a missed one. The server is played by a small stand-in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest

from chem_vae.config import MOST_SEED
from flows.deployment.night import find_scheduled_date, find_scheduled_minute, give_way
from pipeline.workspace.night import find_night, make_seed, set_night

MADE = {"scheduled": uuid4(), "deployment": uuid4()}
NOW = datetime(2026, 11, 26, 6, 0, tzinfo=UTC)


def make_run(
    planned: datetime, started: datetime | None = None, *, scheduled: bool = True, state: str = "SCHEDULED"
) -> Any:
    return SimpleNamespace(
        id=uuid4(),
        deployment_id=MADE["deployment"],
        expected_start_time=planned,
        start_time=started,
        auto_scheduled=scheduled,
        created_by=SimpleNamespace(id=MADE["scheduled"]) if scheduled else None,
        state=SimpleNamespace(is_scheduled=lambda: state == "SCHEDULED"),
        state_type=state,
    )


class Server:
    """Answers as Prefect's client does."""

    def __init__(self, *runs: Any, zone: str = "Europe/Berlin", **schedule: Any) -> None:
        self.runs, self.zone, self.skipped, self.schedule = runs, zone, dict[UUID, Any](), schedule

    def read_deployments(self, deployment_filter: Any) -> list[Any]:
        def plan(id: Any, zone: str) -> Any:
            return SimpleNamespace(id=id, schedule=SimpleNamespace(timezone=zone, **self.schedule))

        return [SimpleNamespace(schedules=[plan(uuid4(), "Asia/Tokyo"), plan(MADE["scheduled"], self.zone)])]

    def read_flow_runs(self, flow_run_filter: Any) -> list[Any]:
        when, kinds = flow_run_filter.expected_start_time, flow_run_filter.state.type.any_
        return [
            r for r in self.runs if when.after_ <= r.expected_start_time <= when.before_ and r.state_type in {k.value for k in kinds}
        ]  # fmt: skip

    def set_flow_run_state(self, id: UUID, state: Any, force: bool) -> None:
        assert force and state.is_completed() and state.name == "Skipped"
        self.skipped[id] = state.message


def test_a_night_is_the_scheduled_date_in_the_zone_of_its_own_schedule() -> None:
    server: Any = Server(zone="Europe/Berlin")
    late = make_run(datetime(2026, 11, 25, 23, 30, tzinfo=UTC), NOW)  # half past midnight in Berlin, begun hours later
    assert str(find_scheduled_date(server, late)) == "2026-11-26"
    server.zone = "America/New_York"
    assert str(find_scheduled_date(server, late)) == "2026-11-25"


def test_the_seed_of_a_late_night_is_that_of_its_date() -> None:
    day = datetime(2026, 11, 25).date()
    with set_night(day):
        assert make_seed("date") == day.toordinal() and make_seed(7) == 7 and find_night() == day
    assert find_night() == datetime.now().astimezone().date()


@pytest.mark.parametrize(
    ("said", "minute"),
    [
        ({"interval": timedelta(minutes=30)}, 7 * 60),
        ({"interval": timedelta(days=1)}, None),
        ({"cron": "0 2 * * *"}, None),
        ({"cron": "0 */4 * * *"}, 7 * 60),
    ],
)
def test_several_runs_of_a_day_have_seeds_of_their_own(said: dict[str, Any], minute: int | None) -> None:
    server: Any = Server(**said)
    run = make_run(NOW)
    assert find_scheduled_minute(server, run) == minute  # seven in Berlin
    with set_night(NOW.date(), minute):
        day = NOW.date().toordinal()
        assert make_seed("date") == (day if minute is None else day * 1440 + minute) < MOST_SEED


def list_seeds(interval: timedelta, start: datetime, count: int) -> list[int]:
    server: Any = Server(interval=interval)
    seeds = []
    for turn in range(count):
        run = make_run(start + turn * interval)
        with set_night(find_scheduled_date(server, run), find_scheduled_minute(server, run)):
            seeds.append(make_seed("date"))
    assert max(seeds) < MOST_SEED
    return seeds


def test_no_seed_comes_twice_when_the_clock_is_put_back_or_within_a_minute() -> None:
    hours = list_seeds(
        timedelta(hours=1), datetime(2026, 10, 24, 22, tzinfo=UTC), 25
    )  # the 25 hours of that day in Berlin
    assert len(set(hours)) == 25
    day = datetime(2026, 10, 25).toordinal() * 1440
    assert [seed - day for seed in hours if seed < day + 1440] == [60 * hour for hour in range(24)], (
        "all but one are as ever"
    )
    assert len(set(list_seeds(timedelta(seconds=7), datetime(2026, 10, 25, 0, 30, tzinfo=UTC), 1000))) == 1000
    assert list_seeds(timedelta(minutes=30), NOW + timedelta(seconds=37), 1) == [NOW.toordinal() * 1440 + 7 * 60]


def test_missed_nights_are_made_up_once() -> None:
    nights = [make_run(NOW - timedelta(days=d, hours=4), NOW) for d in (3, 2, 1, 0)]
    tonight = make_run(NOW + timedelta(hours=20))
    server: Any = Server(*nights, tonight)
    said = give_way(server, nights[0])
    assert said and "2026-11-26 03:00 (Europe/Berlin) makes up for it" in said
    assert set(server.skipped) == {nights[1].id, nights[2].id}, "all but the last, which is done"
    assert give_way(server, nights[3]) is None


def test_a_run_that_is_hardly_late_or_started_by_hand_is_done() -> None:
    """Short intervals: a run that begins some seconds late is not skipped for the next one, or none would ever be done."""
    first = make_run(NOW - timedelta(seconds=40), NOW)
    second = make_run(NOW - timedelta(seconds=10), NOW)
    assert give_way(Server(first, second), first) is None  # type: ignore[arg-type]
    by_hand = make_run(NOW - timedelta(days=1), NOW, scheduled=False)
    assert give_way(Server(by_hand, second), by_hand) is None  # type: ignore[arg-type]
    alone = make_run(NOW - timedelta(days=1), NOW)
    crashed = make_run(NOW - timedelta(hours=1), NOW, state="CRASHED")
    assert give_way(Server(alone, crashed), alone) is None  # type: ignore[arg-type]
