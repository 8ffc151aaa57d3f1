"""Cells as people write them: numbers, relations, errors, ranges, units and remarks."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chem_vae.errors import DataError
from pipeline.datasets.labels.label import Cell, read_relation, split_cell
from pipeline.datasets.labels.number_style import NumberStyle, StyleEvidence

ENGLISH, GERMAN = NumberStyle(False, True), NumberStyle(True, False)


def read(text: str, style: NumberStyle = ENGLISH) -> float:
    cell = split_cell(text)
    return style.read(cell.number) if isinstance(cell, Cell) else math.nan


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7.5", 7.5), ("−7.5", -7.5), ("–7.5", -7.5), ("+7.5", 7.5), ('="7.5"', 7.5), ("'7.5", 7.5), ("7.5 ", 7.5), ("7,5", 7.5),
        ("1.2e-7", 1.2e-7), ("1.2E-07", 1.2e-7), ("1.2x10^-7", 1.2e-7), ("1.2 × 10⁻⁷", 1.2e-7), ("5·10-8", 5e-8),
        ("1.2*10^-7", 1.2e-7), ("10^-7", 1e-7), ("10⁻⁷", 1e-7), ("1,2e-7", 1.2e-7), ("1,234", 1234), ("1,234.5", 1234.5),
        ("1'234.5", 1234.5), ("1’234’567", 1234567), ("1 234.5", 1234.5), ("1\N{NO-BREAK SPACE}234,5", 1234.5),
        ("1\N{THIN SPACE}234", 1234), ("1\N{NARROW NO-BREAK SPACE}234", 1234), ("1,00,000", 100000), ("12,34,567.5", 1234567.5),
        ("1,234,567", 1234567), ("1.234.567", 1234567), ("1.234,5", 1234.5), (".5", 0.5), ("5.", 5), ("０．５", 0.5),
    ],
)  # fmt: skip
def test_numbers(text: str, value: float) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("6.1*", {"mark": "*"}), ("6.1 a", {"mark": "a"}), ("6.1 a,b", {}), ("6.1†", {"mark": "†"}), ("6.1²", {"mark": "²"}),
        ("6.1 (n=3)", {"mark": "(n=3)"}), ("6.1 ± 0.2", {"error": "0.2"}), ("6.1 +/- 0.2", {"error": "0.2"}),
        ("6.1±0.2 nM", {"error": "0.2", "unit": "nM"}), ("6.1 nM ± 0.2 nM", {"error": "0.2", "unit": "nM"}),
        ("6.1 ± 10%", {"error": "10%"}), ("6.1 (± 0.2)", {"error": "0.2"}), ("6.1-7", {"end": "7"}), ("6.1 – 7", {"end": "7"}),
        ("6.1 to 7", {"end": "7"}), (">6.1", {"relation": ">"}), (">= 6.1", {"relation": ">"}), ("≥6.1", {"relation": ">"}),
        ("<6.1", {"relation": "<"}), ("≤ 6.1", {"relation": "<"}), ("~6.1", {"relation": "~"}), ("ca. 6.1", {"relation": "~"}),
        ("≈6.1", {"relation": "~"}), ("approx. 6.1", {"relation": "~"}), ("=6.1", {}), ("'>'6.1", None), ("6.1<", {"relation": ">"}),
        ("6.1>", {"relation": "<"}), ("> 6.1 uM", {"relation": ">", "unit": "uM"}), ("less than 6.1", {"relation": "<"}),
        ("6.1nM", {"unit": "nM"}), ("6.1 µM", {"unit": "µM"}), ("6.1 μM", {"unit": "μM"}), ("6.1 ug.mL-1", {"unit": "ug.mL-1"}),
        ("6.1 ug/mL", {"unit": "ug/mL"}), ("6.1%", {"unit": "%"}), ("6.1 °C", {"unit": "°C"}), ("6.1 kcal/mol", {"unit": "kcal/mol"}),
        ("6.1 [nM]", {"unit": "nM"}), ("6.1 (nM)", {"unit": "nM"}), ("6.1 µM*", {"unit": "µM", "mark": "*"}),
        ("6.1 nmol L-1", {"unit": "nmol L-1"}), ("6.1 foo", {"unit": "foo"}),
    ],
)  # fmt: skip
def test_what_stands_around_a_number(text: str, parts: dict[str, str] | None) -> None:
    found = split_cell(text)
    if parts is None:
        assert found is None
        return
    assert isinstance(found, Cell) and found.number == "6.1"
    for name in ("relation", "end", "error", "unit"):
        assert getattr(found, name) == parts.get(name, "")
    if "mark" in parts:
        assert found.mark == parts["mark"]


@pytest.mark.parametrize(
    "text", ["n.d.", "NA", "not tested", "inactive", "-", "#N/A", "#DIV/0!", "inf", "NaN", "> LOQ", "?"]
)
def test_words_are_no_numbers(text: str) -> None:
    assert split_cell(text) == text.casefold().replace("–", "-")


@pytest.mark.parametrize(
    "text",
    [
        "12/05/2020",
        "2020-05-12",
        "5-May",
        "1_000",
        "0x10",
        "5 x 10",
        "5 6",
        "IC50 > 10",
        ">5-6",
        "12\n500",
        "5\t120",
        "5 uM ± 100 nM",
        "6.1 ± 0.2 x 10^-7",
    ],
)
def test_what_is_not_one_number(text: str) -> None:
    assert split_cell(text) is None


@pytest.mark.parametrize(
    ("text", "relation"), [("'='", ""), ("'>'", ">"), ("<=", "<"), ("~", "~"), ("", ""), ("foo", None)]
)
def test_relations(text: str, relation: str | None) -> None:
    assert read_relation(text) == relation


def decide(*numbers: str, given: str | None = None) -> list[float]:
    evidence = StyleEvidence()
    for number in numbers:
        evidence.add(number)
    style = evidence.decide("y", given)  # type: ignore[arg-type]
    return [style.read(number) for number in numbers]


def test_a_column_decides_what_its_marks_mean() -> None:
    assert decide("6", "5,31") == [6, 5.31]
    assert decide("5.00", "5,50", "6") == [5, 5.5, 6]
    assert decide("850", "1,200", "0.8") == [850, 1200, 0.8]
    assert decide("0,5", "1,234") == [0.5, 1.234], "a decimal comma elsewhere"
    assert decide("1.234,5", "1.234") == [1234.5, 1234]
    assert decide("1,234.5", "1,234") == [1234.5, 1234]
    assert decide("1,234,567", "1,234") == [1234567, 1234]
    assert decide("1.234", "12.345", "0.5") == [1.234, 12.345, 0.5]
    assert decide("1.234") == [1.234]
    assert decide("7,5", "5.79", "1,234", "6.123") == [7.5, 5.79, 1.234, 6.123], "both marks are decimal ones"


@pytest.mark.parametrize("numbers", [["850", "1,234"], ["5,31", "6.123"], ["1.234", "12.500", "850"]])
def test_a_column_that_does_not_tell_is_a_question(numbers: list[str]) -> None:
    with pytest.raises(DataError, match=r"--decimal"):
        decide(*numbers)
    for mark in (",", "."):
        assert not any(math.isnan(value) for value in decide(*numbers, given=mark))
    assert decide("850", "1,234", given=",") == [850, 1.234] and decide("850", "1,234", given=".") == [850, 1234]


numbers = st.floats(-1e9, 1e9, allow_nan=False).map(lambda x: round(x, 4))


@given(st.lists(numbers, min_size=1, max_size=20), st.sampled_from(["en", "de", "fr", "ch", "in"]))
def test_a_number_is_read_back_in_each_style_of_writing(values: list[float], style: str) -> None:
    texts = [write(value, style) for value in values]
    evidence = StyleEvidence()
    cells = [split_cell(text) for text in [*texts, write(1234567.25, style)]]
    assert all(isinstance(cell, Cell) for cell in cells)
    for cell in cells:
        evidence.add(cell.number)  # type: ignore[union-attr]
    decided = evidence.decide("y", None)
    assert [decided.read(cell.number) for cell in cells[:-1]] == values  # type: ignore[union-attr]


def write(value: float, style: str) -> str:
    """Write a number with four decimals as people of a country do."""
    whole, decimals = f"{abs(value):.4f}".split(".")
    if style == "in" and len(whole) > 3:
        head, tail = whole[:-3], whole[-3:]
        pairs = [head[max(i - 2, 0) : i] for i in range(len(head), 0, -2)][::-1]
        text = f"{','.join(pairs)},{tail}.{decimals}"
    else:
        group, mark = {"en": (",", "."), "de": (".", ","), "fr": ("\N{NARROW NO-BREAK SPACE}", ","), "ch": ("'", "."), "in": (",", ".")}[style]  # fmt: skip
        text = f"{int(whole):,}".replace(",", group) + mark + decimals
    return f"{'−' if math.copysign(1, value) < 0 else ''}{text}"


@given(st.text(max_size=30))
def test_any_text_is_split_or_refused(text: str) -> None:
    if text.strip():
        found = split_cell(text)
        assert found is None or isinstance(found, str) or not math.isnan(ENGLISH.read(found.number)) or found.number
