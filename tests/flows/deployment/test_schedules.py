"""Schedules: what never comes is refused, and the last time is found for what was missed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chem_vae.errors import UserError
from flows.deployment.schedules import check_timezone, find_last, find_next, has_time, make_schedule

NOW = datetime(2026, 11, 26, 6, 30, tzinfo=UTC)


@pytest.mark.parametrize("cron", ["0 0 30 2 *", "0 0 31 4,6,9 *", "30 5 31 11 *"])
def test_a_schedule_that_never_comes_is_refused(cron: str) -> None:
    with pytest.raises(UserError, match="never comes"):
        make_schedule(cron, None, "Europe/Berlin")


@pytest.mark.parametrize(
    ("cron", "following", "last"),
    [
        ("0 2 * * *", "2026-11-27 02:00", "2026-11-26 02:00"),
        ("0 7 * * *", "2026-11-26 07:00", "2026-11-25 07:00"),
        ("*/5 * * * *", "2026-11-26 06:30", "2026-11-26 06:30"),
        ("0 3 1 1 *", "2027-01-01 03:00", "2026-01-01 03:00"),
        ("0 0 29 2 *", "2028-02-29 00:00", None),
    ],
)
def test_the_next_and_the_last_time(cron: str, following: str, last: str | None) -> None:
    schedule = make_schedule(cron, None, "UTC")
    assert f"{find_next(schedule, NOW):%Y-%m-%d %H:%M}" == following
    found = find_last(schedule, NOW)
    assert (found and f"{found:%Y-%m-%d %H:%M}") == last


@pytest.mark.parametrize("seconds", [1, 7200, 86400])
def test_the_last_time_of_an_interval_is_no_longer_ago_than_the_interval(seconds: int) -> None:
    last = find_last(make_schedule(None, seconds, "Europe/Berlin"), NOW)
    assert last is not None and NOW - timedelta(seconds=seconds) < last <= NOW


def test_a_time_is_one_of_a_schedule_or_not() -> None:
    schedule = make_schedule("0 2 * * *", None, "Europe/Berlin")
    assert has_time(schedule, datetime(2026, 11, 26, 1, 0, tzinfo=UTC))
    assert not has_time(schedule, NOW) and not has_time(None, NOW) and not has_time(schedule, None)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("posix/Europe/Berlin", "Europe/Berlin"), ("right/Asia/Tokyo", "Asia/Tokyo"), ("posixrules", "IANA name")],
)
def test_a_time_zone_of_the_system_that_prefect_does_not_take_is_refused(name: str, hint: str) -> None:
    with pytest.raises(UserError, match=f"unknown time zone '{name}'.*{hint}"):
        check_timezone(name)


def test_an_unknown_time_zone_is_named_with_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean Europe/Berlin"):
        check_timezone("Europe/Berlim")
