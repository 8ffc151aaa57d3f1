"""The rooms and their one-way doors: flows -> pipeline -> chem_vae, and nothing happens at import."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CLOSED = {
    "chem_vae": {"rdkit", "pandas", "prefect", "pipeline", "flows", "tests"},
    "pipeline": {"prefect", "flows", "tests"},
    "flows": {"tests"},
}
"""The names that a room must not import, at the top or inside a function, for types or for work."""


ORDER = (
    ("interface",),
    ("workflows",),
    ("config",),
    ("explore", "training"),
    ("report", "library"),
    ("generation",),
    ("optimization", "benchmark"),
    ("models",),
    ("objectives", "oracles", "datasets"),
    ("chemistry",),
    ("workspace",),
)
"""The rooms of pipeline/, from the top down: a module imports from its own room and from lower floors alone."""


def modules(room: str) -> list[str]:
    paths = sorted((ROOT / room).rglob("*.py"))
    return [".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for p in paths]


def imports(source: str, module: str) -> Iterator[tuple[int, str]]:
    """(line, top-level name) of each import of a module's source, relative ones resolved."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.partition(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            name = node.module or ""
            yield node.lineno, module.partition(".")[0] if node.level else name.partition(".")[0]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("importlib.import_module", "__import__"):
            first = node.args[0]
            if isinstance(first, ast.Constant):
                yield node.lineno, str(first.value).partition(".")[0]


@pytest.mark.parametrize("room", CLOSED)
def test_no_door_opens_the_wrong_way(room: str) -> None:
    paths = sorted((ROOT / room).rglob("*.py"))
    assert len(paths) > 3, f"{room}/ is empty: the walk would prove nothing"
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in paths
        for line, name in imports(path.read_text(encoding="utf-8"), room)
        if name in CLOSED[room]
    ]
    assert not wrong, "\n".join(wrong)


def floor_of(module: str) -> tuple[int, str]:
    """The floor (0 is the top) and the name of the room of a module of pipeline/."""
    room = module.split(".")[1]
    for floor, rooms in enumerate(ORDER):
        if room in rooms:
            return floor, room
    raise AssertionError(f"{module} is in no room: put it into one, or the room into ORDER")


def imported_modules(path: Path) -> Iterator[tuple[int, str]]:
    """(line, module) of each import of a module of pipeline/, those inside functions and under TYPE_CHECKING included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "pipeline":
            yield from ((node.lineno, f"pipeline.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pipeline."):
            yield node.lineno, str(node.module)
        elif isinstance(node, ast.Import):
            yield from ((node.lineno, a.name) for a in node.names if a.name.startswith("pipeline."))


def test_arrows_between_rooms_only_go_down() -> None:
    wrong = []
    for path in sorted((ROOT / "pipeline").rglob("*.py")):
        if path == ROOT / "pipeline" / "__init__.py":  # the public names of all rooms
            continue
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        floor, room = floor_of(module)
        for line, name in imported_modules(path):
            other_floor, other = floor_of(name)
            if other != room and other_floor <= floor:
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_no_module_is_hidden_by_a_function_of_its_package() -> None:
    for init in sorted((ROOT / "pipeline").rglob("__init__.py")):
        names = {p.stem for p in init.parent.glob("*.py")} | {p.name for p in init.parent.iterdir() if p.is_dir()}
        tree = ast.parse(init.read_text(encoding="utf-8"))
        defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        assert not names & defined, f"{init.relative_to(ROOT)} hides the module {names & defined}"


def test_nothing_but_flows_and_tests_imports_flows() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in ROOT.rglob("*.py")
        if not {"flows", "tests", "docs"}
        & set(path.relative_to(ROOT).parts[:1])  # docs/ writes the page of the commands
        and not any(part.startswith(".") or part in ("build", "dist") for part in path.relative_to(ROOT).parts)
        for line, name in imports(path.read_text(encoding="utf-8", errors="replace"), path.stem)
        if name == "flows"
    ]
    assert not wrong, "\n".join(wrong)


def test_the_walk_sees_every_form_of_import() -> None:
    source = (
        "import rdkit.Chem as c\nfrom prefect import flow\n"
        "def f():\n    from pandas import x\n    importlib.import_module('flows.cli.main')\n"
    )
    assert sorted(name for _, name in imports(source, "chem_vae.model")) == ["flows", "pandas", "prefect", "rdkit"]


IMPORT_ALL = """
import importlib, logging, os, random, sys, warnings
import numpy, torch, pandas, pydantic, rdkit.Chem, rdkit.RDConfig, prefect, lightning.pytorch, sklearn
from prefect import flow, task
def state():
    root = logging.getLogger()
    return {
        "log handlers": list(root.handlers), "log level": root.level, "seed": random.getstate(),
        "numpy seed": numpy.random.get_state()[1].tolist(), "torch seed": torch.initial_seed(),
        "environment": dict(os.environ), "files": sorted(os.listdir()), "stdout": sys.stdout,
    }
before = state()
for name in sys.argv[1:]:
    importlib.import_module(name)
after = state()
changed = {key: set(after["environment"]) ^ set(before["environment"]) for key in before if before[key] != after[key]}
assert not changed, f"importing changed: {changed}"
ours = [n for n in logging.root.manager.loggerDict if n.split(".")[0] in ("chem_vae", "pipeline", "flows")]
assert not any(logging.getLogger(n).handlers for n in ours), ours
assert "" == "".join(f for f in os.listdir()), os.listdir()
"""


def test_nothing_happens_at_import(tmp_path: Path) -> None:
    everything = [name for room in CLOSED for name in modules(room) if not name.endswith("__main__")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PREFECT_HOME": str(tmp_path / ".." / "prefect-home")}
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, *everything], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert not done.stdout, "importing printed something"
