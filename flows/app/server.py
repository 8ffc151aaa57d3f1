"""Serves the app: one FastAPI app with NiceGUI's pages, the files of runs and the scripts of the drawing editor."""

from __future__ import annotations

import errno
import os
import socket
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import httpx
import uvicorn
from fastapi import FastAPI
from fastapi.responses import FileResponse, PlainTextResponse, Response
from nicegui import app as nicegui_app
from nicegui import ui

from chem_vae.errors import UserError
from flows.app.access import HEADER, AccessGuard
from flows.app.candidates import library
from flows.app.context import AppContext, is_local_host
from flows.app.jobs import comparison, job_page, runs, schedule
from flows.app.latent_space import explore
from flows.app.new_run import start
from flows.app.optimization import optimize
from flows.report_server import POLICY, find_run_file, identify
from pipeline.report.html.libraries import find_folder, list_libraries

USUAL_PORT = 4290
TITLE = "chem-vae"
FAVICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><path d="M16 3l11 6.5v13L16 29 5 22.5v-13z" fill="none" '
    'stroke="#0a6188" stroke-width="3"/><circle cx="16" cy="16" r="4.5" fill="#d55e00"/></svg>'
)


def register_pages(context: AppContext) -> None:
    """Register the pages of the app with NiceGUI."""
    for module in (start, job_page, runs, comparison, schedule, library, explore, optimize):
        module.register(context)


def build_app(context: AppContext, *, is_local: bool = True, token: str | None = None) -> FastAPI:
    """Build the app for a workspace, guarded.

    Args:
        context: What all pages share.
        is_local: Whether it listens at this computer alone.
        token: What a request needs; none where None.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    add_files(app, context)
    register_pages(context)
    ui.run_with(
        app, title=TITLE, favicon=FAVICON, dark=None, language="en-US", show_welcome_message=False, reconnect_timeout=30
    )
    # Quasar's own bar for requests has no name for a screen reader; what takes long here has a bar of its own.
    nicegui_app.config.quasar_config["loadingBar"]["skipHijack"] = True
    app.add_middleware(AccessGuard, is_local=is_local, token=token, workspace_mark=identify(context.workspace))
    return app


def add_files(app: FastAPI, context: AppContext) -> None:
    """Add the routes to files: those of runs, the scripts of pages, and nothing else of the disk."""

    @app.get("/libraries/{name}")
    def send_library(name: str) -> Response:
        if name not in {library.file for library in list_libraries()}:
            return PlainTextResponse("there is no such file", 404)
        kind = "text/css" if name.endswith(".css") else "text/javascript"
        return Response(
            (find_folder() / name).read_bytes(), media_type=kind, headers={"Cache-Control": "max-age=86400"}
        )

    @app.get("/files/{path:path}")
    def send_file(path: str) -> Response:
        found = find_run_file(context.workspace, quote(path))
        if found is None:
            return PlainTextResponse("there is no such file", 404)
        headers = {"Content-Security-Policy": POLICY}
        is_page = found.suffix in (".html", ".svg", ".png")
        kept = found.name if is_page else f"{found.parent.name}-{found.name}"
        return FileResponse(
            found, headers=headers, filename=kept, content_disposition_type="inline" if is_page else "attachment"
        )


def run_app(
    context: AppContext,
    host: str,
    port: int,
    token: str | None,
    *,
    open_browser: bool = True,
    say: Callable[[str], object] = print,
) -> None:
    """Serve the app until it is interrupted.

    Args:
        context: What all pages share.
        host: The address to listen at.
        port: The port.
        token: What a browser needs to be let in; none where None.
        open_browser: Whether to open the app in the browser.
        say: Told the address.

    Raises:
        UserError: The port is taken, or the address is not of this computer.
    """
    bound = open_socket(context.workspace, host, port)
    app = build_app(context, is_local=is_local_host(host), token=token)
    shown = f"[{host}]" if ":" in host else host
    if host in ("0.0.0.0", "::"):
        shown = socket.gethostname()
    address = f"http://{shown}:{bound.getsockname()[1]}/"
    whole = f"{address}?token={quote(token)}" if token else address
    say(f"the app is at {whole}")
    say("Ctrl-C ends it; runs that it started go on")
    if open_browser:
        threading.Timer(0.8, webbrowser.open, (whole,)).start()
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws_max_size=2**24, timeout_graceful_shutdown=2))
    try:
        server.run(sockets=[bound])
    except KeyboardInterrupt:
        pass
    finally:
        bound.close()


def open_socket(workspace: Path, host: str, port: int) -> socket.socket:
    """Listen at an address.

    Raises:
        UserError: The port is taken, or the address is not of this computer.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    if os.name == "posix":
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen(128)
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            raise UserError(_explain_taken(workspace, host, port)) from None
        raise UserError(f"cannot listen at {host}:{port}: {(error.strerror or str(error)).lower()}") from None
    except OverflowError:
        bound.close()
        raise UserError(f"there is no port {port}; ports are 1 to 65535") from None
    return bound


def _explain_taken(workspace: Path, host: str, port: int) -> str:
    """Say what is on a port that is taken."""
    address = f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else f'[{host}]' if ':' in host else host}:{port}/"
    try:
        mark = httpx.get(address, trust_env=False, timeout=2).headers.get(HEADER)
    except httpx.HTTPError:
        mark = None
    if mark is None:
        return f"another program is on port {port} of {host}; give another one with --port"
    which = "of this workspace" if mark == identify(workspace) else "of another workspace"
    return f"an app {which} is open already at {address}; use that one, or give another port with --port {port + 1}"
