"""The part of a report about its data: what became of the rows of the source, and what the user should know of them."""

from __future__ import annotations

from pipeline.report.facts.part import Part, PropertyPart


class Change(Part):
    """A change that standardization made to some molecules, with the first of them."""

    change: str = ""
    explanation: str = ""
    count: int | None = None
    row: str = ""
    """The example's row, as its user finds it in the file ("row 14")."""
    input: str = ""
    smiles: str = ""


class RejectedRow(Part):
    """A row that was rejected."""

    row: str = ""
    input: str = ""
    stage: str = ""
    reason: str = ""


class Labels(PropertyPart):
    """The values of a measured property over all accepted molecules."""

    exact: int | None = None
    bounds: int | None = None
    """Values of which only an upper or a lower limit is known."""
    spread: int | None = None
    """Values that are the median of several rows."""


class DatasetFacts(Part):
    """The dataset of the run; little more than name, key and warnings is known where the data is not in the workspace."""

    name: str | None = None
    key: str | None = None
    folder: str | None = None
    rows: int | None = None
    accepted: int | None = None
    duplicates: int | None = None
    rejected: int | None = None
    train: int | None = None
    validation: int | None = None
    test: int | None = None
    licence: str | None = None
    citation: str | None = None
    summary: str = ""
    """One line: rows, molecules, duplicates, rejections by stage, labels."""
    rejected_by_stage: dict[str, int] = {}
    rejections: list[RejectedRow] = []
    """The first rejections of each stage."""
    rejected_file: str = ""
    """The file of the run folder that lists all rejections, or the first ones; "" where there is none."""
    changes: list[Change] = []
    labels: list[Labels] = []
    warnings: list[str] = []
    """Sentences on what may harm the results, those about what was asked for first."""
    notes: list[str] = []
    """Sentences on how the source was read."""
