"""The command `serve`: keeps a flow on a schedule."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from chem_vae.errors import UserError
from flows.cli import options
from flows.cli.command import Given, command, new_group
from flows.cli.options import HOW, LEARN, make_option
from flows.terminal import suggest_command

app = new_group()
WHEN = "When to run"


@command(app, options.NAME, options.SET)
def serve(
    given: Given,
    cron: Annotated[
        str | None,
        make_option(WHEN, "--cron", metavar="CRON", help='Minute, hour, day, month and weekday, e.g. "0 2 * * *".'),
    ] = None,
    interval: Annotated[
        float | None, make_option(WHEN, "--interval", metavar="SECONDS", help="Or: every so many seconds, e.g. 3600.")
    ] = None,
    timezone: Annotated[
        str | None,
        make_option(WHEN, "--timezone", metavar="ZONE", help="Such as Europe/Berlin; the machine's own when not given."),
    ] = None,
    flow: Annotated[
        str, make_option(HOW, "--flow", metavar="NAME", help="campaign, ingest, train, generate, screen, optimize or update.")
    ] = "campaign",
    dataset: Annotated[
        str, make_option(LEARN, "--dataset", metavar="FOLDER|NAME", help="The dataset that the flow train trains on.")
    ] = "latest",
    model: Annotated[
        str | None,
        make_option(
            LEARN, "--model", metavar="RUN|FOLDER",
            help="The model that generate, screen and optimize work with; the run that update goes on from. When not given: the latest.",
        ),
    ] = None,
    data: Annotated[
        str | None,
        make_option(LEARN, "--data", metavar="FILE", help="For update: the file (or URL) of the new measurements."),
    ] = None,
    config: Path | None = None,
    workspace: Path = Path("workspace"),
    debug: bool = False,
) -> None:  # fmt: skip
    """Run a flow on a schedule with Prefect, for example every night, until interrupted.

    chem-vae serve --config nightly.toml --cron "0 2 * * *" --timezone Europe/Berlin

    chem-vae serve --flow update --data measured.csv --cron "0 6 * * 1"
    """
    if flow == "update" and config is not None:
        raise UserError(
            "update goes by its run's own settings: leave out --config, and say with --set what is to differ"
        )
    if flow != "update" and data is not None:
        raise UserError("--data is for --flow update; say what to ingest in the file, or by --set ingest.source=my.csv")
    name = given.settings.pop("name", None)  # of the deployment; the campaign's stands in the file
    whole = given.load(config)
    from flows.deploy import serve as keep_serving  # here: --help does without the work

    keep_serving(
        whole, workspace, flow_name=flow, cron=cron, interval=interval, timezone=timezone, name=name, dataset=dataset,
        model=model, data=data, settings=given.settings, debug=debug,
    )  # fmt: skip
    suggest_command("chem-vae serve with the same options goes on with the schedule")
