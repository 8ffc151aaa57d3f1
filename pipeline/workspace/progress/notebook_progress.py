"""Shows progress in a notebook: a bar for each stage, in one place below the cell."""

from __future__ import annotations

import html
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.workspace.progress.progress_rate import Rate, write_figures

_EVERY = 0.2
"""Seconds between two updates of the page."""


def is_notebook() -> bool:
    """Say whether this process is the kernel of a notebook."""
    ipython = sys.modules.get("IPython")  # a kernel has loaded it
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


@dataclass
class _Stage:
    rate: Rate
    done: int
    total: int
    figures: str = ""


class NotebookProgress:
    """Listens to progress and shows it as bars."""

    def __init__(self) -> None:
        self._stages: dict[str, _Stage] = {}
        self._handle: Any = None
        self._last = 0.0

    def __call__(self, stage: str, done: int, total: int, figures: Mapping[str, float] | None = None) -> None:
        """Show how far a stage is."""
        known = self._stages.setdefault(stage, _Stage(Rate(done), done, total))
        known.done, known.total, known.figures = done, total, write_figures(figures)
        now = time.monotonic()
        if done < total and now - self._last < _EVERY and self._handle is not None:
            return
        self._last = now
        self._show()

    def _show(self) -> None:
        shown: Any = sys.modules["IPython.display"]  # a kernel has loaded it
        page = shown.HTML(self.write())
        if self._handle is None:
            self._handle = shown.display(page, display_id=True)
        else:
            self._handle.update(page)

    def write(self) -> str:
        """Write the bars as HTML."""
        rows = []
        for name, stage in self._stages.items():
            text = "  ".join(
                part
                for part in (
                    f"{stage.done:,}/{stage.total:,}",
                    stage.rate.write(stage.done),
                    stage.rate.write_time_left(stage.done, stage.total),
                    stage.figures,
                )
                if part
            )
            rows.append(
                f'<tr style="background:none"><td style="text-align:left">{html.escape(name)}</td>'
                f'<td><progress value="{stage.done}" max="{max(stage.total, 1)}" style="width:160px"></progress></td>'
                f'<td style="text-align:left;color:#5a6570">{html.escape(text)}</td></tr>'
            )
        return f'<table style="border:0;font:12px system-ui,sans-serif">{"".join(rows)}</table>'
