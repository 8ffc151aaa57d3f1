"""Keeps one `chem-vae serve` to a name, and settles the dead runs that an earlier one left."""

from __future__ import annotations

import asyncio
import hashlib
import json
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from filelock import FileLock, Timeout
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun
from prefect.runner import Runner
from prefect.settings import PREFECT_HOME
from prefect.states import Crashed

from chem_vae.atomic_files import write_json
from chem_vae.errors import ChemVAEError, UserError
from flows.deployment.failures import write_failure
from flows.deployment.run_process import LOCK_VARIABLE, PARENT_VARIABLE
from flows.deployment.succession import read_deployment
from flows.terminal import note

UNFINISHED = ("PENDING", "RUNNING", "CANCELLING")
POLLED_SECONDS = 30.0
"""A deployment that is served asks for its runs more often than this."""
END_SECONDS = 90.0
ORPHAN_SECONDS = 30.0
KILL_SECONDS = 20.0
INTERRUPTED = "interrupted: chem-vae serve was stopped; started again, it goes on from the last checkpoint"
DEAD = "the process of this run has gone; a training goes on from its last checkpoint, and no answered molecule is asked for again"


class ServeRunner(Runner):
    """Prefect's runner, one run at a time, whose runs end with it.

    One run at a time is the runner's own limit: the deployment's is counted by the server, where a run that was killed keeps its
    place, and the schedule of a restarted `serve` would wait for it.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name=name, pause_on_shutdown=False, limit=1)

    def keep_serving(self, claim: Claim) -> None:
        """Do the runs of the schedule until interrupted.

        Args:
            claim: The right to serve; its lock file is held by the process of each run.
        """
        # A shell that starts it in the background (nohup, &) lets it ignore SIGINT, by which SIGTERM, too, ends the loop.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.environ |= {PARENT_VARIABLE: str(os.getpid()), LOCK_VARIABLE: str(claim.runs)}
        asyncio.run(self.start())

    def handle_sigterm(self, *args: Any, **kwargs: Any) -> None:
        """End as on Ctrl-C: Prefect's own way exits amid its loop, with tracebacks of its connections to the runs."""
        signal.raise_signal(signal.SIGINT)

    async def __aexit__(self, *exc_info: Any) -> None:
        """Ask the processes of the runs to end, before Prefect waits for them; kill those that do not."""
        for process in multiprocessing.active_children():
            process.terminate()
            timer = threading.Timer(KILL_SECONDS, process.kill)
            timer.daemon = True
            timer.start()
        await super().__aexit__(*exc_info)


@dataclass(frozen=True)
class Claim:
    """The right of one process on this machine to serve a deployment, as a file lock."""

    lock: FileLock
    holder: Path
    """The file that tells the process id of the one who serves."""
    runs: Path
    """The lock file that a run of the deployment holds."""
    path: str
    """The deployment as flow/name."""


@contextmanager
def claim_deployment(url: str, path: str, replace: bool) -> Iterator[Claim]:
    """Be the only process on this machine that serves a deployment of a server.

    Args:
        url: The server's API.
        path: The deployment as flow/name.
        replace: Whether to stop the process that serves it already, and to take over.

    Raises:
        UserError: Where another process serves it, and shall not be replaced.
    """
    folder = Path(PREFECT_HOME.value()) / "chem-vae" / "serving"
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / hashlib.sha256(f"{url} {path}".encode()).hexdigest()[:16]
    claim = Claim(
        FileLock(place.with_suffix(".lock")), place.with_suffix(".json"), place.with_suffix(".run.lock"), path
    )
    try:
        claim.lock.acquire(timeout=0)
    except Timeout:
        if not replace:
            raise _explain_second(claim) from None
        _stop_holder(claim)
    try:
        with suppress(Timeout), FileLock(claim.runs, timeout=ORPHAN_SECONDS):
            pass  # a run whose `serve` was killed ends some seconds later
        write_json(claim.holder, {"process": os.getpid(), "deployment": path})
        yield claim
    finally:
        claim.holder.unlink(missing_ok=True)
        claim.lock.release()


