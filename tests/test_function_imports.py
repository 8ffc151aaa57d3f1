"""Imports inside functions: each keeps something heavy from loading, and says so in a comment."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEAVY = {
    *("torch", "lightning", "botorch", "gpytorch", "linear_operator", "sklearn", "scipy", "numpy", "pandas", "pyarrow"),
    *(
        "rdkit",
        "selfies",
        "tokenizers",
        "safetensors",
        "matplotlib",
        "PIL",
        "umap",
        "dask",
        "distributed",
        "fsspec",
        "optuna",
        "fcd_torch",
        "jinja2",
        "openpyxl",
        "alembic",
        "pint",
    ),
    *("prefect", "pydantic", "sqlalchemy", "httpx", "pooch"),
    *("rich", "tabulate", "filelock", "platformdirs", "importlib.metadata", "webbrowser", "multiprocessing"),
}
"""Libraries that are an extra or take long to load; those of the last line count where `chem-vae --help` does without them."""


def source_of(module: str) -> Path | None:
    base = ROOT.joinpath(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def targets(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    inner = [f"{node.module}.{alias.name}" for alias in node.names]
    return [name if source_of(name) else str(node.module) for name in inner]


def top_imports(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from targets(node)
        elif isinstance(node, ast.If | ast.Try | ast.With) and not is_type_checking(node):
            yield from top_imports([n for n in ast.iter_child_nodes(node) if isinstance(n, ast.stmt)])


@functools.cache
def loads(module: str) -> frozenset[str]:
    """The external libraries that importing a module loads, by the imports at its top and theirs."""
    found, waiting, seen = set[str](), [module], set[str]()
    while waiting:
        name = waiting.pop()
        parts = name.split(".")
        for i in range(1, len(parts) + 1):
            parent = ".".join(parts[:i])
            if parent in seen:
                continue
            seen.add(parent)
            path = source_of(parent)
            if path is None:
                if i == 1:
                    found.add(parent)
                continue
            waiting += top_imports(ast.parse(path.read_text(encoding="utf-8")).body)
    return frozenset(found)


def function_imports(path: Path) -> Iterator[tuple[int, list[str]]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    yield node.lineno, targets(node)


def test_imports_inside_functions_keep_something_heavy_from_loading() -> None:
    needless, unexplained = [], []
    for room in ("chem_vae", "pipeline", "flows"):
        for path in sorted((ROOT / room).rglob("*.py")):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            lines = path.read_text(encoding="utf-8").splitlines()
            for line, names in function_imports(path):
                text, above = lines[line - 1], lines[line - 2].strip()
                if not {lib for name in names for lib in {*loads(name), name}} & HEAVY - loads(module):
                    needless.append(f"{path.relative_to(ROOT)}:{line} {text.strip()}")
                elif "#" not in text and not above.startswith(("#", "from ", "import ", ")")):
                    unexplained.append(f"{path.relative_to(ROOT)}:{line} {text.strip()}")
    assert not needless, "these belong to the top of their files:\n" + "\n".join(needless)
    assert not unexplained, "these need a comment that says what they keep from loading:\n" + "\n".join(unexplained)


def test_what_an_import_loads_is_found_through_our_own_modules() -> None:
    assert "torch" in loads("chem_vae.model") and "rdkit" in loads("pipeline.chemistry.validate")
    assert not loads("pipeline.workspace.settings") & {"torch", "rdkit", "pandas"}
