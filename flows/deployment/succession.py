"""Lets a deployment take over from the earlier one of its name: its pause, the times of its interval, and its runs."""

from __future__ import annotations

import zoneinfo
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound
from prefect.states import AwaitingRetry, Cancelled, Scheduled
from prefect.utilities.urls import url_for

from flows.deployment.night import SKIPPED
from flows.deployment.schedules import find_last, has_time
from flows.terminal import note
from pipeline.workspace.remote.redaction import redact

if TYPE_CHECKING:
    from flows.deployment.deployment_plan import Plan

MOST_TRIES = 3
"""A run that crashed so often is not begun again by itself."""
AT_ONCE = timedelta(seconds=1)
"""A schedule that was changed later than this after it was made was switched off or on by hand."""


def read_deployment(client: SyncPrefectClient, path: str) -> DeploymentResponse | None:
    """Read a deployment by flow/name; None where there is none."""
    try:
        return client.read_deployment_by_name(path)
    except ObjectNotFound:
        return None


def take_over(plan: Plan, before: DeploymentResponse | None) -> Plan:
    """Return a plan that keeps what the earlier deployment was set to: paused by hand, and the times of the same interval.

    Args:
        plan: The deployment that is to be made.
        before: The deployment of that name as it is; None where there is none.
    """
    if before is None:
        return plan
    schedule = plan.schedule
    if schedule is not None and schedule.interval is not None:
        held: list[Any] = [s.schedule for s in before.schedules]
        anchors = [s.anchor_date for s in held if _has_interval(s, schedule.interval)]
        schedule = replace(schedule, anchor_date=anchors[0]) if anchors else schedule
    if schedule is not None and before.schedules:
        same = [s for s in before.schedules if _is_same(s.schedule, schedule)]
        schedule = replace(schedule, active=any(s.active for s in same or before.schedules))
    plan = replace(plan, schedule=schedule, is_paused=before.paused)
    if plan.is_off:
        page = redact(url_for("deployment", obj_id=before.id) or "of the Prefect server")
        note(
            f"{plan.path} was paused by hand and stays so: nothing runs by itself, and no missed night is made up; switch it on again "
            f"on its page {page}"
        )
    elif before.schedules and schedule is None:
        note(
            f"the schedule of {plan.path} is taken away, as no --cron or --interval is given: it runs when it is told to"
        )
    return plan


def renew_late_runs(client: SyncPrefectClient, deployment: UUID, schedule: Any) -> None:
    """Close the waiting runs of a deployment that are due but would not be made as they are, and make the last of them anew.

    Args:
        client: The server's client.
        deployment: The deployment's id.
        schedule: Its prefect.schedules.Schedule; None where it has none.
    """
    waiting = _list_due(client, deployment, state={"type": {"any_": ["SCHEDULED"]}})
    gone = [run for run in waiting if not has_time(schedule, run.expected_start_time)]
    _close(client, gone, "the schedule of the deployment no longer has its time", schedule)
    _renew(client, deployment, schedule, [run for run in waiting if run not in gone])


def make_up(client: SyncPrefectClient, before: DeploymentResponse | None, plan: Plan, deployment: UUID) -> None:
    """Begin the last night again where it crashed, or begin it where it was missed because nothing was served.

    A run that was made with other settings is not begun again: a new one takes its place.

    Args:
        client: The server's client.
        before: The deployment as it was before this `serve`.
        plan: The deployment that is served.
        deployment: The deployment's id.
    """
    if before is None or plan.schedule is None or plan.is_off:
        return
    renew_late_runs(client, deployment, plan.schedule)
    last = _find_last_run(client, deployment)
    if _is_crashed(last) and _renew(client, deployment, plan.schedule, [last]):
        last = _find_last_run(client, deployment)
    due = find_last(plan.schedule)
    if due is not None and _was_expected(before, plan.schedule, due) and _comes_before(last, due):
        note(f"the run of {due:%Y-%m-%d %H:%M} was missed: it is made up now")
        _schedule_run(client, deployment, due)
    elif _is_crashed(last):
        if last.run_count >= MOST_TRIES:
            note(f"the run {last.name} crashed {last.run_count} times and is not begun again by itself")
            return
        note(f"the run {last.name} goes on where it stopped")
        again = AwaitingRetry if last.run_count else Scheduled
        client.set_flow_run_state(last.id, again(scheduled_time=datetime.now(UTC)), force=True)


