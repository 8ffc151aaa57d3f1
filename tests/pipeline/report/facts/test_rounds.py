"""The rounds before a run: measured against predicted, with intervals, and what was learned."""

from __future__ import annotations

import pytest

from pipeline.report.facts.model_facts import Predictor
from pipeline.report.facts.rounds import Learned, Round, list_learned
from pipeline.report.html import page
from pipeline.report.html.sections import make_rounds
from pipeline.report.model import Report
from pipeline.report.shown_properties import collect_properties
from tests.pipeline.report.samples import Reader, as_report, candidates


def test_a_round_is_told_with_its_intervals_and_what_was_learned() -> None:
    row = Round(
        run="night-1", property="pKi", goal="pKi at least 7", proposed=20, measured=10, predicted=7.4, found=6.8, std=0.5, mae=0.62,
        before=5.9, best_before=7.1, best=7.9, expected_hits=6.2, hits=4,
        points=[[6.0 + i / 5, 7.0 + i / 10, 0.4] for i in range(10)],
        learned=[Learned(figure="R² on held-out molecules", before=0.31, after=0.44)],
    )  # fmt: skip
    assert row.hit_interval == pytest.approx((0.168, 0.687), abs=1e-3)
    assert row.found_interval is not None and row.found_interval[0] < 6.8 < row.found_interval[1]
    text = Reader(page.render(as_report(Report(rounds=[row]).to_dict()), candidates(2))).text.replace("\xa0", " ")
    for words in (
        "Rounds before this one", "night-1", "10 of 20", "a hit is pKi at least 7", "4 of 10 · 40 %", "95 %: 17 to 69 %", "6.20 were expected",
        "best measured 7.1 → 7.9; R² on held-out molecules 0.31 → 0.44", "all before: 5.90",
    ):  # fmt: skip
        assert words in text, words
    assert "Rounds" not in Reader(page.render(Report(), candidates(2))).text


def test_a_round_has_the_unit_of_its_property_and_of_two_classes_no_share_beyond_all() -> None:
    row = Round(run="night-1", property="Papp", label="Papp", unit="cm/s", measured=4, predicted=2.0, found=1.0)
    text = Reader(page.render(Report(rounds=[row]), candidates(1))).text
    assert "night-1Papp cm/s" in text
    active = Round(run="night-2", property="active", measured=6, predicted=0.9999, found=0.95, std=0.2)
    report = Report(rounds=[active], predictors=[Predictor(property="active", classes=[0, 1])])
    text = Reader(page.render(report, candidates(1))).text.replace("\xa0", " ")
    assert "> 99 %" in text and "95 %: 0.720 to 1" in text and "1.18" not in text
    found = make_rounds(report, collect_properties(report))
    assert found is not None and found["rows"][0]["interval"] == pytest.approx((0.720, 1.0), abs=1e-3)


def test_nothing_measured_has_no_interval_and_teaches_nothing() -> None:
    row = Round(run="night-1", property="pKi", proposed=20, measured=0, predicted=float("nan"), found=float("nan"))
    assert row.hit_interval is None and row.found_interval is None and row.describe_learning() == ""
    assert "night-1" in Reader(page.render(Report(rounds=[row]), candidates(1))).text
    assert [r.figure for r in list_learned({"r2": 0.1, "mae": None, "n_train": 5}, {"r2": 0.2, "mae": 0.3})] == [
        "R² on held-out molecules"
    ]
