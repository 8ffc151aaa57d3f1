"""How long work tells that it is alive: one call, whoever listens (a terminal, a log, a Prefect artifact)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Progress(Protocol):
    """Called as work goes on. The first call of a stage has done=0 (or more, when resumed), the last done == total."""

    def __call__(self, stage: str, done: int, total: int, figures: Mapping[str, float] | None = None) -> None:
        """stage: what is being done, as a person would say it; figures: what to watch ("loss": 31.2)."""


def silent(stage: str, done: int, total: int, figures: Mapping[str, float] | None = None) -> None:
    """The progress nobody watches."""
