"""The command line as the tests call it: this checkout, in a subprocess, with nothing of the caller's settings."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

CommandLine = Callable[..., subprocess.CompletedProcess[str]]


def environment(home: Path) -> dict[str, str]:
    """The environment of a subprocess: this checkout, a Prefect home of its own, and no server or workspace set."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT", "CHEM_VAE", "PYTEST"))}
    return {**kept, "PYTHONPATH": str(ROOT), "PREFECT_HOME": str(home / "prefect"), "COLUMNS": "100", "TERM": "dumb"}
