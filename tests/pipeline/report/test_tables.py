"""The rows of a report's tables."""

from __future__ import annotations

from pipeline.report.facts.asked_and_found import Achieved, Stage
from pipeline.report.model import Report
from pipeline.report.tables import list_achieved_rows, list_funnel_rows


def test_rows_are_plain_values() -> None:
    report = Report(
        funnel=[Stage(stage="valid", count=3, of=4, fraction=0.75)],
        achieved=[
            Achieved(property="a", label="A", basis="computed", aim="high", mean=1.5, within=2, of=5),
            Achieved(property="b", of=5),
        ],
    )
    assert list_funnel_rows(report) == [{"stage": "valid", "count": 3, "of": 4, "fraction": 0.75}]
    rows = list_achieved_rows(report)
    assert [(row["property"], row["wanted"], row["mean"], row["within"]) for row in rows] == [
        ("A", "high", 1.5, "2 of 5"),
        ("b", "", None, ""),
    ]
    assert list_funnel_rows(Report()) == list_achieved_rows(Report()) == []
