"""The options that say what is run on a schedule, and when: of the commands `serve` and `deploy`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from chem_vae.errors import UserError
from flows.cli.given import Given
from flows.cli.options import HOW, LEARN, make_option
from flows.cli.setting_option import SettingOption

if TYPE_CHECKING:
    from flows.deployment.deployment_plan import Plan

WHEN = "When to run"
TELL = "Reports and notifications"

Cron = Annotated[
    str | None,
    make_option(WHEN, "--cron", metavar="CRON", help='Minute, hour, day, month and weekday, e.g. "0 2 * * *".'),
]
Interval = Annotated[
    float | None, make_option(WHEN, "--interval", metavar="SECONDS", help="Or: every so many seconds, e.g. 3600.")
]
Timezone = Annotated[
    str | None,
    make_option(WHEN, "--timezone", metavar="ZONE", help="Such as Europe/Berlin; the machine's own when not given."),
]
Flow = Annotated[
    str, make_option(HOW, "--flow", metavar="NAME", help="campaign, ingest, train, generate, screen, optimize or update.")
]  # fmt: skip
Dataset = Annotated[
    str, make_option(LEARN, "--dataset", metavar="FOLDER|NAME", help="The dataset that the flow train trains on.")
]
Model = Annotated[
    str | None,
    make_option(
        LEARN, "--model", metavar="RUN|FOLDER",
        help="The model that generate, screen and optimize work with; the run that update goes on from. When not given: the latest.",
    ),
]  # fmt: skip
Data = Annotated[
    str | None,
    make_option(LEARN, "--data", metavar="FILE", help="For update: the file (or URL) of the new measurements."),
]
HitScore = Annotated[
    float | None,
    make_option(
        TELL, "--hit-score", metavar="NUMBER", help="Tell a hit when the best candidate has at least this score, from 0 to 1."
    ),
]  # fmt: skip
Notify = Annotated[
    str | None,
    make_option(
        TELL, "--notify", metavar="URL|BLOCK",
        help="Notify of failures, of nights with nothing new and of hits: a webhook's address (of Slack or Mattermost, say), or a "
        "Prefect block as type/name; none for no notifications. When not given: as before.",
    ),
]  # fmt: skip

NAME = SettingOption(
    HOW, "--name", "name", "NAME", "nightly",
    help="A name for the deployment, and for its runs where the settings name none; that of the settings or of the flow when not given",
)  # fmt: skip


def make_plan(
    given: Given,
    config: Path | None,
    workspace: Path,
    *,
    flow: str,
    data: str | None,
    needs_schedule: bool = True,
    **more: Any,
) -> Plan:
    """Plan a deployment from what the options say.

    Args:
        given: The settings that were given.
        config: The configuration file.
        workspace: The folder in which datasets, models and runs are kept.
        flow: The flow's name.
        data: The file of measurements for `update`.
        needs_schedule: Whether a schedule has to be given.
        **more: Further arguments of `flows.deployment.deployment_plan.plan_deployment`.

    Raises:
        UserError: What is asked for contradicts itself, or something that it needs is not there.
    """
    if flow == "update" and config is not None:
        raise UserError(
            "update goes by its run's own settings: leave out --config, and say with --set what is to differ"
        )
    if flow != "update" and data is not None:
        raise UserError("--data is for --flow update; say what to ingest in the file, or by --set ingest.source=my.csv")
    from flows.deployment.deployment_plan import check_name, plan_deployment  # here: --help does without the work

    name = given.settings.pop("name", None)  # of the deployment; the runs' may stand in the file
    if name is not None:
        check_name("a deployment", name, "--name")
    whole = given.load(config)
    if "name" not in whole.model_fields_set:
        whole = given.load(config, {"name": name or flow})
    return plan_deployment(
        whole, workspace, flow_name=flow, name=name, data=data, settings=given.settings, needs_schedule=needs_schedule, **more
    )  # fmt: skip
