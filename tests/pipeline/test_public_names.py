"""The public names of `import pipeline as mg`: type checkers see them, and they load nothing before they are used."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import pipeline

HEAVY = {"torch", "lightning", "rdkit", "pandas", "numpy", "matplotlib", "sklearn", "botorch", "prefect", "pydantic"}


def test_a_type_checker_sees_every_public_name() -> None:
    tree = ast.parse(Path(pipeline.__file__).read_text(encoding="utf-8"))
    guarded = [
        imported
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for imported in node.body
    ]
    seen = {(alias.asname, node.module) for node in guarded if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen == set(pipeline._MODULE_OF.items())
    assert set(pipeline.__all__) == {name for name, _ in seen} <= set(dir(pipeline))


@pytest.mark.parametrize("name", pipeline.__all__)
def test_every_public_name_is_its_module_s_own(name: str) -> None:
    value = getattr(pipeline, name)
    if isinstance(value, ModuleType):  # the room of this name was loaded before: it can be called as the function is
        assert callable(value)
        value = getattr(value, name)
    assert value.__name__ == name and value.__module__ == pipeline._MODULE_OF[name]


def test_an_unknown_name_says_what_there_is() -> None:
    with pytest.raises(
        AttributeError, match="no attribute 'generates'; it has AnomalyScorer, CampaignConfig, Constraint, Dataset"
    ):
        _ = pipeline.generates


def test_importing_the_package_loads_nothing_heavy() -> None:
    script = "import sys, pipeline; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert not HEAVY & set(loaded)


def test_a_submodule_that_is_loaded_first_hides_no_function() -> None:
    script = "import pipeline.generation.generate, pipeline.training.train, pipeline.library, pipeline as mg; mg.generate.__code__, mg.train.__code__, mg.library.__call__"
    subprocess.run([sys.executable, "-c", script], check=True)
