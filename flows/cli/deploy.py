"""The command `deploy`: sets up a Prefect server and a work pool for nightly runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from chem_vae.errors import UserError
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
from flows.environment import prepare_prefect
from flows.terminal import name_workspace, suggest_command

app = new_group()
POOL = "chem-vae"
MOST_SECONDS = 366 * 86400


@command(app, NAME, options.PUBLISH, options.SET, json=False)
def deploy(
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
    reports: Annotated[
        str | None,
        make_option(TELL, "--reports", metavar="URL", help="Where `chem-vae reports` shows them, e.g. http://127.0.0.1:4280."),
    ] = None,
    pool: Annotated[
        str, make_option(HOW, "--pool", metavar="NAME", help="The work pool; it is made where it is not there yet.")
    ] = POOL,
    dead_after: Annotated[
        float | None,
        make_option(
            HOW, "--dead-after", metavar="SECONDS",
            help="A run without a sign of life for so long is marked as crashed, so that the next one can start. When not given: as "
            "before, at first 300.",
        ),
    ] = None,
    file: Annotated[
        Path | None,
        make_option(HOW, "--file", metavar="FILE", help="Make the deployments of a prefect.yaml, and no other; only --notify and --dead-after go with it."),
    ] = None,
    config: Path | None = None,
    workspace: Path = Path("workspace"),
) -> None:  # fmt: skip
    """Set up a Prefect server for nightly runs on a worker: the work pool, the deployment, and what the server does by itself.

    chem-vae deploy --config nightly.toml --cron "0 2 * * *" --timezone Europe/Berlin --notify https://hooks.example.com/lab

    chem-vae deploy --file prefect.yaml

    The server frees the place of a run whose process has gone, so that later nights run, and it sends the notifications. A second
    call changes what is there; it doubles nothing.
    """
    if dead_after is not None and not 40 <= dead_after <= MOST_SECONDS:
        raise UserError(
            f"--dead-after is from 40 seconds, as a run gives a sign of life every 30, to a year ({MOST_SECONDS}); not {dead_after:g}"
        )
    if file is not None:
        unused = {
            "--cron": cron, "--interval": interval, "--timezone": timezone, "--flow": flow != "campaign", "--dataset": dataset != "latest",
            "--model": model, "--data": data, "--hit-score": hit_score, "--reports": reports, "--pool": pool != POOL, "--config": config,
            "--workspace": name_workspace(workspace) or None, **given.raw,
        }  # fmt: skip
        if said := [name for name, value in unused.items() if value is not None and value is not False]:
            raise UserError(f"--file does not use {' or '.join(said)}: leave it out, and write it into the file")
        if not file.is_file():
            raise UserError(f"there is no file {file}; --file takes a prefect.yaml")
        prepare_prefect()
        from flows.deployment.deployment_file import deploy_file  # here: loads prefect

        for name in deploy_file(file, dead_after, notify):
            suggest_command("prefect worker start --pool {} --limit 1", name)
        return
    from flows.deployment.deployment_plan import check_pool  # here: --help does without the work

    check_pool(pool)
    plan = make_plan(
        given, config, workspace, flow=flow, data=data, cron=cron, interval=interval, timezone=timezone, dataset=dataset,
        model=model, hit_score=hit_score, needs_schedule=False,
    )  # fmt: skip
    prepare_prefect()
    from flows.deployment.work_pool import deploy as set_up  # here: loads prefect

    set_up(plan, pool=pool, dead_after=dead_after, notify=notify, reports=reports)
    suggest_command("prefect worker start --pool {} --limit 1", pool)
