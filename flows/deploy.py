"""Keeps a deployment of a flow on its schedule: `chem-vae serve`."""

from __future__ import annotations

import asyncio
import difflib
import importlib
import os
import signal
import zoneinfo
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tzlocal

from chem_vae.errors import UserError, unknown_name
from flows.environment import prepare_prefect
from flows.terminal import note
from pipeline.workflows.preflight import check_request, check_start
from pipeline.workspace.redaction import has_secret, redact

if TYPE_CHECKING:
    from pipeline.config import CampaignConfig

FLOWS = ("campaign", "ingest", "train", "generate", "screen", "optimize", "update")


def serve(
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
    debug: bool = False,
) -> None:
    """Keep one deployment of a flow and run it on its schedule, until interrupted.

    The schedule stays active when this process ends, so that a restart goes on with it; at most one run at a time.
    The Prefect server is the configured one (PREFECT_API_URL or a profile); else a local one is used or started.

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
        debug: Log tracebacks of our own errors, too.

    Raises:
        UserError: Before anything is started, where the flow, the schedule or the time zone is wrong, or where something that
            the flow needs is not there.
    """
    if flow_name not in FLOWS:
        raise unknown_name("flow", flow_name, FLOWS)
    for place in (config.ingest.source, config.screen.library if config.screen else "", data or ""):
        if has_secret(place):
            raise UserError(
                f"the settings of a deployment are kept on the Prefect server, and {redact(place)} holds a secret: write it as "
                "the name of an environment variable, as in https://me:${PASSWORD}@host/file.csv"
            )
    if flow_name == "campaign":
        check_request(config)
    if flow_name in ("campaign", "train", "update"):
        check_start(config, workspace)
    parameters = make_parameters(flow_name, config, workspace, dataset, model, data, settings or {})
    zone = check_timezone(timezone or tzlocal.get_localzone_name())
    prepare_prefect()  # and only then load Prefect, which reads its settings as it loads
    schedule = make_schedule(cron, interval, zone)

    from prefect.runner import Runner  # here: loads prefect
    from prefect.types.entrypoint import EntrypointType

    from flows.prefect_server import use_server  # here: loads prefect

    signal.signal(signal.SIGTERM, _end)  # so that a server of ours is stopped, too
    if debug:
        os.environ["CHEM_VAE_DEBUG"] = "1"
    # The runs are started in processes of their own, which import the flow by its module's name.
    root = str(Path(__file__).resolve().parent.parent)
    os.environ["PYTHONPATH"] = os.pathsep.join(p for p in (root, os.environ.get("PYTHONPATH")) if p)
    with use_server() as url:
        # Flow.serve would do, but for two things. One run at a time is the runner's own limit: the deployment's is counted
        # by the server, where a run that was killed keeps its place, and the schedule of a restarted `serve` would wait for
        # it. And the runner's answer to SIGTERM exits amid its loop, with tracebacks of its connections to the runs.
        runner = Runner(name=name or config.name, pause_on_shutdown=False, limit=1)
        runner.handle_sigterm = _interrupt  # type: ignore[method-assign]
        runner.add_flow(
            getattr(importlib.import_module(f"flows.{flow_name}"), flow_name),
            name=runner.name,
            parameters=parameters,
            schedule=schedule,
            paused=False,
            tags=["chem-vae"],
            description=f"chem-vae {flow_name} of {redact(data or config.ingest.source)}",
            entrypoint_type=EntrypointType.MODULE_PATH,
        )
        when = f"every {interval:g} s" if interval else f"at {cron!r}, {zone}"
        note(f"serving {flow_name}/{runner.name} {when}; runs and artifacts: {url.removesuffix('/api')}")
        note("Ctrl-C stops serving; the schedule stays active for the next `chem-vae serve`")
        with suppress(KeyboardInterrupt):
            asyncio.run(runner.start())
    note("stopped serving")


def _end(number: int, frame: Any) -> None:
    raise SystemExit(128 + number)


def _interrupt(*_: Any) -> None:
    signal.raise_signal(signal.SIGINT)


def check_timezone(name: str) -> str:
    """Return the name of a time zone that exists. Raises UserError with the nearest names otherwise."""
    try:
        zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        known = zoneinfo.available_timezones()
        cities = {zone.rpartition("/")[2].casefold(): zone for zone in sorted(known, reverse=True) if "/" in zone}
        wanted = name.rpartition("/")[2].strip().replace(" ", "_").casefold()
        near = [cities[city] for city in difflib.get_close_matches(wanted, cities, n=3, cutoff=0.6)]
        hint = f"did you mean {' or '.join(near)}?" if near else "give an IANA name such as Europe/Berlin or UTC"
        raise UserError(f"unknown time zone {name!r}; {hint}") from None
    return name


def make_schedule(cron: str | None, interval: float | None, zone: str) -> Any:
    """Make a prefect.schedules.Schedule. Raises UserError where it says no time, two, or none that there is."""
    if (cron is None) == (interval is None):
        raise UserError('say when to run: --cron "0 2 * * *" (every night at two) or --interval 3600 (seconds)')
    from prefect.client.schemas.schedules import CronSchedule  # here: Prefect reads its settings as it loads
    from prefect.schedules import Cron, Interval

    if interval is not None:
        if not 1 <= interval <= 366 * 86400:
            raise UserError(f"an interval is from 1 second to a year, not {interval:g} seconds")
        return Interval(interval, timezone=zone)
    assert cron is not None
    try:
        if len(cron.split()) != 5:
            raise ValueError(cron)
        CronSchedule(cron=cron, timezone=zone)
    except ValueError:
        raise UserError(
            f"{cron!r} is not a cron schedule; it has five fields (minute hour day month weekday), "
            'as in "0 2 * * *" (every night at two) or "30 6 * * 1" (Mondays at half past six)'
        ) from None
    return Cron(cron, timezone=zone)


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
    source, start = _make_absolute(config.ingest.source), config.train.base and _make_absolute(config.train.base)
    config = config.model_copy(update={"ingest": config.ingest.model_copy(update={"source": source})})
    if start is not None:
        config = config.model_copy(update={"train": config.train.model_copy(update={"start": start})})
    values: dict[str, Any] = {"workspace": str(workspace.resolve())}
    if flow_name == "campaign":
        return values | {"config": config.model_dump(mode="json")}
    if flow_name == "update":
        if data is None:
            raise UserError("the flow update needs the file of new measurements: --data measured.csv")
        there = data if "://" in data else str(Path(data).expanduser().resolve())  # it may be written later
        if start is not None and "train.start" in settings:
            settings = settings | {"train.start": start}
        return values | {"data": there, "run": _make_absolute(model or "latest"), "settings": settings}
    asked = getattr(config, flow_name)
    if asked is None:
        needs = {"optimize": "what is wanted", "screen": "where the library is"}
        raise UserError(
            f"the flow {flow_name} needs a table [{flow_name}] in the configuration that says {needs[flow_name]}"
        )
    if flow_name == "screen":
        place = _make_absolute(asked.library)
        values["library"] = asked.model_copy(update={"library": place}).model_dump(mode="json")
        asked = config.generate
    values["config"] = asked.model_dump(mode="json")
    if flow_name == "train":
        values["dataset"] = _make_absolute(dataset)
    elif flow_name in ("generate", "screen", "optimize"):
        values |= {"model": model and _make_absolute(model), "name": config.name}
    return values


def _make_absolute(place: str) -> str:
    """Return the absolute path of what there is; a name as it is."""
    return str(Path(place).resolve()) if Path(place).exists() else place
