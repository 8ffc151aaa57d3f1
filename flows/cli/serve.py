"""The command `serve`: keeps a flow on a schedule."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from chem_vae.errors import ChemVAEError, DataError
from flows.cli import options
from flows.cli.command import command, new_group
from flows.cli.given import Given
from flows.cli.options import HOW, make_option
from flows.cli.schedule_options import (
    NAME,
    TELL,
    Cron,
    Data,
    Dataset,
    Flow,
    HitScore,
    Interval,
    Model,
    Notify,
    Timezone,
    make_plan,
)
from flows.terminal import suggest_command

app = new_group()


@command(app, NAME, options.PUBLISH, options.SET, json=False, serves=True)
def serve(
    given: Given,
    cron: Cron = None,
    interval: Interval = None,
    timezone: Timezone = None,
    flow: Flow = "campaign",
    dataset: Dataset = "latest",
    model: Model = None,
    data: Data = None,
    hit_score: HitScore = None,
    notify: Notify = None,
    reports_port: Annotated[
        int,
        make_option(
            TELL, "--reports-port", metavar="PORT", min=0, max=65535, help="Where the reports are shown on this machine."
        ),
    ] = 4280,
    replace: Annotated[
        bool, make_option(HOW, "--replace", help="Stop the one that serves a deployment of this name, and take over.")
    ] = False,
    config: Path | None = None,
    workspace: Path = Path("workspace"),
    debug: bool = False,
) -> None:  # fmt: skip
    """Run a flow on a schedule with Prefect, for example every night, until interrupted.

    chem-vae serve --config nightly.toml --cron "0 2 * * *" --timezone Europe/Berlin

    chem-vae serve --flow update --data measured.csv --cron "0 6 * * 1"

    Everything that the runs need is checked first. A run that is interrupted goes on when `serve` is started again, and a night
    that was missed is made up.
    """
    try:
        plan = make_plan(
            given, config, workspace, flow=flow, data=data, cron=cron, interval=interval, timezone=timezone, dataset=dataset,
            model=model, hit_score=hit_score,
        )  # fmt: skip
    except DataError as error:
        # It may come yet, as on a disk of the network after a reboot: a service is started again at the code of a failed run alone.
        raise ChemVAEError(str(error)) from error
    from flows.deployment.deploy import serve as keep_serving  # here: --help does without the work

    keep_serving(plan, replace=replace, notify=notify, reports_port=reports_port, debug=debug)
    suggest_command("chem-vae serve with the same options goes on with the schedule")
