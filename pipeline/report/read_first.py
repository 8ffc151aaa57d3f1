"""Chooses the few sentences that a person has to read before anything else, the most harmful first; the others become notes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.datasets.account import order_by_request
from pipeline.report.model import Report

MOST = 5
"""The sentences that stand first."""
_WEAK = re.compile(r"the predictor of (?P<name>.+?) (?:is weak|explains little)", re.IGNORECASE)


def split_warnings(report: Report, warnings: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split the warnings of a report into those to be read first and notes.

    First come the cautions about what most candidates are, then warnings about the properties that were asked for, then others
    about the run and its data. A warning about a property that nobody asked for is a note.

    Args:
        report: The report.
        warnings: Its warnings, with its cautions or without; they keep their order within each kind.

    Returns:
        Five sentences at most, and all others; weak predictors that nobody asked for are one note.
    """
    asked = [objective.property for objective in report.request.objectives]
    others = {entry.property for entry in (*report.predictors, *report.distributions, *report.dataset.labels)} - {
        *asked
    }
    told = [text for text in dict.fromkeys(warnings) if text not in report.cautions]
    aside = [text for text in told if asked and _names(text, others) and not _names(text, asked)]
    first = [*report.cautions, *order_by_request([text for text in told if text not in aside], asked)]
    return first[:MOST], first[MOST:] + _join_weak(aside)


def _names(text: str, properties: Sequence[str] | set[str]) -> bool:
    """Whether a sentence names one of some properties; what comes after a dash is an option, not a subject."""
    subject = text.split("--")[0]
    return any(name and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", subject) for name in properties)


def _join_weak(notes: Sequence[str]) -> list[str]:
    """Join the notes about weak predictors into one."""
    weak = [match["name"] for text in notes if (match := _WEAK.match(text))]
    if len(weak) < 2:
        return list(notes)
    names = f"{', '.join(weak[:-1])} and {weak[-1]}"
    joined = f"the predictors of {names} are weak on held-out molecules; nothing was asked of them: do not rank by their values"
    return [joined, *(text for text in notes if not _WEAK.match(text))]
