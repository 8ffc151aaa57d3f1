"""The site builds without a warning and loads nothing from elsewhere; what is made from the code is complete."""

from __future__ import annotations

import doctest
import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def build_pages(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    return importlib.import_module("build_pages")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    folder = tmp_path_factory.mktemp("site")
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-6000:]
    assert "WARNING" not in done.stderr, done.stderr[-6000:]
    return folder


@pytest.mark.slow
def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    loaded = re.compile(r'<(?:script|img|iframe|link)\b[^>]*?(?:src|href)="((?:https?:)?//[^"]+)"')
    found = {url for page in site.rglob("*.html") for url in loaded.findall(page.read_text(encoding="utf-8"))}
    assert not found


@pytest.mark.slow
def test_search_index_is_part_of_the_site(site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    assert any("standardize" in entry["text"] for entry in index["docs"])


def test_every_command_and_every_key_has_a_row(build_pages: ModuleType) -> None:
    from pipeline.config import CampaignConfig

    commands = build_pages.write_command_line()
    for name, command in build_pages.list_commands():
        assert f"## chem-vae {name}\n" in commands
        for parameter in command.params:
            assert parameter.opts[0].startswith("-") is False or f"`{parameter.opts[0]}`" in commands
    configuration = build_pages.write_configuration()
    tables = dict(build_pages.list_tables(CampaignConfig))
    assert {"ingest.standardize", "train.model", "generate.objectives.NAME", "optimize.constraints[]"} <= set(tables)
    for table, model in tables.items():
        for key, annotation, _, description in build_pages.list_keys(model):
            assert description or build_pages._table_of(annotation), f"[{table}] {key} has no description"
            inner = build_pages._table_of(annotation)
            name = f"{table}.{key}" if table else key
            assert f"| `{key}` |" in configuration if inner is None else f"`[{name}{inner[1] or ''}]`" in configuration


def test_every_public_name_has_an_entry(build_pages: ModuleType) -> None:
    import pipeline

    page = build_pages.write_public_names()
    assert not [name for name in pipeline.__all__ if f'"mg.{name}"' not in page]


def test_drawing_shows_every_room_and_only_imports_that_are_there(build_pages: ModuleType) -> None:
    drawing = importlib.import_module("draw_architecture")
    modules, edges = drawing.count_imports()
    svg = drawing.draw(modules, edges)
    assert {"flows", "chem_vae", "pipeline.chemistry"} <= set(modules)
    assert all(f">{room}</text>" in svg for room in modules)
    assert svg.count("<path d=") == len(edges) + 1  # and the head of the arrows
    floors = drawing.find_floors(list(modules), edges)
    assert all(floors[a] > floors[b] for a, b in edges)


def test_drawing_refuses_a_circle(build_pages: ModuleType) -> None:
    drawing = importlib.import_module("draw_architecture")
    with pytest.raises(ValueError, match="a -> b -> a"):
        drawing.find_floors(["a", "b"], drawing.Counter({("a", "b"): 1, ("b", "a"): 1}))


@pytest.mark.parametrize("name", ["build_pages", "draw_architecture", "fence_examples"])
def test_examples_in_docstrings(name: str, build_pages: ModuleType) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
