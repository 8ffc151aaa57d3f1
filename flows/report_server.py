"""Shows the reports of a workspace in a browser: the files of its runs by http, and nothing else of the disk."""

from __future__ import annotations

import errno
import hashlib
import html
import json
import mimetypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import httpx

from chem_vae.errors import UserError
from pipeline.workflows.records.failed_run import FAILED

USUAL_PORT = 4280
MOST_PORTS = 20
"""How many ports after the asked one are tried where it is taken."""
HEADER = "X-Chem-Vae-Workspace"
LOCAL = ("127.0.0.1", "localhost", "[::1]")
FAILURE_FILES = ("report.html", "failure.json")
POLICY = "default-src 'self' 'unsafe-inline' data:; form-action 'none'; frame-ancestors 'self'"


def find_run_file(workspace: Path, path: str) -> Path | None:
    """Return the file of a run that a path names (runs/ID/FILE, failed/ID/FILE); None for anything else on the disk.

    Args:
        workspace: The folder with runs, resolved.
        path: The path of an address, with its characters quoted.
    """
    parts = [unquote(part) for part in urlsplit(path).path.split("/") if part]
    if len(parts) < 3 or any(part in (".", "..") or "/" in part or "\\" in part or "\0" in part for part in parts):
        return None
    kind, name, file = parts[0], parts[1], "/".join(parts[2:])
    folder = workspace / kind / name
    if file not in list_run_files(kind, folder):
        return None
    found = folder / file
    is_inside = found.resolve().is_relative_to((workspace / kind).resolve())
    return found if is_inside and found.is_file() else None


def list_run_files(kind: str, folder: Path) -> tuple[str, ...]:
    """List the files of a run that may be read: those that its manifest names, without its model."""
    if kind == FAILED:
        return FAILURE_FILES
    if kind != "runs":
        return ()
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        return tuple(str(file) for file in manifest["files"] if not str(file).startswith("model/"))
    except (OSError, ValueError, KeyError, TypeError):
        return ()


class ReportServer(ThreadingHTTPServer):
    """An HTTP server for the reports of one workspace, for reading only."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, workspace: Path, host: str, port: int) -> None:
        self.workspace = workspace.resolve()
        self.is_local = host in LOCAL
        super().__init__((host, port), ReportHandler)

    @property
    def address(self) -> str:
        """The address of the server, without a slash at its end."""
        return f"http://{self.server_address[0]!s}:{self.server_address[1]}"

    def find_file(self, path: str) -> Path | None:
        """Return the file of a run that a path names, as `find_run_file` does."""
        return find_run_file(self.workspace, path)

    def write_index(self) -> str:
        """Write the page that lists the runs, the newest first."""
        rows = []
        for kind in ("runs", FAILED):
            for folder in sorted((self.workspace / kind).glob("*/"), reverse=True):
                if self.find_file(f"{kind}/{quote(folder.name)}/report.html"):
                    link = f"{kind}/{quote(folder.name)}/report.html"
                    text = f"{folder.name}{' (failed)' if kind == FAILED else ''}"
                    rows.append(f'<li><a href="/{link}">{html.escape(text)}</a></li>')
        listed = "\n".join(rows) or "<li>no finished run yet</li>"
        title = f"Runs of {html.escape(str(self.workspace))}"
        return f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><h1>{title}</h1><ul>{listed}</ul></html>'


class ReportHandler(BaseHTTPRequestHandler):
    """Answers one request for a file of a run."""

    server: ReportServer
    server_version = "chem-vae"

    def do_GET(self) -> None:
        """Send a file of a run, or the list of runs."""
        host = (self.headers.get("Host") or "").rpartition(":")[0] or self.headers.get("Host")
        if self.server.is_local and host not in LOCAL:  # a page elsewhere that got itself this machine's address
            self.send_error(HTTPStatus.FORBIDDEN)
        elif urlsplit(self.path).path == "/":
            self.send(self.server.write_index().encode(), "text/html; charset=utf-8")
        elif (found := self.server.find_file(self.path)) is None:
            self.send_error(HTTPStatus.NOT_FOUND)
        else:
            kind = mimetypes.guess_type(found.name)[0] or "application/octet-stream"
            self.send(found.read_bytes(), f"{kind}; charset=utf-8" if kind.startswith("text/") else kind)

    def do_HEAD(self) -> None:
        """Answer as to GET, without the content."""
        self.do_GET()

    def send(self, content: bytes, kind: str) -> None:
        """Send an answer with its headers."""
        self.send_response(HTTPStatus.OK)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(content)),
            "Content-Security-Policy": POLICY,
            "X-Content-Type-Options": "nosniff",
            HEADER: identify(self.server.workspace),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Write no line for each request."""


def identify(workspace: Path) -> str:
    """Return what tells the workspace of a report server, without its path."""
    return hashlib.sha256(str(workspace.resolve()).encode()).hexdigest()[:16]


def open_report_server(workspace: Path, host: str, port: int, more: int = 0, option: str = "--port") -> ReportServer:
    """Open a server for the reports of a workspace, not yet answering.

    Args:
        workspace: The folder in which datasets, models and runs are kept.
        host: The address to listen at.
        port: The port.
        more: How many of the following ports are tried where it is taken.
        option: The option that names another port.

    Raises:
        UserError: If no port is free, or the address is not of this machine.
    """
    for asked in range(port, min(port + more, 65535) + 1):
        try:
            return ReportServer(workspace, host, asked)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise UserError(f"cannot listen at {host}:{asked}: {(error.strerror or str(error)).lower()}") from None
    ports = f"port {port}" if not more else f"each of the ports {port} to {min(port + more, 65535)}"
    raise UserError(f"another program is on {ports} of {host}; give another one with {option}")


@contextmanager
def show_reports(workspace: Path, port: int = USUAL_PORT) -> Iterator[str]:
    """Show the reports of a workspace on this machine in a thread, unless a server of the same workspace does already.

    Yields:
        The address of the server.
    """
    usual = f"http://127.0.0.1:{port}"
    try:
        known = httpx.get(usual, trust_env=False, timeout=2).headers.get(HEADER)
    except httpx.HTTPError:
        known = None
    if known == identify(workspace):
        yield usual
        return
    server = open_report_server(workspace, "127.0.0.1", port, MOST_PORTS, "--reports-port")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.address
    finally:
        server.shutdown()
        server.server_close()
