"""The app is told absolute places: its jobs work in folders of their own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from command_line import CommandLine

from flows.app.context import AppContext


def test_the_places_of_the_app_are_absolute(
    chem_vae: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[tuple[AppContext, str]] = []

    def serve(context: AppContext, *others: Any, **more: Any) -> None:
        served.append((context, os.environ["CHEM_VAE_LIBRARY"]))

    monkeypatch.setattr("flows.app.server.run_app", serve)
    (tmp_path / "usual.toml").write_text('publish = "../pub"\nlibrary = "other.sqlite"\n[generate]\nn = 7\n')
    done = chem_vae(
        "ui",
        "-w",
        "ws",
        "--library",
        "team.sqlite",
        "--config",
        "usual.toml",
        cwd=tmp_path,
        CHEM_VAE_LIBRARY="lib.sqlite",
    )
    assert done.returncode == 0, done.stderr
    [(context, variable)] = served
    assert (context.workspace, context.library) == (tmp_path / "ws", str(tmp_path / "team.sqlite"))
    assert variable == str(tmp_path / "lib.sqlite")
    places = {"publish": str(tmp_path.parent / "pub"), "library": str(tmp_path / "other.sqlite")}
    assert context.settings == {**places, "generate": {"n": 7}}
