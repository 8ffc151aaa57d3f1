"""The part of a report about the library that its candidates were chosen from: what became of the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.report.facts.dataset_facts import RejectedRow
from pipeline.report.facts.part import Part

if TYPE_CHECKING:
    from pipeline.generation.screening.library_account import LibraryAccount  # for the type alone


class LibraryFacts(Part):
    """The library of a screening."""

    name: str = ""
    location: str = ""
    summary: str = ""
    """One line: rows, and what became of them."""
    rows: int | None = None
    rejected: int | None = None
    rejected_by_stage: dict[str, int] = {}
    rejections: list[RejectedRow] = []
    """The first rejected row of each stage."""
    rejected_file: str = ""
    """The file of the run folder that lists all rejected rows; "" where there is none."""
    unusual: dict[str, int] = {}
    """Molecules in which something is unusual, by its name."""
    eligible: int | None = None
    kept: int | None = None
    """The best molecules, among which the candidates were chosen."""
    columns: list[str] = []
    """The library's own columns, as the candidates' table calls them."""
    notes: list[str] = []
    """Sentences on how the library was read."""


def describe_library(account: LibraryAccount, chosen: int, rejected_file: str = "") -> LibraryFacts:
    """Describe a library and what became of its rows.

    Args:
        account: The account of the screening.
        chosen: The number of candidates.
        rejected_file: The file of the run folder with the rejected rows.
    """
    return LibraryFacts(
        name=account.name,
        location=account.location,
        summary=account.describe(chosen),
        rows=account.rows,
        rejected=account.unreadable,
        rejected_by_stage=dict(account.rejected.most_common()),
        rejections=[
            RejectedRow(row=account.numbers.name(r.row), input=r.input, stage=r.stage, reason=r.reason)
            for r in account.examples.values()
        ],
        rejected_file=rejected_file if account.unreadable else "",
        unusual=dict(account.unusual.most_common()),
        eligible=account.eligible,
        kept=account.kept,
        columns=account.columns,
        notes=account.notes,
    )
