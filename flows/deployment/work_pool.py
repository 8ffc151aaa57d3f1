"""Deploys flows to a work pool of a Prefect server, whose workers run them: `chem-vae deploy`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL
from prefect.workers.process import ProcessWorker

from chem_vae.errors import UserError
from flows.deployment.automations import NOBODY, find_block, set_up_automations
from flows.deployment.deployment_plan import list_python_path
from flows.deployment.prefect_server import wait_for_server
from flows.deployment.serving import check_not_served
from flows.deployment.succession import read_deployment, renew_late_runs, take_over
from flows.environment import ADDRESS_VARIABLE, RUN_SETTINGS
from flows.terminal import note

if TYPE_CHECKING:
    from flows.deployment.deployment_plan import Plan


def deploy(
    plan: Plan, *, pool: str, dead_after: float | None, notify: str | None = None, reports: str | None = None
) -> None:
    """Set up a server for nightly runs: the work pool, a deployment, and its automations.

    Args:
        plan: The deployment.
        pool: The work pool, which is made where it is not there yet: one run at a time, in a process of its own.
        dead_after: Seconds without a sign of life after which the server marks a run as crashed, so that the next can start; as
            before when None.
        notify: Where the server sends notifications, as `flows.deployment.automations.set_up_automations` takes it.
        reports: The address at which `chem-vae reports` shows the reports of the workspace.

    Raises:
        UserError: Where no Prefect server is configured, or `chem-vae serve` serves a deployment of this name.
        ChemVAEError: Where no server answers.
    """
    with use_configured_server() as client:
        check_not_served(client, plan.path)
        if notify not in (None, NOBODY):
            find_block(str(notify), plan.path)
        prepare_pool(client, pool)
        plan, made = make_deployment(client, plan, pool, reports)
        set_up_automations(client, made, plan.path, dead_after, notify)
        note(f"deployed {plan.path} to the work pool {pool}, {plan.describe_schedule()}")


@contextmanager
def use_configured_server() -> Iterator[SyncPrefectClient]:
    """Yield a client of the configured server. Raises UserError where there is none, ChemVAEError where it does not answer."""
    url = PREFECT_API_URL.value()
    if not url:
        raise UserError(
            "no Prefect server is configured: start one with `prefect server start`, and say where it is with "
            "`prefect config set PREFECT_API_URL=http://127.0.0.1:4200/api`; or use chem-vae serve, which needs none"
        )
    wait_for_server(url)
    with get_client(sync_client=True) as client:
        yield client


def prepare_pool(client: SyncPrefectClient, name: str, is_ours: bool = True) -> None:
    """Make a work pool for processes with one run at a time, where it is not there yet.

    Args:
        client: The server's client.
        name: The name of the work pool.
        is_ours: Whether it has to be one for processes where it is there.

    Raises:
        UserError: Where it is there, but for another kind of worker.
    """
    try:
        found = client.read_work_pool(name)
    except ObjectNotFound:
        template = ProcessWorker.get_default_base_job_template()
        client.create_work_pool(
            WorkPoolCreate(name=name, type=ProcessWorker.type, base_job_template=template, concurrency_limit=1)
        )
        note(f"made the work pool {name}: one run at a time")
        return
    if is_ours and found.type != ProcessWorker.type:
        raise UserError(f"the work pool {name} is of the type {found.type}, not process; give another --pool")


def make_deployment(client: SyncPrefectClient, plan: Plan, pool: str, reports: str | None) -> tuple[Plan, UUID]:
    """Make a deployment in a work pool; return it as it was made, and its id. What its runs need of the environment goes with it."""
    plan = take_over(plan, read_deployment(client, plan.path))
    environment = {**RUN_SETTINGS, "PYTHONPATH": list_python_path()}
    if reports is not None:
        environment[ADDRESS_VARIABLE] = reports
    deployment: Any = plan.flow.to_deployment(
        **plan.list_settings(),
        work_pool_name=pool,
        job_variables={"env": environment, "working_dir": str(plan.workspace.resolve().parent)},
    )
    made: UUID = deployment.apply()
    if not plan.is_off:
        renew_late_runs(client, made, plan.schedule)
    return plan, made
