"""Prefect's settings for this project."""

from __future__ import annotations

import os

import pytest

from flows import environment


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment of its own, without settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT", "CHEM_VAE"))}
    monkeypatch.setattr(environment.os, "environ", kept)


def test_what_the_user_has_set_wins() -> None:
    os.environ["PREFECT_CLI_PROMPT"] = "true"
    environment.prepare_prefect()
    assert os.environ["PREFECT_CLI_PROMPT"] == "true" and os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert "PREFECT_SERVER_LOGGING_LEVEL" not in os.environ


def test_quiet_shows_no_progress_and_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    environment.start_prefect(quiet=False, debug=False)
    assert capsys.readouterr().err == "starting Prefect\n" and not environment.is_quiet()
    environment.start_prefect(quiet=True, debug=False)
    assert capsys.readouterr().err == "" and environment.is_quiet()
    assert os.environ["PREFECT_SERVER_LOGGING_LEVEL"] == "CRITICAL"
