"""The interface by which long work reports progress to a terminal, a log or a Prefect artifact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Progress(Protocol):
    """A function that is called as work goes on; the first call of a stage has done=0 (more when resumed), the last done == total."""

    def __call__(self, stage: str, done: int, total: int, figures: Mapping[str, float] | None = None) -> None:
        """Report progress.

        Args:
            stage: The work, as a person would call it.
            done: Units done.
            total: Units in all.
            figures: Numbers to watch ("loss": 31.2).
        """


def silent(stage: str, done: int, total: int, figures: Mapping[str, float] | None = None) -> None:
    """Ignore progress."""
