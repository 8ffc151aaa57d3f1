"""Keeps a deployment of a flow on its schedule: `chem-vae serve`."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chem_vae.errors import ChemVAEError, UserError, unknown_name
from flows.environment import prepare_prefect
from pipeline.workflows.preflight import check_request, check_start

if TYPE_CHECKING:
    from prefect.runner import Runner

    from pipeline.config import CampaignConfig

FLOWS = ("campaign", "ingest", "train", "generate", "optimize", "update")


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
    model: str = "latest",
    data: str | None = None,
    settings: dict[str, Any] | None = None,
    debug: bool = False,
) -> None:
    """Keep one deployment of a flow and run it on its schedule, until interrupted.

    The schedule stays active when this process ends, so that a restart goes on with it; at most one run at a time.
    The Prefect server is the configured one (PREFECT_API_URL or a profile); else a local one is used or started.

    cron: five fields, as in "0 2 * * *"; interval: seconds; one of the two. timezone: an IANA name such as
    Europe/Berlin; the machine's own where not given. dataset and model: for the flow train, and for generate and optimize.
    data, settings: for update, which goes on from the run `model` with its own configuration and these settings by dotted key.

    Raises UserError before anything is started where the flow, the schedule or the time zone is wrong, or what the flow needs is
    not given.
    """
    if flow_name not in FLOWS:
        raise unknown_name("flow", flow_name, FLOWS)
    if flow_name == "campaign":
        check_request(config)
    if flow_name in ("campaign", "train", "update"):
        check_start(config, workspace)
    parameters = _parameters(flow_name, config, workspace, dataset, model, data, settings or {})
    zone = check_timezone(timezone or local_timezone())
    prepare_prefect()
    schedule = _schedule(cron, interval, zone)

    from prefect.runner import Runner
    from prefect.settings import PREFECT_API_URL, temporary_settings
    from prefect.types.entrypoint import EntrypointType

    signal.signal(signal.SIGTERM, _terminated)  # so that a server of ours is stopped, too
    # The runs are started in processes of their own, which import the flow by its module's name.
    root = str(Path(__file__).resolve().parent.parent)
    if debug:
        os.environ["CHEM_VAE_DEBUG"] = "1"
    os.environ["PYTHONPATH"] = os.pathsep.join(p for p in (root, os.environ.get("PYTHONPATH")) if p)
    with _server(PREFECT_API_URL.value()) as url, temporary_settings({PREFECT_API_URL: url}):
        deployment = _flow(flow_name).to_deployment(
            name=name or config.name,
            parameters=parameters,
            schedule=schedule,
            paused=False,
            tags=["chem-vae"],
            description=f"chem-vae {flow_name} of {data or config.ingest.source}",
            entrypoint_type=EntrypointType.MODULE_PATH,
        )
        when = f"every {interval:g} s" if interval else f"at {cron!r}, {zone}"
        page = url.removesuffix("/api")
        _say(f"serving {flow_name}/{deployment.name} {when}; runs and artifacts: {page}")
        _say("Ctrl-C stops serving; the schedule stays active for the next `chem-vae serve`")
        # One run at a time by the runner's own limit. The deployment's would be counted by the server, where a run that
        # was killed keeps its place, and the schedule of a restarted `serve` would wait for it.
        runner = Runner(name=deployment.name, pause_on_shutdown=False, limit=1)
        runner.add_deployment(deployment)
        with suppress(KeyboardInterrupt, asyncio.CancelledError):
            asyncio.run(_run_until_told(runner))
    _say("stopped serving")


async def _run_until_told(runner: Runner) -> None:
    """Run what is due until Ctrl-C or SIGTERM; either ends the run at work, too, and leaves the schedule as it is."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    # The runner's own answer to SIGTERM exits amid the loop, with tracebacks of its connections to the runs.
    runner.handle_sigterm = lambda *_: loop.call_soon_threadsafe(task.cancel)  # type: ignore[method-assign, assignment]
    await runner.start()


def check_timezone(name: str) -> str:
    """The name, if the time zone exists; a UserError with the near names otherwise."""
    import zoneinfo

    try:
        zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        known = zoneinfo.available_timezones()
        cities = {zone.rpartition("/")[2].casefold(): zone for zone in sorted(known, reverse=True) if "/" in zone}
        import difflib

        wanted = name.rpartition("/")[2].strip().replace(" ", "_").casefold()
        near = [cities[city] for city in difflib.get_close_matches(wanted, cities, n=3, cutoff=0.6)]
        hint = f"did you mean {' or '.join(near)}?" if near else "give an IANA name such as Europe/Berlin or UTC"
        raise UserError(f"unknown time zone {name!r}; {hint}") from None
    return name


