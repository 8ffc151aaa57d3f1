"""The command line. Only typer is imported at the top, so that --help answers at once."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from flows.cli import (
    benchmark,
    deploy,
    explore,
    garbage,
    inspect,
    library,
    optimize,
    predict,
    publish,
    quickstart,
    repeat,
    reports,
    runs,
    screen,
    serve,
    space,
    steps,
    tune,
    ui,
    update,
    verify,
)
from flows.cli.command import complete, new_group
from flows.exit_codes import INTERRUPTED, explain_error
from flows.terminal import note, show_own_warnings
from pipeline.workspace.remote.redaction import redact_error

EXIT_SECONDS = 30.0
"""How long a process may take to end after its command has ended."""

app = new_group(completion=True)
for module in (
    quickstart,
    steps,
    screen,
    predict,
    optimize,
    inspect,
    runs,
    repeat,
    publish,
    verify,
    garbage,
    serve,
    deploy,
    reports,
    tune,
    update,
    ui,
):
    app.add_typer(module.app)
app.add_typer(benchmark.app, name="benchmark")
app.add_typer(explore.app, name="explore")
app.add_typer(library.app, name="library")
space.app  # noqa: B018 (its commands are of the group explore)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import PackageNotFoundError, version  # here: it is slow to load

        try:
            print(f"chem-vae {version('chem-vae')}")
        except PackageNotFoundError:
            print("chem-vae (from a checkout)")
        raise typer.Exit


@app.callback()
def chem_vae(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """New molecules to your targets: SMILES in, ranked and validated candidates and an honest report out.

    Start with: chem-vae quickstart
    """


def walk_commands(found: Any = None, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each command's name, as in `explore map`, and its click command with all options and their help."""
    found = found or typer.main.get_command(app)
    if hasattr(found, "commands"):
        for below, part in found.commands.items():
            yield from walk_commands(part, f"{name} {below}".strip())
    else:
        yield name, complete(found)


def main() -> None:
    """Run the command line and end the process with its exit code."""
    code = run_command()
    gc.freeze()  # what was loaded is not worth half a second of looking for garbage before the process ends
    if "prefect" in sys.modules:
        threading.Thread(target=_end_late, args=(code,), daemon=True).start()
    sys.exit(code)


def _end_late(code: int) -> None:
    """End the process where Prefect does not let it end: it waits without limit to tell a server that may have gone."""
    time.sleep(EXIT_SECONDS)
    note("the Prefect server does not answer: its pages may lack the last lines of the log")
    os._exit(code)


def run_command() -> int:
    """Run the command that sys.argv names, and return its exit code; every error becomes a sentence on standard error."""
    gc.set_threshold(
        100_000, 20, 50
    )  # loading torch and RDKit alone makes so many objects, and none of them is garbage
    debug = "--debug" in sys.argv[1:]
    # --debug shows all warnings, with their places in the code
    said: set[str] = set() if debug else show_own_warnings()
    try:
        code: Any = app(prog_name="chem-vae", standalone_mode=False)
        if code == 130:  # typer's answer to a Ctrl-C within a command
            note(INTERRUPTED)
    except BaseException as error:
        if debug and not isinstance(error, KeyboardInterrupt):
            redact_error(error)
            traceback.print_exc()
        message, code = explain_error(error)
        if str(error) in said:
            message = "error: stopped for the reason that is said above"
        if message:
            note(message)
    return code if isinstance(code, int) else 0


if __name__ == "__main__":
    main()
