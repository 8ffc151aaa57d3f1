"""Remembers the log of this process, so that each run folder gets its own as run.log, also what was said before it was made."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from chem_vae.atomic_files import write_text
from chem_vae.progress import Progress
from pipeline.workspace.presentation.formatting import format_plain
from pipeline.workspace.remote.redaction import redact

FILE = "run.log"
"""The file of a run folder with its log."""
_MOST_LINES = 10_000
_lines: deque[str] = deque(maxlen=_MOST_LINES)
_lock = threading.Lock()


def write_time() -> str:
    """Write the time as a log has it, with the offset of its zone: "2026-11-26 02:00:03+0100"."""
    return f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S%z}"


def add_to_log(text: str, level: str = "info") -> None:
    """Add a line to the log of this process, without the secrets that an address may hold."""
    with _lock:
        _lines.append(f"{write_time()} {level} {' '.join(redact(text).split())}")


def write_log(folder: Path, run_id: str) -> None:
    """Write the log into a run folder: each line with its time and level, and the id of the run in the first and last.

    Args:
        folder: The run folder.
        run_id: The id of the run.
    """
    with _lock:
        lines = list(_lines)
        _lines.clear()  # a further run of this process has a log of its own
    first = [f"{write_time()} info run {run_id}: its log, with what was said before its folder was made"]
    write_text(
        folder / FILE, "\n".join([*first, *lines, f"{write_time()} info run {run_id}: its files are written", ""])
    )


def log_progress(progress: Progress) -> Progress:
    """Return the same listener, which also adds the beginning and the end of each stage to the log."""
    begun: set[str] = set()
    ended: set[str] = set()

    def listen(stage: str, done: int, total: int, figures: Mapping[str, float] | None = None) -> None:
        if stage not in begun or (done >= total and stage not in ended):
            shown = "  ".join(f"{name} {format_plain(value)}" for name, value in (figures or {}).items())
            add_to_log(f"{stage}: {done:,} of {total:,}{shown and f'  {shown}'}")
            begun.add(stage)
            if done >= total:
                ended.add(stage)
        progress(stage, done, total, figures)

    return listen
