"""Who is let in: this computer, or who has the token; and no page of somebody else's."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from chem_vae.errors import UserError
from flows.app.access import HEADER, AccessGuard
from flows.app.server import open_socket
from pipeline.workspace.uploads import MOST_BYTES

TOKEN = "correct horse & battery"


async def _echo(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("in")
    await socket.close()


def guard(
    base_url: str = "http://127.0.0.1:4290", *, is_local: bool = True, token: str | None = None, mark: str = "mark"
) -> TestClient:
    routes = [
        Route("/{path:path}", lambda request: PlainTextResponse("in"), methods=["GET", "POST"]),
        WebSocketRoute("/ws", _echo),
    ]
    app = AccessGuard(Starlette(routes=routes), is_local=is_local, token=token, workspace_mark=mark)
    return TestClient(app, base_url=base_url, follow_redirects=False)


def test_this_computer_is_let_in_with_headers_that_protect() -> None:
    answer = guard().get("/x")
    assert answer.text == "in"
    assert answer.headers[HEADER] == "mark" and answer.headers["x-frame-options"] == "SAMEORIGIN"


@pytest.mark.parametrize(
    "headers", [{"host": "evil.example:4290"}, {"host": ""}, {"origin": "http://evil.example"}, {"origin": "null"}]
)
def test_another_name_of_this_computer_and_other_pages_are_refused(headers: dict[str, str]) -> None:
    assert guard().post("/x", headers=headers).status_code == 403
    with pytest.raises(WebSocketDisconnect), guard().websocket_connect("/ws", headers=headers):
        pass


def test_its_own_page_may_post_and_connect() -> None:
    own = {"origin": "http://127.0.0.1:4290", "host": "127.0.0.1:4290"}
    assert guard().post("/x", headers=own).status_code == 200
    with guard().websocket_connect("/ws", headers=own) as found:
        assert found.receive_text() == "in"


def test_a_file_that_is_too_large_is_refused_before_it_is_read() -> None:
    answer = guard().post("/x", headers={"content-length": str(2 * MOST_BYTES)}, content=b"")
    assert answer.status_code == 413 and "100 MB" in answer.text
    assert guard().post("/x", headers={"content-length": "much"}, content=b"").status_code == 400


def test_the_token_is_needed_once() -> None:
    client = guard("http://lab.example:4290", is_local=False, token=TOKEN)
    assert client.get("/runs").status_code == 401
    assert client.get("/runs", params={"token": "correct horse"}).status_code == 401
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/ws"):
        pass
    answer = client.get("/runs", params={"token": TOKEN, "page": "2"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/runs?page=2")
    assert TOKEN not in answer.headers["set-cookie"] and "HttpOnly" in answer.headers["set-cookie"]
    assert client.get("/runs?page=2").text == "in"
    (name, value), *others = client.cookies.items()
    assert name.startswith("chem_vae_token_mark") and not others
    kept = {"cookie": f"{name}={value}"}
    with client.websocket_connect("/ws", headers=kept) as found:
        assert found.receive_text() == "in"


@pytest.mark.parametrize("mark", ["first", "second"])
def test_a_second_app_on_another_port_does_not_log_the_first_out(mark: str) -> None:
    first = guard("http://lab.example:4290", is_local=False, token=TOKEN, mark="first")
    second = guard("http://lab.example:4291", is_local=False, token="another token", mark=mark)
    kept: dict[str, str] = {}  # by a browser, which knows cookies by the host and not by its ports
    for client, token in ((first, TOKEN), (second, "another token")):
        assert client.get("/", params={"token": token}).status_code == 303
        kept |= dict(client.cookies)
        client.cookies.clear()
    headers = {"cookie": "; ".join(f"{name}={value}" for name, value in kept.items())}
    assert (first.get("/", headers=headers).text, second.get("/", headers=headers).text) == ("in", "in")


@pytest.mark.parametrize("cookie", ["{}=", "{}=x", '{}="', "a[b]=c; {}=é"])
def test_a_wrong_cookie_is_no_token(cookie: str) -> None:
    client = guard("http://lab.example", is_local=False, token=TOKEN)
    assert isinstance(client.app, AccessGuard)
    cookie = cookie.format(client.app.cookie)
    assert client.get("/", headers={"cookie": cookie.encode()}).status_code == 401  # type: ignore[dict-item]


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        other.settimeout(0.1)
        with pytest.raises(
            UserError, match=r"another program is on port \d+ of 127.0.0.1; give another one with --port"
        ):
            open_socket(tmp_path, "127.0.0.1", other.getsockname()[1])
    with pytest.raises(UserError, match="no port 70000"):
        open_socket(tmp_path, "127.0.0.1", 70000)
    with pytest.raises(UserError, match="cannot listen at"):
        open_socket(tmp_path, "203.0.113.7", 4290)
