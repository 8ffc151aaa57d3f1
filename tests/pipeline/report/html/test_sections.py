"""The sections of the page."""

from __future__ import annotations

from pipeline.report.facts.model_facts import Predictor, Training
from pipeline.report.html.sections import choose_warnings
from pipeline.report.model import Report
from pipeline.report.shown_properties import collect_properties
from pipeline.training.predictors.fit_predictors import warn_about_predictors


def warnings_of(report: Report) -> list[str]:
    first, notes = choose_warnings(report, collect_properties(report))
    return [*first, *notes]


def test_a_weak_predictor_is_warned_of_once() -> None:
    figures = {"property": "potency", "method": "GP", "n_train": 50, "n_test": 270, "r2": -0.47}
    told = warn_about_predictors([figures])
    assert len(told) == 1
    report = Report(predictors=[Predictor(**figures)], warnings=told)
    assert len(warnings_of(report)) == 1 and "potency is weak" in warnings_of(report)[0]
    report.warnings = []  # where the training did not say it, the page does
    assert len(warnings_of(report)) == 1 and "explains little" in warnings_of(report)[0]


def test_one_warning_from_two_places_or_with_another_first_letter_is_shown_once() -> None:
    collapse = "the posterior has collapsed"
    report = Report(warnings=[collapse, collapse.capitalize()], training=Training(warnings=[collapse]))
    assert warnings_of(report) == ["The posterior has collapsed"]