def _explain_second(claim: Claim) -> UserError:
    who = _read_holder(claim)
    return UserError(
        f"{claim.path} is served already{f' by the process {who}' if who else ''}: give this one another --name, "
        "or stop the other one and take over with --replace"
    )


def _read_holder(claim: Claim) -> int | None:
    with suppress(OSError, ValueError, KeyError):
        return int(json.loads(claim.holder.read_text(encoding="utf-8"))["process"])
    return None


def _stop_holder(claim: Claim) -> None:
    """End the process that holds a claim, and take the claim. Raises ChemVAEError where it does not end."""
    who = _read_holder(claim)
    if who is not None:
        note(f"stopping the process {who}, which served {claim.path}")
        with suppress(ProcessLookupError):
            os.kill(who, signal.SIGTERM)
    try:
        claim.lock.acquire(timeout=END_SECONDS)
    except Timeout:
        raise ChemVAEError(
            f"the process {who} that serves {claim.path} does not end; end it with: kill -9 {who}"
        ) from None


def check_taken(client: SyncPrefectClient, path: str, replace: bool) -> None:
    """Check that no work pool and no other machine runs the deployment that is to be served here.

    Raises:
        UserError: Where one does, and shall not be replaced.
    """
    found = read_deployment(client, path)
    if found is None or replace:
        return
    if found.work_pool_name:
        raise UserError(
            f"{path} is a deployment of the work pool {found.work_pool_name}: give this one another --name, or take it out of the pool "
            "with --replace"
        )
    if _is_polled(client, path, found.last_polled):
        raise UserError(
            f"{path} is served already, on another machine or by another user: give this one another --name, or stop the other one "
            "(--replace takes over in any case)"
        )


def check_not_served(client: SyncPrefectClient, path: str) -> None:
    """Raise UserError where a `chem-vae serve` runs the deployment that is to be put into a work pool: both would do its nights."""
    found = read_deployment(client, path)
    if found is not None and not found.work_pool_name and _is_polled(client, path, found.last_polled):
        raise UserError(f"{path} is served by chem-vae serve: end that one first, or give this one another --name")


def _is_polled(client: SyncPrefectClient, path: str, before: datetime | None) -> bool:
    """Tell whether somebody goes on asking for the runs of a deployment, which was asked for last at a time."""
    if before is None or datetime.now(UTC) - before > timedelta(seconds=POLLED_SECONDS):
        return False
    deadline = before + timedelta(seconds=POLLED_SECONDS)
    while datetime.now(UTC) < deadline:
        time.sleep(1)
        now = read_deployment(client, path)
        if now is not None and now.last_polled is not None and now.last_polled > before:
            return True
    return False


def list_unfinished(client: SyncPrefectClient, deployment: UUID) -> list[FlowRun]:
    """List the runs of a deployment that have begun and not ended, by the server's account."""
    filters = {"deployment_id": {"any_": [deployment]}, "state": {"type": {"any_": list(UNFINISHED)}}}
    return list(client.read_flow_runs(flow_run_filter=FlowRunFilter.model_validate(filters)))


def settle_dead_runs(client: SyncPrefectClient, deployment: UUID, flow_name: str, reason: str) -> list[FlowRun]:
    """Mark the unfinished runs of a deployment as Crashed; to be called when no process of it can be left.

    Args:
        client: The server's client.
        deployment: The deployment's id.
        flow_name: One of `flows.deployment.deployment_plan.FLOWS`, for the account of each failure.
        reason: Why they ended.

    Returns:
        The runs that were marked.
    """
    found = list_unfinished(client, deployment)
    for run in found:
        client.set_flow_run_state(run.id, Crashed(message=reason), force=True)
        write_failure(flow_name, run, "Crashed", reason)
        note(f"the run {run.name} is marked as crashed: {reason}")
    return found
