"""Runs a Prefect server for as long as one of its users lives: `python -m flows.deployment.server_process FOLDER PORT`.

Each user (a `chem-vae serve`) holds a file lock in FOLDER. The system frees a lock when its process ends, however it ends, so that
no server is left behind, and none ends while somebody needs it.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time
from pathlib import Path

from filelock import FileLock, Timeout

ADDRESS = "server.json"
"""The file in the server's folder that holds its address."""
CHECK_SECONDS = 1.0
END_SECONDS = 20.0


def find_lock(folder: Path) -> FileLock:
    """Return the lock under which a server of the folder is started or decides to end."""
    return FileLock(folder / "start.lock")


def has_users(folder: Path) -> bool:
    """Tell whether a living process uses the server of a folder; the locks of dead ones are removed."""
    used = False
    for path in sorted((folder / "users").glob("*.lock")):
        try:
            with FileLock(path, timeout=0):
                path.unlink(missing_ok=True)
        except Timeout:
            used = True
    return used


def end_without_users(folder: Path) -> None:
    """Wait until nobody uses the server, then forget its address and end this process."""
    while True:
        time.sleep(CHECK_SECONDS)
        try:
            with find_lock(folder).acquire(timeout=0):
                if has_users(folder):
                    continue
                (folder / ADDRESS).unlink(missing_ok=True)
        except Timeout:  # somebody is about to use it
            continue
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(END_SECONDS)
        os._exit(1)


def main() -> None:
    """Start Prefect's server in this process, beside the thread that ends it."""
    folder, port = Path(sys.argv[1]), sys.argv[2]
    threading.Thread(target=end_without_users, args=(folder,), daemon=True).start()
    sys.argv = ["prefect", "server", "start", "--host", "127.0.0.1", "--port", port]
    runpy.run_module("prefect", run_name="__main__")


if __name__ == "__main__":
    main()
