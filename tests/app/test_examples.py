"""The examples in the docstrings of the app."""

from __future__ import annotations

import doctest
from types import ModuleType

import pytest

from flows.app import goal_words, pieces, remedies, remedy_words
from flows.app.candidates import library_rows
from flows.app.jobs import schedule
from flows.app.optimization import optimize


@pytest.mark.parametrize("module", [goal_words, library_rows, optimize, pieces, remedies, remedy_words, schedule])
def test_the_examples_hold(module: ModuleType) -> None:
    found = doctest.testmod(module)
    assert found.attempted and not found.failed
