"""Keeps a deployment of a flow on its schedule: `chem-vae serve`."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from flows.deployment.deployment_plan import list_python_path
from flows.environment import ADDRESS_VARIABLE
from flows.terminal import note
from pipeline.workspace.remote.redaction import redact

if TYPE_CHECKING:
    from flows.deployment.deployment_plan import Plan


def serve(
    plan: Plan, *, replace: bool = False, notify: str | None = None, reports_port: int = 4280, debug: bool = False
) -> None:
    """Keep one deployment of a flow and run it on its schedule, until interrupted.

    The schedule stays active when this process ends, so that a restart goes on with it; at most one run at a time. A run that is
    interrupted is marked as crashed, and the next start goes on with it; a night that was missed is made up.
    The Prefect server is the configured one (PREFECT_API_URL or a profile); else a local one is used or started.

    Args:
        plan: The deployment.
        replace: Stop the one that serves a deployment of this name, and take over.
        notify: Where the server sends notifications, as `flows.deployment.automations.set_up_automations` takes it.
        reports_port: The port at which the reports of the workspace are shown on this machine; one of the next where it is taken.
        debug: Log tracebacks of our own errors, too.

    Raises:
        UserError: Where the deployment is served already, or no Prefect server answers at the configured address.
    """
    # here: they load prefect
    from prefect.client.orchestration import get_client

    # here: they load prefect
    from flows.deployment.automations import set_up_automations
    from flows.deployment.prefect_server import use_server
    from flows.deployment.serving import (
        DEAD,
        INTERRUPTED,
        ServeRunner,
        check_taken,
        claim_deployment,
        settle_dead_runs,
    )
    from flows.deployment.succession import make_up, read_deployment, take_over
    from flows.report_server import show_reports

    signal.signal(signal.SIGTERM, _end)  # so that a server of ours is stopped, too
    if debug:
        os.environ["CHEM_VAE_DEBUG"] = "1"
    # The runs are started in processes of their own, which import the flow by its module's name.
    os.environ["PYTHONPATH"] = list_python_path()
    runner = ServeRunner(plan.name)
    with (
        use_server() as url,
        claim_deployment(url, plan.path, replace) as claim,
        get_client(sync_client=True) as client,
        show_reports(plan.workspace, reports_port) as reports,
    ):
        os.environ[ADDRESS_VARIABLE] = reports
        check_taken(client, plan.path, replace)
        before = read_deployment(client, plan.path)
        if before is not None:
            settle_dead_runs(client, before.id, plan.flow_name, DEAD)
        plan = take_over(plan, before)
        deployment: Any = runner.add_flow(plan.flow, **plan.list_settings())
        try:
            with suppress(KeyboardInterrupt):
                set_up_automations(client, deployment, plan.path, None, notify)
                note(
                    f"serving {plan.path} {plan.describe_schedule()}; runs and artifacts: {redact(url.removesuffix('/api'))}; reports: {reports}"
                )
                make_up(client, before, plan, deployment)
                note("Ctrl-C stops serving; the schedule stays active for the next `chem-vae serve`")
                runner.keep_serving(claim)
        finally:
            settle_dead_runs(client, deployment, plan.flow_name, INTERRUPTED)
    note("stopped serving")


def _end(number: int, frame: Any) -> None:
    raise SystemExit(128 + number)
