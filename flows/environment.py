"""Sets the settings of Prefect for this project, where the user has not set them. This module imports no Prefect."""

from __future__ import annotations

import os

from flows.terminal import note

RUN_SETTINGS = {
    # A server that restarts is waited for: 2 + 4 + ... + 512 seconds. With Prefect's own 5 a run crashes after a minute.
    "PREFECT_CLIENT_MAX_RETRIES": "9",
    # By these the server finds out that the process of a run has gone.
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
}
"""The settings that a run needs wherever it is done."""
DEFAULTS = {
    # Nothing is sent anywhere; without a network the attempt would only log an error.
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    # The first start of a temporary server migrates its database, which takes long on a slow laptop.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    # A temporary server and the run share one SQLite file: wait for it rather than complain that it is locked.
    "PREFECT_SERVER_DATABASE_TIMEOUT": "60",
    "PREFECT_SERVER_DATABASE_CONNECTION_TIMEOUT": "60",
    "PREFECT_CLI_PROMPT": "false",
    **RUN_SETTINGS,
}
ADDRESS_VARIABLE = "CHEM_VAE_REPORTS"
"""The environment variable that tells a run where the reports of its workspace can be read."""
QUIET_VARIABLE = "CHEM_VAE_QUIET"
QUIET = {
    # The terminal shows our own progress; Prefect's log still goes to its server at INFO.
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
}


def prepare_prefect(quiet: bool = False) -> None:
    """Set the settings that the user has not set; to be called before Prefect is imported for the first time.

    Args:
        quiet: Keep Prefect's own log off the terminal; its server has it all the same.
    """
    for name, value in (DEFAULTS | QUIET if quiet else DEFAULTS).items():
        os.environ.setdefault(name, value)


def start_prefect(quiet: bool, debug: bool) -> None:
    """Set up Prefect for a command that runs a flow.

    Args:
        quiet: Show no progress on the terminal.
        debug: Show Prefect's own log on the terminal.
    """
    prepare_prefect(quiet=not debug)
    if quiet:
        os.environ[QUIET_VARIABLE] = "1"
    else:
        note("starting Prefect")


def is_quiet() -> bool:
    """Tell whether the flows of this process shall show no progress on the terminal."""
    return bool(os.environ.get(QUIET_VARIABLE))
