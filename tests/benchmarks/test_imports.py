"""The scripts of `benchmarks/` find every name that they import, those imported inside functions included."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

SCRIPTS = sorted((Path(__file__).parents[2] / "benchmarks").glob("*.py"))
OURS = {"chem_vae", "pipeline", "flows", *(path.stem for path in SCRIPTS)}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_imported_names_are_there(script: Path) -> None:
    importlib.import_module(script.stem)
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom) or str(node.module).split(".")[0] not in OURS:
            continue  # other packages are optional
        module = importlib.import_module(str(node.module))
        for alias in node.names:
            if not hasattr(module, alias.name):
                importlib.import_module(f"{node.module}.{alias.name}")  # a submodule, or nothing
