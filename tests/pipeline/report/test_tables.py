"""The rows of a report's tables."""

from __future__ import annotations

from pipeline.objectives.config import USUAL
from pipeline.report.facts.asked_and_found import Achieved, News, Refusal, Stage
from pipeline.report.facts.part import Share
from pipeline.report.model import Report
from pipeline.report.tables import count_refusals, describe_news, list_achieved_rows, list_funnel_rows


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


def test_the_news_of_a_first_run_of_none_and_of_one_candidate() -> None:
    first = Report(news=News(new=Share(count=5, of=5), known=0))
    assert describe_news(first) == "new: 5 of 5 candidates are new (the first run that the candidate library has)"
    nothing = News(new=Share(count=0, of=0), last_run="night-1", known=12, passed_over=1)
    assert describe_news(Report(news=nothing)) == "the library knew 12 molecules, 1 of them was left out"
    assert describe_news(Report(news=News(new=Share(count=0, of=0)))) == "" == describe_news(Report())
    one = News(new=Share(count=1, of=5), last_run="night-1", known=1, passed_over=0, excluded=False)
    assert describe_news(Report(news=one)) == (
        "new: 1 of 5 candidates is new since the last run (night-1); the library knew 1 molecule, 0 of them were met and may be "
        "chosen again"
    )
    unreached = News(new=Share(count=5, of=5), known=3)  # what the runs of the workspace say, without the library
    assert "5 of 5 candidates are new to the earlier runs;" in describe_news(Report(news=unreached))


def test_what_is_unusual_is_refused_by_no_constraint() -> None:
    rows = [Refusal(constraint="mw at most 344", count=3640, of=13562), Refusal(constraint=USUAL, count=4524, of=13562)]
    assert count_refusals(Report(refusals=rows)) == Share(count=3640, of=13562)
    assert count_refusals(Report()) == Share(count=0, of=0)
