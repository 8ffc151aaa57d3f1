"""The page of an optimization with parts missing."""

from __future__ import annotations

import pandas as pd

from pipeline.report.model import Report
from pipeline.report.page import render
from pipeline.report.search_sections import make_search


def test_a_page_of_an_optimization_with_parts_missing() -> None:
    for told in ({}, {"calls": 3, "curve": "x", "origins": 3, "lineages": [[None]], "front": {"size": None}}):
        report = Report.from_dict({"title": "odd", "optimization": {"ended": "<b>", **told}})
        page = render(report, pd.DataFrame({"smiles": ["CCO"]}))
        assert "Score and diversity against oracle calls" in page and "<b>." not in page
    assert make_search(Report(), {}) is None
