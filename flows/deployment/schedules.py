"""Checks schedules and time zones, and tells when a schedule is due."""

from __future__ import annotations

import asyncio
import difflib
import zoneinfo
from datetime import UTC, datetime, timedelta
from typing import Any

from chem_vae.errors import UserError

LOOK_BACK = (timedelta(hours=1), timedelta(days=1), timedelta(days=8), timedelta(days=32), timedelta(days=366))
"""How far back the last time of a schedule is looked for, from the nearest on."""


def check_timezone(name: str) -> str:
    """Return the name of a time zone that exists. Raises UserError with the nearest names otherwise."""
    known = zoneinfo.available_timezones()  # what Prefect takes: a system's posix/... and right/... are none of it
    if name not in known:
        cities = {zone.rpartition("/")[2].casefold(): zone for zone in sorted(known, reverse=True) if "/" in zone}
        wanted = name.rpartition("/")[2].strip().replace(" ", "_").casefold()
        near = [cities[city] for city in difflib.get_close_matches(wanted, cities, n=3, cutoff=0.6)]
        hint = f"did you mean {' or '.join(near)}?" if near else "give an IANA name such as Europe/Berlin or UTC"
        raise UserError(f"unknown time zone {name!r}; {hint}")
    return name


def make_schedule(cron: str | None, interval: float | None, zone: str) -> Any:
    """Make a prefect.schedules.Schedule. Raises UserError where it says no time, two, or one that never comes."""
    if (cron is None) == (interval is None):
        raise UserError('say when to run: --cron "0 2 * * *" (every night at two) or --interval 3600 (seconds)')
    from prefect.client.schemas.schedules import CronSchedule  # here: Prefect reads its settings as it loads
    from prefect.schedules import Cron, Interval

    if interval is not None:
        if not 1 <= interval <= 366 * 86400:
            raise UserError(f"an interval is from 1 second to a year, not {interval:g} seconds")
        return Interval(interval, timezone=zone, anchor_date=datetime.now(UTC).replace(microsecond=0))
    assert cron is not None
    try:
        if len(cron.split()) != 5:
            raise ValueError(cron)
        CronSchedule(cron=cron, timezone=zone)
    except ValueError:
        raise UserError(
            f"{cron!r} is not a cron schedule; it has five fields (minute hour day month weekday), "
            'as in "0 2 * * *" (every night at two) or "30 6 * * 1" (Mondays at half past six)'
        ) from None
    schedule = Cron(cron, timezone=zone)
    if find_next(schedule) is None:
        raise UserError(
            f"{cron!r} never comes: day {cron.split()[2]} of month {cron.split()[3]} is on no calendar; "
            'the five fields are minute hour day month weekday, as in "0 2 * * *" (every night at two)'
        )
    return schedule


def find_next(schedule: Any, after: datetime | None = None) -> datetime | None:
    """Return the next time of a schedule, in its zone; None where it never comes.

    Args:
        schedule: A prefect.schedules.Schedule.
        after: The time from which on it is looked for; now when None.
    """
    found = _list_times(schedule, after or datetime.now(UTC), None)
    return found[0] if found else None


def find_last(schedule: Any, before: datetime | None = None) -> datetime | None:
    """Return the last time of a schedule that has passed, in its zone; None where there is none within a year.

    Args:
        schedule: A prefect.schedules.Schedule.
        before: The time before which it is looked for; now when None.
    """
    now = before or datetime.now(UTC)
    for span in LOOK_BACK if schedule.cron is not None else (2 * schedule.interval,):
        if found := _list_times(schedule, now - span, now):
            return found[-1]
    return None


def has_time(schedule: Any, when: datetime | None) -> bool:
    """Tell whether a time is one of a schedule.

    Args:
        schedule: A prefect.schedules.Schedule; None has no times.
        when: The time; None is none.
    """
    return schedule is not None and when is not None and bool(_list_times(schedule, when, when))


def _list_times(schedule: Any, start: datetime, end: datetime | None) -> list[datetime]:
    """List the times of a schedule as Prefect's own scheduler does: the first one after `start`, or all until `end`."""
    from prefect.server.schemas.schedules import CronSchedule, IntervalSchedule  # here: loads Prefect's server

    plan: Any
    if schedule.cron is not None:
        plan = CronSchedule(cron=schedule.cron, timezone=schedule.timezone)
    else:
        plan = IntervalSchedule(
            interval=schedule.interval, anchor_date=schedule.anchor_date, timezone=schedule.timezone
        )
    try:
        return list(asyncio.run(plan.get_dates(n=1 if end is None else None, start=start, end=end)))
    except ValueError:  # croniter's own error is one
        return []
