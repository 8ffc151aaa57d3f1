"""Plans a deployment of a flow: checks what its runs will need, and makes its schedule and its parameters."""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tzlocal

from chem_vae.errors import UserError, unknown_name
from flows.deployment.schedules import check_timezone, find_next, make_schedule
from flows.environment import prepare_prefect
from pipeline.workflows.checks.night_check import check_night
from pipeline.workspace.lookup import LIBRARY
from pipeline.workspace.places import (
    make_file_absolute,
    make_folder_absolute,
    make_model_absolute,
    make_places_absolute,
)
from pipeline.workspace.remote.redaction import has_secret, redact

if TYPE_CHECKING:
    from pipeline.config import CampaignConfig

TAG = "chem-vae"
"""The tag of our deployments and of their runs, by which automations know them."""
FLOWS = ("campaign", "ingest", "train", "generate", "screen", "optimize", "update")


@dataclass(frozen=True)
class Plan:
    """A deployment that is to be made: its flow, name, parameters and schedule."""

    flow_name: str
    name: str
    parameters: dict[str, Any]
    schedule: Any
    """A prefect.schedules.Schedule; None where it runs only when it is told to."""
    description: str
    workspace: Path
    is_paused: bool = False
    """Whether the deployment was paused by hand."""

    @property
    def is_off(self) -> bool:
        """Whether the deployment or its schedule was paused by hand, so that nothing runs by itself."""
        return self.is_paused or (self.schedule is not None and not self.schedule.active)

    @property
    def path(self) -> str:
        """The deployment as flow/name."""
        return f"{self.flow_name}/{self.name}"

    @property
    def flow(self) -> Any:
        """The Prefect flow."""
        return getattr(importlib.import_module(f"flows.{self.flow_name}"), self.flow_name)

    def list_settings(self) -> dict[str, Any]:
        """List what Prefect is told of the deployment, as `to_deployment` of a flow and `add_flow` of a runner take it."""
        from prefect.types.entrypoint import EntrypointType  # here: loads prefect

        return {
            "name": self.name,
            "parameters": self.parameters,
            "schedule": self.schedule,
            "paused": self.is_paused,
            "tags": [TAG],
            "description": self.description,
            "entrypoint_type": EntrypointType.MODULE_PATH,
        }

    def describe_schedule(self) -> str:
        """Say when it runs, and when next."""
        if self.schedule is None:
            return "when it is told to"
        following = find_next(self.schedule)
        when = "; paused" if self.is_off else f"; the next run: {following:%a %Y-%m-%d %H:%M}" if following else ""
        if self.schedule.cron is None:
            return f"every {self.schedule.interval.total_seconds():g} s{when}"
        return f"at {self.schedule.cron!r}, {self.schedule.timezone}{when}"


def plan_deployment(
    config: CampaignConfig,
    workspace: Path,
    *,
    flow_name: str = "campaign",
    cron: str | None = None,
    interval: float | None = None,
    timezone: str | None = None,
    name: str | None = None,
    dataset: str = "latest",
    model: str | None = None,
    data: str | None = None,
    settings: dict[str, Any] | None = None,
    hit_score: float | None = None,
    needs_schedule: bool = True,
) -> Plan:
    """Check everything that a deployment's runs will need, before the night, and plan it.

    Args:
        config: The settings of the flow.
        workspace: The folder in which datasets, models and runs are kept.
        flow_name: One of FLOWS.
        cron: Five fields, as in "0 2 * * *".
        interval: Seconds from one run to the next; this or `cron`.
        timezone: An IANA name such as Europe/Berlin; the machine's own when not given.
        name: The deployment's name; the configuration's when not given.
        dataset: The dataset that the flow `train` trains on.
        model: The model that `generate`, `screen` and `optimize` work with; the run that `update` goes on from; the latest when None.
        data: The file of new measurements for `update`.
        settings: Settings for `update` by dotted key, on top of the run's own configuration.
        hit_score: The score from which on the best candidate of a run is told as a hit.
        needs_schedule: Whether a schedule has to be given.

    Raises:
        UserError: The flow, the schedule or the time zone is wrong, or something that the flow needs is not there.
        DataError: A file or folder that the flow needs is missing or damaged.
    """
    if flow_name not in FLOWS:
        raise unknown_name("flow", flow_name, FLOWS)
    for place in (
        config.ingest.source,
        config.screen.library if config.screen else "",
        data or "",
        config.library or "",
        config.publish or "",
    ):
        if has_secret(place):
            raise UserError(
                f"the settings of a deployment are kept on the Prefect server, and {redact(place)} holds a secret: write it as "
                "the name of an environment variable, as in https://me:${PASSWORD}@host/file.csv"
            )
    _refuse_unused(flow_name, dataset, model, hit_score)
    name = check_name("a deployment", config.name if name is None else name, "--name")
    check_hit_score(hit_score)
    parameters = make_parameters(flow_name, config, workspace, dataset, model, data, settings or {})
    if hit_score is not None and flow_name not in ("ingest", "train"):
        parameters["hit_score"] = hit_score
    zone = check_timezone(timezone or tzlocal.get_localzone_name())
    prepare_prefect()  # and only then load Prefect, which reads its settings as it loads
    is_scheduled = needs_schedule or cron is not None or interval is not None
    if timezone is not None and not is_scheduled:
        raise UserError(
            '--timezone is that of a schedule: say when to run, too, by --cron "0 2 * * *" or --interval 3600'
        )
    schedule = make_schedule(cron, interval, zone) if is_scheduled else None
    check_night(flow_name, config, workspace, dataset=dataset, model=model, settings=settings)
    about = f"chem-vae {flow_name} of {redact(data or config.ingest.source)}"
    return Plan(flow_name, name, parameters, schedule, about, workspace)


