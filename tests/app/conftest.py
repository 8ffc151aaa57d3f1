"""Settings of the tests of the app."""

from __future__ import annotations

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """The loop that NiceGUI works in."""
    return "asyncio"


@pytest.fixture(autouse=True)
def simulate_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let NiceGUI start no server."""
    monkeypatch.setenv("NICEGUI_USER_SIMULATION", "true")
