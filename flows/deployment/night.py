"""Keeps a scheduled run to its schedule: its date is the scheduled one, and nights that were missed are made up once."""

from __future__ import annotations

import functools
import zoneinfo
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from prefect import get_run_logger
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId, FlowRunFilter
from prefect.context import FlowRunContext
from prefect.states import Completed

from pipeline.workspace.night import set_night

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun

P = ParamSpec("P")
R = TypeVar("R")

GRACE = timedelta(minutes=5)
"""A run that starts later than this after its time was missed: it gives way to a later run that is due as well."""
TURN = 8_000_000
"""The minutes of fifteen years, so that 120 turns of each minute have seeds of their own, and none is greater than MOST_SEED."""
SKIPPED = "Skipped"
"""The name of the state (of the type Completed) of a missed night that a later run makes up for."""


def follow_schedule(function: Callable[P, R]) -> Callable[P, R]:
    """Let a flow's run work for the night that it is scheduled for, and end at once where a later run makes up for it."""

    @functools.wraps(function)
    def work(*args: P.args, **kwargs: P.kwargs) -> R:
        context = FlowRunContext.get()
        run = context.flow_run if context is not None else None
        if run is None or run.deployment_id is None:
            return function(*args, **kwargs)
        with get_client(sync_client=True) as client:
            if said := give_way(client, run):
                get_run_logger().info(said)
                return cast(R, Completed(name=SKIPPED, message=said))
            night, minute = find_scheduled_date(client, run), find_scheduled_minute(client, run)
        with set_night(night, minute):
            return function(*args, **kwargs)

    return work


def find_scheduled_date(client: SyncPrefectClient, run: FlowRun) -> date | None:
    """Return the date that a run is scheduled for, in the time zone of its schedule; None where it has no time."""
    if run.expected_start_time is None:
        return None
    return run.expected_start_time.astimezone(_find_zone(client, run)).date()


def find_scheduled_minute(client: SyncPrefectClient, run: FlowRun) -> int | None:
    """Return a number for the minute of the day that a run is scheduled for, where its schedule runs several times a day; else None.

    It is the minute, and on top of it TURN for each second of an interval below a minute, and for the hour that comes a second time
    when the clock is put back, so that no two runs of years have the same.
    """
    schedule = _find_schedule(client, run)
    if run.expected_start_time is None or schedule is None:
        return None
    interval, cron = getattr(schedule, "interval", None), str(getattr(schedule, "cron", None) or "0 0")
    is_often = any(sign in field for field in cron.split()[:2] for sign in "*/,-")
    if not is_often and (interval is None or interval >= timedelta(days=1)):
        return None
    when = run.expected_start_time.astimezone(_find_zone(client, run))
    is_short = interval is not None and interval < timedelta(minutes=1)
    return when.hour * 60 + when.minute + TURN * (60 * when.fold + (when.second if is_short else 0))


def give_way(client: SyncPrefectClient, run: FlowRun) -> str | None:
    """Skip a run that was missed where a later one of its schedule is due, too, and skip those between them.

    Args:
        client: The server's client.
        run: The run that begins.

    Returns:
        What made up for it, in a sentence; None where the run is to be done.
    """
    started = run.start_time or datetime.now(UTC)
    planned = run.expected_start_time
    if not run.auto_scheduled or planned is None or started - planned < GRACE:
        return None
    filters = {
        "deployment_id": {"any_": [run.deployment_id]},
        "expected_start_time": {"after_": planned, "before_": started},
        "state": {"type": {"any_": ["SCHEDULED", "PENDING", "RUNNING", "COMPLETED"]}},
    }
    found = client.read_flow_runs(flow_run_filter=FlowRunFilter.model_validate(filters))
    later = sorted(
        (r for r in found if r.id != run.id and r.auto_scheduled and r.expected_start_time and r.expected_start_time > planned),
        key=lambda r: cast(datetime, r.expected_start_time),
    )  # fmt: skip
    if not later:
        return None
    zone = _find_zone(client, run)
    last = cast(datetime, later[-1].expected_start_time).astimezone(zone)
    said = f"missed; the run that is scheduled for {last:%Y-%m-%d %H:%M} ({zone}) makes up for it"
    for between in later[:-1]:
        if between.state is not None and between.state.is_scheduled():
            client.set_flow_run_state(between.id, Completed(name=SKIPPED, message=said), force=True)
    return said


def _find_zone(client: SyncPrefectClient, run: FlowRun) -> Any:
    """Return the time zone of a run's schedule, else the machine's."""
    name = getattr(_find_schedule(client, run), "timezone", None)
    return zoneinfo.ZoneInfo(name) if name else datetime.now().astimezone().tzinfo


def _find_schedule(client: SyncPrefectClient, run: FlowRun) -> Any:
    """Return the schedule that made a run, else its deployment's first one with a time zone, else None."""
    filters = DeploymentFilter(id=DeploymentFilterId(any_=[run.deployment_id]))
    deployments = client.read_deployments(deployment_filter=filters) if run.deployment_id else []
    schedules = deployments[0].schedules if deployments else []
    own = [s for s in schedules if run.created_by is not None and s.id == run.created_by.id]
    found = [s.schedule for s in own or schedules if getattr(s.schedule, "timezone", None)]
    return found[0] if found else None
