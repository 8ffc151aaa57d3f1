"""The command line as the tests call it: this checkout, with nothing of the caller's settings."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]

Done = subprocess.CompletedProcess[str]
CommandLine = Callable[..., Done]


def environment(home: Path) -> dict[str, str]:
    """The environment of a command: this checkout, a Prefect home of its own, and no server or workspace set."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT", "CHEM_VAE", "PYTEST"))}
    return {**kept, "PYTHONPATH": str(ROOT), "PREFECT_HOME": str(home / "prefect"), "COLUMNS": "100", "TERM": "dumb"}


def call_here(arguments: list[str], folder: Path, variables: dict[str, str]) -> Done:
    """Run a command in this process, as if it were called in a folder."""
    from flows.cli.main import run_command

    out, err = io.StringIO(), io.StringIO()
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.dict(os.environ, variables, clear=True))
        stack.enter_context(mock.patch.object(sys, "argv", ["chem-vae", *arguments]))
        stack.enter_context(warnings.catch_warnings())
        stack.enter_context(contextlib.chdir(folder))
        stack.enter_context(contextlib.redirect_stdout(out))
        stack.enter_context(contextlib.redirect_stderr(err))
        code = run_command()
    return Done(arguments, code, out.getvalue(), err.getvalue())


def refused(done: Done, *words: str, code: int = 2) -> None:
    """A failed command: its exit code, one plain sentence on standard error, nothing on standard output, no traceback."""
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: "), done.stderr
    for word in words:
        assert word in last, last
