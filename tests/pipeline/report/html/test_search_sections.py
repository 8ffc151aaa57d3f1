"""The page of an optimization with parts missing."""

from __future__ import annotations

import pandas as pd

from flows.terminal import format_summary
from pipeline.objectives.config import USUAL
from pipeline.report.facts.asked_and_found import Stage
from pipeline.report.html.page import render
from pipeline.report.html.search_sections import make_search
from pipeline.report.model import Report
from pipeline.report.tables import describe_unusual, list_refusals


def test_a_page_of_an_optimization_with_parts_missing() -> None:
    for told in ({}, {"calls": 3, "curve": "x", "origins": 3, "lineages": [[None]], "front": {"size": None}}):
        report = Report.from_dict({"title": "odd", "optimization": {"ended": "<b>", **told}})
        page = render(report, pd.DataFrame({"smiles": ["CCO"]}))
        assert "Score and diversity against oracle calls" in page and "<b>." not in page
    assert make_search(Report(), {}) is None


def test_the_page_and_the_terminal_say_what_was_refused_as_unusual() -> None:
    refused = [
        {"constraint": "mw at most 400", "count": 3, "of": 2000},
        {"constraint": USUAL, "count": 1200, "of": 2000},
    ]
    names = {"peroxide": 1100, **{f"other {i}": 20 - i for i in range(12)}}
    told = {"ended": "spent", "constraints": refused, "unusual": names}
    report = Report.from_dict({"request": {"constraints": ["mw at most 400"]}, "optimization": told})
    found = make_search(report, {})
    assert [row.count for row in list_refusals(report)] == [3, 1200]
    assert found is not None and found["unusual"][0] == ("peroxide", 1100) and len(found["unusual"]) == 8
    page = " ".join(render(report, pd.DataFrame({"smiles": ["CCO"]})).split())
    assert f"<td>{USUAL}</td>" not in page, "without a funnel there is no list below it"
    report.funnel = [Stage(stage="proposed", count=5, of=5)]
    page = " ".join(render(report, pd.DataFrame({"smiles": ["CCO"]})).split())
    assert f"<td>{USUAL}</td>" in page and "<td>unusual: peroxide</td>" in page and "1,100" in page
    said = describe_unusual(report)
    assert said.startswith("refused as unusual: 1,200 of 2,000 molecules looked at: peroxide (1,100), other 0 (20)")
    assert said in format_summary(report) and "--allow-unusual" in said
    assert describe_unusual(Report()) == "" == describe_unusual(Report.from_dict({"optimization": {"ended": ""}}))
