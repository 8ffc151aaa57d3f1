"""Gives the result of a command to a program: with --json the standard output is one JSON document, and nothing else."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from contextvars import ContextVar
from dataclasses import asdict, is_dataclass
from typing import Any

from chem_vae.atomic_files import format_json

_answers: ContextVar[list[Any] | None] = ContextVar("answers", default=None)


def answer(make: Callable[[], Any]) -> None:
    """Give the result of the command that runs, for a program to read; the last one counts.

    Args:
        make: Makes the result: tables, dataclasses, mappings and lists of these. It is called only where --json was given.
    """
    answers = _answers.get()
    if answers is not None:
        answers[:] = [make()]


def wants_json() -> bool:
    """Tell whether the command that runs was called with --json."""
    return _answers.get() is not None


@contextmanager
def write_answer(name: str) -> Iterator[None]:
    """Run a command with --json: discard the words that it prints as its result, and write what it answers instead.

    What a command says on standard error stays there. An answer that was given is written also where an error follows it, as for a
    run with too few hits.

    Args:
        name: The command's name, for the message.

    Raises:
        RuntimeError: If the command ends well without an answer, which is a mistake in the command.
    """
    answers: list[Any] = []
    before, out = _answers.set(answers), sys.stdout
    try:
        with open(os.devnull, "w", encoding="utf-8") as nothing, redirect_stdout(nothing):
            yield
        if not answers:
            raise RuntimeError(f"the command {name} gave no result for --json")
    finally:
        _answers.reset(before)
        for value in answers:
            out.write(format_json(_unfold(value)))
            out.flush()


def _unfold(value: Any) -> Any:
    """Return tables as lists of rows, and dataclasses as mappings, at every depth."""
    if is_dataclass(value) and not isinstance(value, type):
        return _unfold(asdict(value))
    if hasattr(value, "to_dict") and hasattr(value, "columns"):  # a DataFrame; pandas is not loaded for this
        return value.to_dict("records")
    if isinstance(value, Mapping):
        return {name: _unfold(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_unfold(entry) for entry in value]
    return value
