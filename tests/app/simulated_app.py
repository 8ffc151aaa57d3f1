"""The app without a browser: NiceGUI's simulated user, in a workspace of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from nicegui import Client, core, ui
from nicegui.functions.download import download
from nicegui.functions.navigate import Navigate
from nicegui.functions.notify import notify
from nicegui.testing.general import nicegui_reset_globals, prepare_simulation
from nicegui.testing.user import User

from flows.app.context import AppContext
from flows.app.server import register_pages


@asynccontextmanager
async def open_app(workspace: Path, settings: Mapping[str, Any] | None = None) -> AsyncIterator[User]:
    """Yield a user of the app of a workspace, perhaps with settings of its own for every run."""
    with nicegui_reset_globals():
        prepare_simulation()
        register_pages(AppContext(workspace.resolve(), settings=settings or {}))
        ui.run(storage_secret="simulated")
        try:
            async with core.app.router.lifespan_context(core.app):
                transport = httpx.ASGITransport(core.app)
                async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                    yield User(client)
        finally:
            Client.page_routes.clear()  # else NiceGUI takes our modules out of sys.modules
            ui.navigate, ui.notify, ui.download = Navigate(), notify, download
