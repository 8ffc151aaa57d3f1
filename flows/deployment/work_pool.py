"""Deploys flows to a work pool of a Prefect server, whose workers run them: `chem-vae deploy`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL
from prefect.workers.process import ProcessWorker

from chem_vae.errors import ChemVAEError, UserError
from flows.deployment.automations import set_up_automations
from flows.deployment.deployment_plan import list_python_path
from flows.deployment.prefect_server import wait_for_server
from flows.deployment.succession import read_deployment, renew_late_runs, take_over
from flows.environment import ADDRESS_VARIABLE, RUN_SETTINGS
from flows.terminal import note

if TYPE_CHECKING:
    from flows.deployment.deployment_plan import Plan


def deploy(
    plan: Plan | None,
    *,
    pool: str,
    dead_after: float,
    notify: str | None = None,
    reports: str | None = None,
    file: Path | None = None,
) -> None:
    """Set up a server for nightly runs: the work pool, the automations, and a deployment, or those of a file.

    Args:
        plan: The deployment; None where they are in a file.
        pool: The work pool, which is made where it is not there yet: one run at a time, in a process of its own.
        dead_after: Seconds without a sign of life after which the server marks a run as crashed, so that the next can start.
        notify: Where the server sends notifications, as `flows.deployment.automations.send_notifications` takes it.
        reports: The address at which `chem-vae reports` shows the reports of the workspace.
        file: A prefect.yaml, all deployments of which are made.

    Raises:
        UserError: Where no Prefect server is configured.
        ChemVAEError: Where none answers.
    """
    url = PREFECT_API_URL.value()
    if not url:
        raise UserError(
            "no Prefect server is configured: start one with `prefect server start`, and say where it is with "
            "`prefect config set PREFECT_API_URL=http://127.0.0.1:4200/api`; or use chem-vae serve, which needs none"
        )
    wait_for_server(url)
    with get_client(sync_client=True) as client:
        prepare_pool(client, pool)
        set_up_automations(client, dead_after, notify)
        if plan is not None:
            plan = make_deployment(client, plan, pool, reports)
            note(f"deployed {plan.path} to the work pool {pool}, {plan.describe_schedule()}")
    if file is not None:
        command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(file)]
        if subprocess.run(command, cwd=file.resolve().parent, check=False).returncode:
            raise ChemVAEError(f"prefect could not deploy what {file} holds; its message is above")


def prepare_pool(client: SyncPrefectClient, name: str) -> None:
    """Make a work pool for processes with one run at a time, where it is not there yet.

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
    if found.type != ProcessWorker.type:
        raise UserError(f"the work pool {name} is of the type {found.type}, not process; give another --pool")


def make_deployment(client: SyncPrefectClient, plan: Plan, pool: str, reports: str | None) -> Plan:
    """Make a deployment in a work pool, and return it as it was made. What its runs need of the environment goes with it."""
    plan = take_over(plan, read_deployment(client, plan.path))
    environment = {**RUN_SETTINGS, "PYTHONPATH": list_python_path()}
    if reports is not None:
        environment[ADDRESS_VARIABLE] = reports
    deployment: Any = plan.flow.to_deployment(
        **plan.list_settings(),
        work_pool_name=pool,
        job_variables={"env": environment, "working_dir": str(plan.workspace.resolve().parent)},
    )
    made = deployment.apply()
    if not plan.is_off:
        renew_late_runs(client, made, plan.schedule)
    return plan
