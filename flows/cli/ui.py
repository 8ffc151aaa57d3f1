"""The command `ui`: the app in the browser."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Annotated

from chem_vae.errors import UserError
from flows.app.context import AppContext, is_local_host
from flows.cli.command import command, new_group
from flows.cli.options import HOW, make_option
from flows.terminal import note
from pipeline.workspace.places import make_file_absolute, make_places_absolute
from pipeline.workspace.storage.disk_space import check_writable

app = new_group()
LEAST_TOKEN = 8


@command(app, json=False, serves=True)
def ui(
    workspace: Path,
    port: Annotated[int, make_option(HOW, "--port", metavar="PORT", min=0, max=65535, help="The port.")] = 4290,
    host: Annotated[
        str,
        make_option(
            HOW, "--host", metavar="ADDRESS",
            help="The address to listen at, such as 0.0.0.0 for all of this machine. Whoever comes from elsewhere needs a token.",
        ),
    ] = "127.0.0.1",
    token: Annotated[
        str | None,
        make_option(
            HOW, "--token", metavar="TEXT", envvar="CHEM_VAE_TOKEN",
            help="What a browser has to give once; one is made and printed where the address is not of this machine alone.",
        ),
    ] = None,
    library: Annotated[
        str | None,
        make_option(HOW, "--library", metavar="FILE|URL", help="The candidate library; library.sqlite of the workspace when not given."),
    ] = None,
    config: Path | None = None,
    no_browser: Annotated[bool, make_option(HOW, "--no-browser", help="Do not open the browser.")] = False,
) -> None:  # fmt: skip
    """Open the app in the browser: from a spreadsheet to candidates without a command.

    chem-vae ui

    With settings of your own for every run, such as a shorter training:

    chem-vae ui --config usual.toml

    On another machine of the group, whose address and token are printed:

    chem-vae ui --host 0.0.0.0

    Work that was started goes on when the browser or the app is closed.
    """
    if token is not None and len(token) < LEAST_TOKEN:
        raise UserError(f"a token has {LEAST_TOKEN} characters at least; leave --token out, and one is made")
    check_writable(workspace)
    from pipeline.config import load_config  # here and below: --help does without it

    settings = load_config(config).model_dump(mode="json", exclude_unset=True) if config else {}
    # a job works in a folder of its own
    settings, library = make_places_absolute(settings), library and make_file_absolute(library)
    # NiceGUI would make a folder where the command is called; nothing of the app is kept there
    os.environ.setdefault("NICEGUI_STORAGE_PATH", str(workspace.resolve() / ".app"))
    from flows.app.server import run_app  # here: loads NiceGUI, which no other command needs

    if token is None and not is_local_host(host):
        token = secrets.token_urlsafe(18)
    run_app(
        AppContext(workspace.resolve(), library, settings), host, port, token, open_browser=not no_browser, say=note
    )
