"""Says that a source cannot be reached and how old the copy is that is used instead."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from chem_vae.atomic_files import read_json, write_json
from chem_vae.errors import ChemVAEError, DataError
from pipeline.workspace.presentation.formatting import count_things


class UnreachableError(DataError):
    """Raised where the file of a source is not there, may not be read, or lies on a disk that does not answer."""


class NoAnswerError(ChemVAEError):
    """Raised where a server or a storage does not answer, or fails."""


def describe_outage(reason: str, since: object, what: str) -> str:
    """Say what is used in place of a source that cannot be reached.

    Args:
        reason: What is wrong with the source.
        since: When the copy was made, as a time stamp or in ISO format.
        what: The copy ("the dataset my-1a2b3c4d").
    """
    return (
        f"THE SOURCE IS DOWN: {reason.partition('; ')[0]}; {what} of {describe_age(since)} is used, so that nothing new is in it; "
        "to fail instead: --set ingest.when_down=fail"
    )


def describe_age(since: object) -> str:
    """Write a time and how long ago it was: "2026-11-25 02:00, 1.3 days ago"; "an unknown time" where it is not known."""
    try:
        moment = (
            datetime.fromtimestamp(float(since))
            if isinstance(since, int | float)
            else datetime.fromisoformat(str(since))
        )
    except ValueError:
        return "an unknown time"
    hours = max(0.0, time.time() - moment.timestamp()) / 3600
    ago = (
        f"{hours / 24:.1f} days"
        if hours >= 48
        else f"{hours:.1f} hours"
        if hours >= 1
        else count_things(round(hours * 60), "minute")
    )
    return f"{moment.astimezone():%Y-%m-%d %H:%M}, {ago} ago"


def note_outage(path: Path, reason: str | None) -> None:
    """Note beside a download that its address cannot be reached, or (None) that it was reached."""
    mark = _name_mark(path)
    with suppress(OSError):  # it is only told a second time, in the report
        if reason is None:
            mark.unlink(missing_ok=True)
        else:
            mark.parent.mkdir(parents=True, exist_ok=True)
            write_json(mark, {"reason": reason})


def read_outage(path: Path) -> str | None:
    """Read why the address of a download could not be reached the last time; None where it was."""
    try:
        found = read_json(_name_mark(path))
        return str(found["reason"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _name_mark(path: Path) -> Path:
    return path.with_name(f".{path.name}.down.json")
