"""The examples in the docstrings of the app."""

from __future__ import annotations

import doctest
from types import ModuleType

import pytest

from flows.app import layout, pieces
from flows.app.jobs import remedies, remedy_words, schedule
from flows.app.new_run import goal_words
from flows.app.objectives import optimize


@pytest.mark.parametrize("module", [goal_words, layout, optimize, pieces, remedies, remedy_words, schedule])
def test_the_examples_hold(module: ModuleType) -> None:
    found = doctest.testmod(module)
    assert found.attempted and not found.failed
