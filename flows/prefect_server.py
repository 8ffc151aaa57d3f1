"""Finds a running Prefect server, or starts one for as long as it is needed."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, PREFECT_SERVER_API_PORT, temporary_settings

from chem_vae.errors import ChemVAEError, UserError
from flows.terminal import note
from pipeline.workspace.redaction import redact

START_SECONDS = 180.0


@contextmanager
def use_server() -> Iterator[str]:
    """Use the configured server, else one at Prefect's usual address, else one of our own that ends with this process.

    Prefect's temporary server starts no scheduler, so that a schedule needs a real one.

    Yields:
        The URL of the server's API; inside, it is Prefect's setting.

    Raises:
        UserError: Where a server is configured (PREFECT_API_URL or a profile) that does not answer.
        ChemVAEError: Where no server can be started.
    """
    if url := PREFECT_API_URL.value():
        if trouble := find_trouble(url):
            raise UserError(
                f"no Prefect server answers at {redact(url)} (PREFECT_API_URL or your Prefect profile): {redact(str(trouble))}; "
                "start one with `prefect server start`, or unset PREFECT_API_URL and one is started here"
            )
        yield url
        return
    usual = int(PREFECT_SERVER_API_PORT.value())
    url = f"http://127.0.0.1:{usual}/api"
    if find_trouble(url) is None:
        note(f"using the Prefect server at {url}")
        with temporary_settings({PREFECT_API_URL: url}):
            yield url
        return
    port = _find_free_port(usual)
    url = f"http://127.0.0.1:{port}/api"
    note(f"no Prefect server is configured: starting one at {url} (it keeps its data for the next time)")
    process = subprocess.Popen(
        [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PREFECT_API_URL": url},
        start_new_session=True,  # a Ctrl-C is for us first: the runs' states must still be written
    )
    try:
        deadline = time.monotonic() + START_SECONDS
        while find_trouble(url) is not None:
            if process.poll() is not None or time.monotonic() > deadline:
                raise ChemVAEError(
                    "the Prefect server did not start; see why with: prefect server start --host 127.0.0.1 "
                    f"--port {port}, or set PREFECT_API_URL to a running one"
                )
            time.sleep(0.3)
        with temporary_settings({PREFECT_API_URL: url}):
            yield url
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def find_trouble(url: str) -> Exception | None:
    """Return the reason why no Prefect server answers at a URL; None where one does."""
    with temporary_settings({PREFECT_API_URL: url}), get_client(sync_client=True) as client:
        return client.api_healthcheck()


def _find_free_port(usual: int) -> int:
    """Return the usual port, or where it is taken, any other."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a server that just ended leaves its port waiting
        with suppress(OSError):
            sock.bind(("127.0.0.1", usual))
            return usual
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
