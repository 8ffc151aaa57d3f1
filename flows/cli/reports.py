"""The command `reports`: shows the reports of a workspace in a browser."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated

from flows.cli.command import command, new_group
from flows.cli.options import HOW, make_option
from flows.terminal import note

app = new_group()


@command(app, json=False, serves=True)
def reports(
    port: Annotated[int, make_option(HOW, "--port", metavar="PORT", min=0, max=65535, help="The port at which they are shown.")] = 4280,
    host: Annotated[
        str,
        make_option(HOW, "--host", metavar="ADDRESS", help="0.0.0.0 shows them to the whole network, without a password."),
    ] = "127.0.0.1",
    workspace: Path = Path("workspace"),
) -> None:  # fmt: skip
    """Show the reports of a workspace in a browser, until interrupted: the files of its runs, and nothing else.

    chem-vae reports --port 4280
    """
    from flows.report_server import open_report_server  # here: loads httpx

    server = open_report_server(workspace, host, port)
    note(f"the reports of {workspace}: {server.address}; Ctrl-C ends it")
    with server, suppress(KeyboardInterrupt):
        server.serve_forever()
