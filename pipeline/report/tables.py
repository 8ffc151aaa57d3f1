"""The tables of a report as rows of plain values: what the terminal and Prefect's artifacts show."""

from __future__ import annotations

from typing import Any

from pipeline.report.model import Report


def list_funnel_rows(report: Report) -> list[dict[str, Any]]:
    """List a row for each stage of the funnel: stage, count, of (molecules of the stage before), fraction."""
    return [{"stage": s.stage, "count": s.count, "of": s.of, "fraction": s.fraction} for s in report.funnel]


def list_achieved_rows(report: Report) -> list[dict[str, Any]]:
    """List a row for each objective: what was requested, and what the candidates have."""
    return [
        {
            "property": row.label or row.property,
            "basis": row.basis,
            "wanted": row.aim,
            "mean": row.mean,
            "mean absolute error": row.mae,
            "within": "" if row.within is None else f"{row.within} of {row.of}",
        }
        for row in report.requested_and_achieved()
    ]
