"""Every warning that the project raises has a class of its own, so that it always reaches the person."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from chem_vae import errors

ROOT = Path(__file__).resolve().parent.parent
OWN = {
    name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, errors.ChemVAEWarning)
}


def find_foreign_warnings(source: str) -> list[int]:
    """The lines of a module that raise a warning of another class than our own."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    raised = [call for call in calls if ast.unparse(call.func) == "warnings.warn"]
    return [call.lineno for call in raised if len(call.args) < 2 or ast.unparse(call.args[1]) not in OWN]


def test_a_warning_without_a_class_is_found() -> None:
    assert find_foreign_warnings("warnings.warn('a')\nwarnings.warn('a', UserWarning)\n") == [1, 2]
    assert not find_foreign_warnings("warnings.warn('a', ChemVAEWarning, stacklevel=2)")


@pytest.mark.parametrize("room", ["chem_vae", "pipeline", "flows"])
def test_our_warnings_are_of_our_own_class(room: str) -> None:
    found = {path: find_foreign_warnings(path.read_text(encoding="utf-8")) for path in (ROOT / room).rglob("*.py")}
    assert not {path: lines for path, lines in found.items() if lines}
