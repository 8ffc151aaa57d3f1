"""Leaves an account of each deployed run that failed, crashed or was cancelled: `failed/<time>-<name>` in its workspace."""

from __future__ import annotations

import logging
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefect.client.orchestration import get_client
from prefect.logging.loggers import flow_run_logger

from flows.deployment.night import find_scheduled_date
from pipeline.workflows.records.failed_run import write_failed_run

if TYPE_CHECKING:
    from prefect import Flow
    from prefect.client.schemas.objects import FlowRun
    from prefect.states import State


def write_failure(flow_name: str, run: FlowRun, state: str, reason: str) -> Path | None:
    """Write the account of a run from what the server knows of it; an error is logged and ends nothing.

    Args:
        flow_name: The flow's name, which stands for the run's where neither its settings nor its deployment has one.
        run: The run, with its parameters.
        state: How it ended.
        reason: Why.
    """
    parameters = dict(run.parameters or {})
    config = parameters.get("config")
    named = config.get("name") if isinstance(config, dict) else getattr(config, "name", None)
    deployment, night = _ask_server(run)
    try:
        return write_failed_run(
            Path(parameters.get("workspace", "workspace")),
            str(parameters.get("name") or named or deployment or flow_name),
            state,
            reason,
            settings=parameters,
            started=run.start_time,
            night=night,
            facts={"flow": flow_name, "run on the Prefect server": f"{run.name} ({run.id})"},
        )
    except Exception as error:
        logging.getLogger("prefect.chem-vae").warning("could not write the account of the failed run: %s", error)
        return None


def _ask_server(run: FlowRun) -> tuple[str | None, date | None]:
    """Ask the server for the name of a run's deployment, and for the date that the run is scheduled for in the zone of its schedule;
    None for what it does not tell, as the account is to be written without a server, too."""
    if run.deployment_id is None:
        return None, None
    try:
        with get_client(sync_client=True) as client:
            return client.read_deployment(run.deployment_id).name, find_scheduled_date(client, run)
    except Exception as error:
        logging.getLogger("prefect.chem-vae").warning("the server tells nothing of the failed run: %s", error)
        return None, None


def leave_account(flow: Flow[Any, Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Write the account of a deployed run as Prefect's hook on failure, crash or cancellation; a command tells it itself."""
    if flow_run.deployment_id is None:
        return
    reason = state.message or f"the run ended as {state.name}"
    if "termination signal" in reason:
        reason += (
            " Its process was asked to end: `chem-vae serve` or the worker was stopped, or the machine was shut down."
        )
    if (folder := write_failure(flow.name, flow_run, state.name or "Failed", reason)) is not None:
        flow_run_logger(flow_run, flow).info("the reason and how far it came: %s", folder / "report.html")
