"""Files, modules and functions that the texts name are there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXTS = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "benchmarks").glob("*.md")),
    *sorted((ROOT / "data").glob("*.md")),
]
ROOMS = "chem_vae|pipeline|flows|benchmarks|tests|docs|data"
FILE = re.compile(
    rf"(?<![\w/.<>-])((?:{ROOMS})/(?:[\w-]+/)*(?:[\w-]+\.(?:py|md|toml|csv|gz|png|yaml|css|svg))?)(?![\w*<])"
)
CODE = re.compile(r"```.*?```|`[^`]*`", re.DOTALL)
DOTTED = re.compile(r"`((?:chem_vae|pipeline|flows)(?:\.\w+)+)")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
GENERATED = ("reference/", "benchmarks/", "architecture.svg", "unusual.svg", "changelog", "notebooks/")
GROUPS = re.compile(r"chem_vae\.(properties|transforms|readers|strategies|oracles|architectures)$")


def find_missing(text: str) -> Iterator[str]:
    for name in FILE.findall(text):
        if not (ROOT / name).exists() and name != "docs/architecture.svg":
            yield name
    for name in DOTTED.findall(text):
        if not GROUPS.match(name) and not is_there(name):
            yield name


def is_there(name: str) -> bool:
    """Whether a dotted name is a module, or something that a module defines or a class of it has."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        path = ROOT.joinpath(*parts[:length])
        file = path.with_suffix(".py") if path.with_suffix(".py").is_file() else path / "__init__.py"
        if file.is_file() or path.is_dir():
            return length == len(parts) or (file.is_file() and defines(file, parts[length]))
    return False


def defines(file: Path, name: str) -> bool:
    names = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.AnnAssign | ast.Assign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return name in names


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_named_files_modules_and_functions_exist(path: Path) -> None:
    assert not list(find_missing(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path: Path) -> None:
    for target in LINK.findall(CODE.sub("", path.read_text(encoding="utf-8"))):
        if "://" in target or target.startswith("mailto:"):
            continue
        place = (path.parent / target).resolve()
        if place.is_relative_to(ROOT / "docs") and str(place.relative_to(ROOT / "docs")).startswith(GENERATED):
            continue  # a page that the build makes; mkdocs checks it
        assert place.exists(), f"{path.name} links to {target}"


def test_the_check_finds_what_is_missing() -> None:
    text = "`pipeline/no_such_file.py` `pipeline.chemistry.properties.no_such` `chem_vae.model` `chem_vae.readers`"
    assert list(find_missing(text)) == ["pipeline/no_such_file.py", "pipeline.chemistry.properties.no_such"]


def test_architecture_lists_the_rooms_in_their_order() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = [re.findall(r"`(\w+)/`", line.split("|")[1]) for line in text.splitlines() if re.match(r"\| `\w+/`", line)]
    listed = [tuple(row) for row in rows if row[0] not in ("flows", "pipeline", "chem_vae")]
    order = ast.parse((ROOT / "tests" / "test_doors.py").read_text(encoding="utf-8")).body
    floors = next(
        ast.literal_eval(n.value) for n in order if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "ORDER"
    )
    assert [set(floor) for floor in floors if floor != ("config",)] == [set(floor) for floor in listed]
    assert {p.parent.name for p in (ROOT / "pipeline").glob("*/__init__.py")} <= {
        room for floor in listed for room in floor
    }


def test_architecture_lists_the_rooms_within_rooms() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    found = {
        line.split("`")[1].rstrip("/"): set(re.findall(r"`(\w+)/`", line.partition(":")[2]))
        for line in text.splitlines()
        if re.match(r"- `\w+/`: ", line)
    }
    for room in (*(ROOT / "pipeline").iterdir(), ROOT / "chem_vae", ROOT / "flows"):
        assert {p.parent.name for p in room.glob("*/__init__.py")} == found.pop(room.name, set()), room.name
    assert not found


def test_modules_and_functions_that_the_code_names_exist() -> None:
    paths = [path for room in ("chem_vae", "pipeline", "flows") for path in sorted((ROOT / room).rglob("*.py"))]
    found = {str(path.relative_to(ROOT)): list(find_missing(path.read_text(encoding="utf-8"))) for path in paths}
    assert len(paths) > 400 and not {path: names for path, names in found.items() if names}
