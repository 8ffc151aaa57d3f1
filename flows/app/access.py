"""Decides who may talk to the app: this computer alone, or whoever has the token."""

from __future__ import annotations

import hashlib
import hmac
from http.cookies import SimpleCookie
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flows.app.context import LOCAL
from pipeline.workspace.uploads import MOST_BYTES

HEADER = "X-Chem-Vae-App"
"""The header by which an app on a port is known."""
COOKIE = "chem_vae_token"
"""How the name of the cookie begins; marks of the workspace and of the token follow, as all apps of a host get its cookies, whatever
their port."""
_MARGIN = 1_000_000
_NO_TOKEN = (
    "<!doctype html><html lang='en'><meta charset='utf-8'><title>chem-vae</title>"
    "<body style='font:16px/1.5 system-ui;max-width:36em;margin:4em auto;padding:0 1em'><h1>This app needs its token</h1>"
    "<p>Open the whole address that <code>chem-vae ui</code> printed when it was started; the token stands at its end.</p></body></html>"
)


class AccessGuard:
    """An ASGI middleware that lets requests through which may be answered, and adds headers that protect the pages."""

    def __init__(self, app: ASGIApp, *, is_local: bool, token: str | None, workspace_mark: str) -> None:
        """Take the app that is guarded.

        Args:
            app: The app.
            is_local: Whether it listens at this computer alone.
            token: What a request needs; none where None.
            workspace_mark: What tells the workspace of the app, for a second one that is started.
        """
        self.app, self.is_local, self.token, self.mark = app, is_local, token, workspace_mark
        self.cookie = f"{COOKIE}_{workspace_mark}_{self._seal()[:8]}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        refused = self._refuse(scope)
        if refused is None:
            await self.app(scope, receive, self._protect(scope, send))
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        else:
            await refused(scope, receive, self._protect(scope, send))

    def _refuse(self, scope: Scope) -> HTMLResponse | PlainTextResponse | RedirectResponse | None:
        """Return the answer to a request that is not let through; None for one that is."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self.is_local and _strip_port(host) not in LOCAL:  # a page elsewhere that got itself this machine's address
            return PlainTextResponse("this app answers at localhost alone", 403)
        origin = headers.get("origin")
        if origin and origin.partition("://")[2] != host:  # a page elsewhere that sends the browser here
            return PlainTextResponse("requests from other pages are not answered", 403)
        try:
            too_large = int(headers.get("content-length", "0")) > MOST_BYTES + _MARGIN
        except ValueError:
            return PlainTextResponse("the length of the request is no number", 400)
        if too_large:
            return PlainTextResponse(f"files of up to {MOST_BYTES // 1_000_000} MB are taken", 413)
        return self._check_token(scope, headers)

    def _check_token(self, scope: Scope, headers: Headers) -> HTMLResponse | RedirectResponse | None:
        if self.token is None:
            return None
        cookies = SimpleCookie()
        try:
            cookies.load(headers.get("cookie", ""))
        except Exception:  # a cookie of another program that cannot be read is none of ours
            cookies = SimpleCookie()
        kept = cookies.get(self.cookie)
        if kept is not None and hmac.compare_digest(kept.value.encode(), self._seal().encode()):
            return None
        asked = parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
        given = dict(asked).get("token", "")
        if scope["type"] != "http" or not hmac.compare_digest(given.encode(), self.token.encode()):
            return HTMLResponse(_NO_TOKEN, 401)
        rest = urlencode([(name, value) for name, value in asked if name != "token"])
        answer = RedirectResponse(f"{scope['path']}{'?' if rest else ''}{rest}", 303)
        answer.set_cookie(self.cookie, self._seal(), httponly=True, samesite="lax")
        return answer

    def _seal(self) -> str:
        """Return what the cookie holds: not the token itself, which stands in the address."""
        return hashlib.sha256(f"chem-vae {self.token}".encode()).hexdigest()

    def _protect(self, scope: Scope, send: Send) -> Send:
        async def send_protected(message: Message) -> None:
            if message["type"] == "http.response.start" and scope["type"] == "http":
                added = {
                    "X-Content-Type-Options": "nosniff",
                    "X-Frame-Options": "SAMEORIGIN",
                    "Referrer-Policy": "same-origin",
                    HEADER: self.mark,
                }
                message["headers"] = [
                    *message.get("headers", []),
                    *((name.lower().encode(), value.encode()) for name, value in added.items()),
                ]
            await send(message)

        return send_protected


def _strip_port(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.rpartition(":")[0] or host
