"""Leaves an account of each deployed run that failed, crashed or was cancelled: `failed/<time>-<name>` in its workspace."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefect.logging.loggers import flow_run_logger

from pipeline.workflows.records.failed_run import write_failed_run

if TYPE_CHECKING:
    from prefect import Flow
    from prefect.client.schemas.objects import FlowRun
    from prefect.states import State


def write_failure(flow_name: str, run: FlowRun, state: str, reason: str) -> Path | None:
    """Write the account of a run from what the server knows of it; an error is logged and ends nothing.

    Args:
        flow_name: The flow's name, which stands for the run's where its settings have none.
        run: The run, with its parameters.
        state: How it ended.
        reason: Why.
    """
    parameters = dict(run.parameters or {})
    config = parameters.get("config")
    named = config.get("name") if isinstance(config, dict) else getattr(config, "name", None)
    try:
        return write_failed_run(
            Path(parameters.get("workspace", "workspace")),
            str(parameters.get("name") or named or flow_name),
            state,
            reason,
            settings=parameters,
            started=run.start_time,
            night=run.expected_start_time.astimezone().date() if run.expected_start_time else None,
            facts={"flow": flow_name, "run on the Prefect server": f"{run.name} ({run.id})"},
        )
    except Exception as error:
        logging.getLogger("prefect.chem-vae").warning("could not write the account of the failed run: %s", error)
        return None


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
