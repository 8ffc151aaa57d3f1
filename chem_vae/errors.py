"""The errors and warnings of the project; each error class has an exit code."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ChemVAEError(Exception):
    """A run failed for a reason that we understand (exit code 1)."""


class UserError(ChemVAEError, ValueError):
    """The request cannot be carried out as it stands; the message says what to change (exit code 2)."""


class DataError(UserError):
    """A file or a dataset folder is missing, damaged, empty or of another format."""


class UnclearColumnError(UserError):
    """It is unclear which column of a table holds the molecules."""

    def __init__(self, message: str, columns: Iterable[str] = ()) -> None:
        """Take the columns that there are, those that look most like molecules first."""
        super().__init__(message)
        self.columns = tuple(columns)


class NoSmilesColumnError(UnclearColumnError, DataError):
    """No column of a table holds SMILES."""


class CheckpointError(UserError):
    """A checkpoint is missing, damaged or was written by a newer version."""


class VocabularyError(UserError):
    """A molecule holds a symbol that the vocabulary does not know."""


class TrainingError(ChemVAEError):
    """Training had to stop: the loss is no longer a number, or nothing can be learned from the data."""


class TooFewHitsError(ChemVAEError):
    """Raised after a finished run that has fewer hits than were asked for."""


class BusyError(UserError):
    """Another process is at work in the same folder."""


class ChemVAEWarning(UserWarning):
    """A warning that is meant for the person who runs the program; the terminal, the log and the report show it."""


class MomentaryWarning(ChemVAEWarning):
    """Tells something that matters only while the work goes on, as the time that it takes; no report repeats it."""


class CollapseWarning(ChemVAEWarning):
    """The posterior says (almost) nothing about the molecule: the decoder ignores z."""


class MemoryWarning(ChemVAEWarning):
    """The device has less memory than a whole batch takes, so that training is slower than it could be."""


def match_name(name: str, known: Iterable[str]) -> str | None:
    """Find a name among the known ones: as it is written, or the only one that differs from it in capitals alone.

    >>> match_name("LogP", ["logp", "qed"]), match_name("log", ["logp"]), match_name("A", ["a", "A"]), match_name("aa", ["aA", "Aa"])
    ('logp', None, 'A', None)
    """
    known = list(known)
    if name in known:
        return name
    same = {other for other in known if other.casefold() == name.strip().casefold()}
    return same.pop() if len(same) == 1 else None


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UserError:
    """Make the error for a name that is not in a registry; it says the nearest names, then all of them.

    >>> str(unknown_name("property", "logP ", ["logp", "qed"]))
    "unknown property 'logP '; did you mean 'logp'? Known: logp, qed"
    """
    known = sorted(known)
    folded = {k.casefold(): k for k in known}
    near = difflib.get_close_matches(name.strip().casefold(), folded, n=3, cutoff=0.6)
    hint = f"; did you mean {' or '.join(repr(folded[n]) for n in near)}?" if near else "."
    return UserError(f"unknown {kind} {name!r}{hint} Known: {', '.join(known) or 'none'}")
