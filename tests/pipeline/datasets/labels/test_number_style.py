"""Commas and points of numbers: each has one meaning in a column."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.datasets.labels.number_style import NumberStyle


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.250,5", 1250.5),
        ("1,250.5", 1250.5),
        ("1.234.567,8", 1234567.8),
        ("1,23,456.7", 123456.7),
        ("-1.250,5", -1250.5),
        ("5,5e-3", 0.0055),
    ],
)
@pytest.mark.parametrize("comma", [True, False])
def test_a_number_with_two_marks_reads_alike_in_every_column(text: str, value: float, comma: bool) -> None:
    assert NumberStyle(comma, not comma).read(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["1,2,3", "1.2.3,4", "1,2.3,4", "12,34.56,7"])
def test_marks_without_sense_give_no_number(text: str) -> None:
    assert math.isnan(NumberStyle().read(text))


@given(st.integers(1000, 10**12), st.integers(0, 99))
def test_german_and_english_numbers_read_back(whole: int, hundredths: int) -> None:
    english = f"{whole:,}.{hundredths:02d}"
    german = english.translate(str.maketrans(",.", ".,"))
    assert NumberStyle().read(english) == NumberStyle().read(german) == pytest.approx(whole + hundredths / 100)