def _renew(client: SyncPrefectClient, deployment: UUID, schedule: Any, runs: Sequence[Any]) -> bool:
    """Close those of some runs that would be made otherwise now, and make the last of them anew; tell whether there was one."""
    now = client.read_deployment(deployment)
    other = [run for run in runs if run.parameters != now.parameters or run.work_pool_name != now.work_pool_name]
    _close(client, other, "it was made with other settings than the deployment has now", schedule)
    due = [run.expected_start_time for run in other if has_time(schedule, run.expected_start_time)]
    if due:
        note(f"a new run for {_format_time(max(due), schedule)} takes its place, with the settings of now")
        _schedule_run(client, deployment, max(due))
    return bool(other)


def _close(client: SyncPrefectClient, runs: Sequence[Any], reason: str, schedule: Any) -> None:
    """Close runs that are not to be done any more."""
    for run in runs:
        # No run is Completed by this, or an earlier night would give way to it.
        client.set_flow_run_state(run.id, Cancelled(name=SKIPPED, message=reason), force=True)
        note(f"the run {run.name} of {_format_time(run.expected_start_time, schedule)} is closed: {reason}")


def _list_due(client: SyncPrefectClient, deployment: UUID, limit: int | None = None, **more: Any) -> list[Any]:
    """List the runs that a deployment's schedule made and that are due, the latest first."""
    filters = {"deployment_id": {"any_": [deployment]}, "expected_start_time": {"before_": datetime.now(UTC)}, **more}
    runs = client.read_flow_runs(
        flow_run_filter=FlowRunFilter.model_validate(filters), sort=FlowRunSort.EXPECTED_START_TIME_DESC, limit=limit
    )
    return list(runs) if limit else [run for run in runs if run.auto_scheduled]


def _find_last_run(client: SyncPrefectClient, deployment: UUID) -> Any:
    """Return the last run of a deployment that was due, of several for one time the one that was not closed; None where there is none."""
    runs = _list_due(client, deployment, limit=20)
    return max(runs, key=lambda run: (run.expected_start_time, not run.state.is_cancelled()), default=None)


def _is_crashed(run: FlowRun | None) -> bool:
    """Tell whether a run of the schedule has crashed."""
    return run is not None and bool(run.auto_scheduled) and run.state is not None and run.state.is_crashed()


def _comes_before(run: FlowRun | None, due: datetime) -> bool:
    return run is None or run.expected_start_time is None or run.expected_start_time < due


def _was_expected(before: DeploymentResponse, schedule: Any, due: datetime) -> bool:
    """Tell whether the earlier deployment had the same schedule, and had it switched on, when it was due."""
    for held in before.schedules:
        if not _is_same(held.schedule, schedule):
            continue
        since = before.created
        if held.created is not None and held.updated is not None and held.updated - held.created > AT_ONCE:
            since = held.updated  # switched on again by hand: the nights before were left out on purpose
        if since is not None and since < due:
            return True
    return False


def _is_same(held: Any, schedule: Any) -> bool:
    """Tell whether a schedule on the server has the times of another."""
    if schedule.cron is not None:
        return (getattr(held, "cron", None), getattr(held, "timezone", None)) == (schedule.cron, schedule.timezone)
    return _has_interval(held, schedule.interval) and held.anchor_date == schedule.anchor_date


def _has_interval(held: Any, interval: timedelta) -> bool:
    return getattr(held, "interval", None) == interval


def _schedule_run(client: SyncPrefectClient, deployment: UUID, when: datetime) -> None:
    """Let the server make the run that a deployment's schedule has at a time."""
    answer = client.request(
        "POST", "/deployments/{id}/schedule", path_params={"id": deployment},
        json={"start_time": when.isoformat(), "end_time": when.isoformat(), "min_time": 0, "min_runs": 1, "max_runs": 1},
    )  # fmt: skip
    answer.raise_for_status()


def _format_time(when: datetime, schedule: Any) -> str:
    zone = zoneinfo.ZoneInfo(schedule.timezone) if schedule is not None else None
    return f"{when.astimezone(zone):%Y-%m-%d %H:%M}"