def check_name(what: str, name: str, option: str) -> str:
    """Return a name that Prefect takes.

    Args:
        what: What bears it, with its article.
        name: The name.
        option: The option that names it.

    Raises:
        UserError: Prefect takes no such name.
    """
    if not name.strip():
        raise UserError(f"the name of {what} cannot be empty; give another {option}")
    if held := [sign for sign in "/%&<>" if sign in name]:
        raise UserError(f"the name of {what} cannot hold {' or '.join(held)}: {name!r}; give another {option}")
    if name.endswith(".py") or not name.isprintable():
        raise UserError(
            f"the name of {what} cannot end in .py or hold more than one line: {name!r}; give another {option}"
        )
    return name


def check_pool(name: str) -> str:
    """Return the name of a work pool that Prefect takes. Raises UserError where it takes no such name."""
    if name.lower().startswith("prefect"):
        raise UserError(
            f"the names of work pools that begin with prefect are Prefect's own: {name!r}; give another --pool"
        )
    return check_name("a work pool", name, "--pool")


def check_hit_score(score: float | None) -> None:
    """Raise UserError where no score can reach, or each one reaches, the score of a hit."""
    if score is None or 0 <= score <= 1:
        return
    hint = f"; did you mean {score / 100:g}?" if 1 < score <= 100 else ""
    raise UserError(f"--hit-score is from 0 to 1, as scores are, not {score:g}{hint}")


def _refuse_unused(flow_name: str, dataset: str, model: str | None, hit_score: float | None) -> None:
    """Raise UserError for what a flow would not look at."""
    unused = {
        "--model": model is not None and flow_name in ("campaign", "ingest", "train"),
        "--dataset": dataset != "latest" and flow_name != "train",
        "--hit-score": hit_score is not None and flow_name in ("ingest", "train"),
    }
    if said := [name for name, is_unused in unused.items() if is_unused]:
        raise UserError(
            f"the flow {flow_name} does not use {' or '.join(said)}; leave it out, or choose another --flow"
        )


def list_python_path() -> str:
    """Return the PYTHONPATH with which another process finds the flows."""
    root = str(Path(__file__).resolve().parents[2])
    return os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH")) if part)


def make_parameters(
    flow_name: str,
    config: CampaignConfig,
    workspace: Path,
    dataset: str,
    model: str | None,
    data: str | None,
    settings: dict[str, Any],
) -> dict[str, Any]:
    """Make a flow's parameters as JSON values, with absolute paths: a run starts in a folder of its own."""
    config = config.with_absolute_places()
    values: dict[str, Any] = {"workspace": str(workspace.resolve())}
    if config.publish is not None and flow_name != "campaign":
        values["publish"] = config.publish
    if flow_name == "campaign":
        return values | {"config": config.model_dump(mode="json")}
    if flow_name == "update":
        if data is None:
            raise UserError("the flow update needs the file of new measurements: --data measured.csv")
        there = data if data == LIBRARY else make_file_absolute(data)  # it may be written later
        run = make_folder_absolute(model or "latest")
        return values | {"data": there, "run": run, "settings": make_places_absolute(settings)}
    asked = getattr(config, flow_name)
    if asked is None:
        needs = {"optimize": "what is wanted", "screen": "where the library is"}
        raise UserError(
            f"the flow {flow_name} needs a table [{flow_name}] in the configuration that says {needs[flow_name]}"
        )
    if flow_name == "screen":
        values["library"] = asked.model_dump(mode="json")
        asked = config.generate
    values["config"] = asked.model_dump(mode="json")
    if flow_name == "train":
        return values | {"dataset": make_folder_absolute(dataset)}
    whole = config.model_dump(mode="json", include={"dask", "library", "fail_under"})
    values["dask"] = whole["dask"]
    if flow_name != "ingest":
        values |= {"model": model and make_model_absolute(model), "name": config.name}
        values |= {"candidate_library": whole["library"], "fail_under": whole["fail_under"]}
    return values
