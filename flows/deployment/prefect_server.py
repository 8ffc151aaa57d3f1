"""Finds a running Prefect server, or starts one that lives as long as one of those who use it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from filelock import FileLock
from prefect.client.orchestration import get_client
from prefect.settings import (
    PREFECT_API_REQUEST_TIMEOUT,
    PREFECT_API_URL,
    PREFECT_CLIENT_MAX_RETRIES,
    PREFECT_HOME,
    PREFECT_SERVER_API_PORT,
    temporary_settings,
)

from chem_vae.atomic_files import write_json
from chem_vae.errors import ChemVAEError
from flows.deployment.deployment_plan import list_python_path
from flows.deployment.server_process import ADDRESS, find_lock, has_users
from flows.terminal import note
from pipeline.workspace.remote.redaction import redact

START_SECONDS = 180.0
WAIT_SECONDS = 60.0
"""How long a configured server that starts is waited for."""
WATCH_SECONDS = 5.0
ANSWER_SECONDS = 20.0


@contextmanager
def use_server() -> Iterator[str]:
    """Use the configured server, else one at Prefect's usual address, else one of our own that all our processes share.

    Our own server ends with the last process that uses it, however that ends; one that was killed is started again.
    Prefect's temporary server starts no scheduler, so that a schedule needs a real one.

    Yields:
        The URL of the server's API; inside, it is Prefect's setting.

    Raises:
        ChemVAEError: Where a server is configured (PREFECT_API_URL or a profile) that does not answer, or none can be started.
    """
    if url := PREFECT_API_URL.value():
        wait_for_server(url)
        yield url
        return
    server = SharedServer(Path(PREFECT_HOME.value()) / "chem-vae")
    with server.use() as url, temporary_settings({PREFECT_API_URL: url}):
        yield url


def wait_for_server(url: str) -> None:
    """Wait for the configured server, which may only just have been started.

    Raises:
        ChemVAEError: Where none answers within WAIT_SECONDS; no UserError, as it may come up later than that.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    trouble = find_trouble(url)
    if trouble is not None:
        note(f"waiting for the Prefect server at {redact(url)}")
    while trouble is not None and time.monotonic() < deadline:
        time.sleep(1)
        trouble = find_trouble(url)
    if trouble is not None:
        raise ChemVAEError(
            f"no Prefect server answers at {redact(url)} (PREFECT_API_URL or your Prefect profile): {redact(str(trouble))}; start one "
            "with `prefect server start`, or unset PREFECT_API_URL and `chem-vae serve` starts one"
        )


@dataclass
class SharedServer:
    """The server that all processes with the same PREFECT_HOME use; a folder in it holds its address and a lock for each user."""

    folder: Path
    url: str = ""
    is_ours: bool = False
    """Whether one of our processes started it, and not the user."""
    process: subprocess.Popen[bytes] | None = None
    ended: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def use(self) -> Iterator[str]:
        """Find or start the server, keep it running inside, and give it up in the end; the last one waits until it has ended."""
        (self.folder / "users").mkdir(parents=True, exist_ok=True)
        mine = self.folder / "users" / f"{uuid4()}.lock"
        lock = FileLock(mine)
        with find_lock(self.folder):
            lock.acquire()
            try:
                self.find_or_start()
            except BaseException:
                lock.release()
                raise
        watcher = threading.Thread(target=self._watch, daemon=True)
        watcher.start()
        try:
            yield self.url
        finally:
            self.ended.set()
            watcher.join(timeout=START_SECONDS)
            lock.release()
            mine.unlink(missing_ok=True)
            self._wait_for_end()

    def find_or_start(self) -> None:
        """Set the address of the server that runs, or start one. Raises ChemVAEError where it does not start."""
        usual = int(PREFECT_SERVER_API_PORT.value())
        with suppress(OSError, ValueError, KeyError):
            known = str(json.loads((self.folder / ADDRESS).read_text(encoding="utf-8"))["url"])
            if _answers_in_time(known):
                self.url, self.is_ours = known, True
                note(f"using the Prefect server at {self.url}, which another chem-vae serve started")
                return
        usual_url = f"http://127.0.0.1:{usual}/api"
        if find_trouble(usual_url) is None:
            self.url = usual_url
            note(f"using the Prefect server at {self.url}")
            return
        port = _find_free_port(usual)
        note(
            f"no Prefect server is configured: starting one at http://127.0.0.1:{port} (it keeps its data for the next time)"
        )
        if port != usual:
            note(f"another program is on port {usual}; PREFECT_SERVER_API_PORT=... chooses another port for good")
        self.start(port)

    def start(self, port: int) -> None:
        """Start the server at a port and wait until it answers. Raises ChemVAEError where it does not."""
        self.url, self.is_ours = f"http://127.0.0.1:{port}/api", True
        log = self.folder / "server.log"
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "flows.deployment.server_process", str(self.folder), str(port)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, "PREFECT_API_URL": self.url, "PYTHONPATH": list_python_path()},
                start_new_session=True,  # a Ctrl-C is for us first: the runs' states must still be written
            )
        deadline = time.monotonic() + START_SECONDS
        while find_trouble(self.url) is not None:
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                raise ChemVAEError(f"the Prefect server did not start; see why in {log}")
            time.sleep(0.3)
        write_json(self.folder / ADDRESS, {"url": self.url})

    def _watch(self) -> None:
        """Start our own server again where it has gone."""
        port = _read_port(self.url)
        while not self.ended.wait(WATCH_SECONDS):
            if not self.is_ours or find_trouble(self.url) is None:
                continue
            with find_lock(self.folder):
                if self.ended.is_set() or find_trouble(self.url) is None or not _is_free(port):
                    continue  # another user has started it, or it is busy
                note(f"the Prefect server at {self.url} has gone: starting it again")
                with suppress(ChemVAEError):
                    self.start(port)

    def _wait_for_end(self) -> None:
        if not self.is_ours or has_users(self.folder):
            return
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and find_trouble(self.url) is None:
            time.sleep(0.3)
        if self.process is not None:
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=30)


def find_trouble(url: str) -> Exception | None:
    """Return the reason why no Prefect server answers at a URL within ANSWER_SECONDS; None where one does."""
    # Prefect's own patience is a quarter of an hour with a program that takes the connection and says nothing.
    asked = {PREFECT_API_URL: url, PREFECT_API_REQUEST_TIMEOUT: ANSWER_SECONDS, PREFECT_CLIENT_MAX_RETRIES: 0}
    with temporary_settings(asked), get_client(sync_client=True) as client:
        return client.api_healthcheck()


def _answers_in_time(url: str) -> bool:
    """Tell whether a server of ours answers; while its port is taken it may only be busy, and a second one would use its data."""
    deadline = time.monotonic() + START_SECONDS
    while find_trouble(url) is not None:
        if _is_free(_read_port(url)) or time.monotonic() > deadline:
            return False
        time.sleep(0.3)
    return True


def _read_port(url: str) -> int:
    return int(url.rpartition(":")[2].partition("/")[0])


def _is_free(port: int) -> bool:
    """Tell whether a server can be started at a port."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a server that just ended leaves its port waiting
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _find_free_port(usual: int) -> int:
    """Return the usual port, or where it is taken, any other."""
    if _is_free(usual):
        return usual
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