def local_timezone() -> str:
    """The IANA name of the machine's time zone; UTC where it cannot be told."""
    name = os.environ.get("TZ", "")
    link = Path("/etc/localtime")
    if not name and link.is_symlink():
        name = str(link.resolve()).partition("zoneinfo/")[2]
    return name.lstrip(":") or "UTC"


def _schedule(cron: str | None, interval: float | None, zone: str) -> Any:
    """A checked prefect.schedules.Schedule."""
    if (cron is None) == (interval is None):
        raise UserError('say when to run: --cron "0 2 * * *" (every night at two) or --interval 3600 (seconds)')
    from prefect.schedules import Cron, Interval

    if interval is not None:
        if not 1 <= interval <= 366 * 86400:
            raise UserError(f"an interval is from 1 second to a year, not {interval:g} seconds")
        return Interval(interval, timezone=zone)
    from prefect.client.schemas.schedules import CronSchedule

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


def _flow(name: str) -> Any:
    import importlib

    return getattr(importlib.import_module(f"flows.{name}"), name)


def _parameters(
    flow_name: str,
    config: CampaignConfig,
    workspace: Path,
    dataset: str,
    model: str,
    data: str | None,
    settings: dict[str, Any],
) -> dict[str, Any]:
    """A flow's parameters as JSON values, with absolute paths: a run starts in a folder of its own."""
    if Path(config.ingest.source).exists():
        source = str(Path(config.ingest.source).resolve())
        config = config.model_copy(update={"ingest": config.ingest.model_copy(update={"source": source})})
    if config.train.base is not None:
        train = config.train.model_copy(update={"start": _absolute(config.train.base)})
        config = config.model_copy(update={"train": train})
    values: dict[str, Any] = {"workspace": str(workspace.resolve())}
    if flow_name == "campaign":
        return values | {"config": config.model_dump(mode="json")}
    if flow_name == "update":
        if data is None:
            raise UserError("the flow update needs the file of new measurements: --data measured.csv")
        there = data if "://" in data else str(Path(data).expanduser().resolve())  # it may be written later
        if isinstance(start := settings.get("train.start"), str):
            settings = settings | {"train.start": _absolute(start)}
        return values | {"data": there, "run": _absolute(model), "settings": settings}
    asked = getattr(config, flow_name)
    if asked is None:
        raise UserError("the flow optimize needs a table [optimize] in the configuration that says what is wanted")
    values["config"] = asked.model_dump(mode="json")
    if flow_name == "train":
        values["dataset"] = _absolute(dataset)
    elif flow_name in ("generate", "optimize"):
        values |= {"model": _absolute(model), "name": config.name}
    return values


def _absolute(place: str) -> str:
    return str(Path(place).resolve()) if Path(place).exists() else place


# -- the server ------------------------------------------------------------------------------------------------------


@contextmanager
def _server(configured: str | None, timeout: float = 180.0) -> Iterator[str]:
    """The URL of the API of a running server: the configured one, one at Prefect's usual address, or our own.

    Prefect's temporary server starts no scheduler, so a schedule needs a real one. Ours ends with this process.
    """
    if configured:
        from prefect.client.orchestration import get_client

        with get_client(sync_client=True) as client:
            trouble = client.api_healthcheck()
        if trouble:
            raise UserError(
                f"no Prefect server answers at {configured} (PREFECT_API_URL or your Prefect profile): {trouble}; "
                "start one with `prefect server start`, or unset PREFECT_API_URL and one is started here"
            )
        yield configured
        return
    from prefect.settings import PREFECT_SERVER_API_PORT

    port = int(PREFECT_SERVER_API_PORT.value())
    url = f"http://127.0.0.1:{port}/api"
    if _healthy(url):
        _say(f"using the Prefect server at {url}")
        yield url
        return
    if not _free(port):
        port = _any_port()
        url = f"http://127.0.0.1:{port}/api"
    _say(f"no Prefect server is configured: starting one at {url} (it keeps its data for the next time)")
    process = subprocess.Popen(
        [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PREFECT_API_URL": url},
        start_new_session=True,  # a Ctrl-C is for us first: the runs' states must still be written
    )
    try:
        started = time.monotonic()
        while not _healthy(url):
            if process.poll() is not None or time.monotonic() - started > timeout:
                raise ChemVAEError(
                    "the Prefect server did not start; see why with: prefect server start --host 127.0.0.1 "
                    f"--port {port}, or set PREFECT_API_URL to a running one"
                )
            time.sleep(0.3)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _healthy(url: str) -> bool:
    local = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with local.open(f"{url}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False


def _free(port: int) -> bool:
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a server that just ended leaves its port waiting
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _any_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _terminated(number: int, frame: Any) -> None:
    raise SystemExit(128 + number)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
