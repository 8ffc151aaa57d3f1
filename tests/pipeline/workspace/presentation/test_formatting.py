"""Numbers, shares, times and sentences."""

from __future__ import annotations

import math
import time

from pipeline.workspace.presentation import formatting
from pipeline.workspace.remote.outages import describe_age
from tests.pipeline.report.samples import DASH, MINUS


def test_one_thing_has_no_plural_and_its_verb_agrees() -> None:
    count_things, count_of = formatting.count_things, formatting.count_of
    assert [count_things(n, "row", "is", "are") for n in (0, 1, 2_000)] == ["0 rows are", "1 row is", "2,000 rows are"]
    assert [count_of(n, of, "molecule", "has", "have") for n, of in ((1, 1), (1, 3), (0, 1), (2, 3))] == [
        "1 of 1 molecule has", "1 of 3 molecules has", "0 of 1 molecule have", "2 of 3 molecules have",
    ]  # fmt: skip
    assert describe_age(time.time() - 60).endswith(", 1 minute ago")
    assert describe_age(time.time() - 300).endswith(", 5 minutes ago")


def test_numbers_for_reading() -> None:
    assert [formatting.format_number(v) for v in (1584663, 0.84321, 12.345, -3.2, 0.0, 2e-5, None, "x")] == [
        "1,584,663", "0.843", "12.3", f"{MINUS}3.20", "0", f"2.00e{MINUS}5", DASH, DASH,
    ]  # fmt: skip
    large_and_small = (8.191e6, 1.733e-309, 4.8720000000000026, 123.456, -0.0004, 2.5e17)
    assert [formatting.format_plain(v) for v in large_and_small] == [
        "8,191,000", "≈ 0", "4.87", "123", "-4.00e-4", "2.50e17",
    ]  # fmt: skip
    assert formatting.format_number(-0.001, 2) == "0.00", "a rounded zero has no sign"
    spreads = ((481.0, 123.0), (-14.2612, 0.4), (7.0, 0.0), (None, 0.1), (8.191e6, 1.2e5))
    assert [formatting.format_plain_spread(*pair) for pair in spreads] == [
        "481 ± 123", "-14.26 ± 0.40", "7 ± 0", "", "8,191,000 ± 120,000",
    ]  # fmt: skip
    chances = [formatting.format_probability(p).replace("\u00a0", " ") for p in (1.0, 0.994, 0.5, 0.0, math.nan)]
    assert chances == ["> 99 %", "> 99 %", "50 %", "< 1 %", DASH], "a prediction is never certain"
    assert (
        formatting.format_time("2026-03-02T21:15:40+01:00") == "2026-03-02 20:15 UTC"
        and formatting.format_time("soon") == "soon"
    )
    told = ("the data is small", "logp: missing", "pIC50 is far", "", "<b>")
    assert [formatting.capitalize(text, ["logp"]) for text in told] == ["The data is small", *told[1:]]
    shares = ((0, 5), (5, 5), (9999, 10000), (1, 100000), (1, 3), (1, 0))
    assert [formatting.format_percent(*share).replace("\u00a0", " ") for share in shares] == [
        "0 %", "100 %", "99.9 %", "0.1 %", "33 %", DASH,
    ]  # fmt: skip
    spoken = [formatting.format_duration(s) for s in (3.21, 42, 150, 7500, None)]
    assert spoken == ["3.2 s", "42 s", "2 min 30 s", "2 h 5 min", DASH]
    assert (
        formatting.choose_decimals([300.12, 350.4]) == 0 and formatting.choose_decimals([2.4, 2.6], tolerance=0.25) == 2
    )


def test_small_values_are_written_with_figures_of_their_own() -> None:
    permeabilities = [1.9475e-05, 4.1e-06, 3e-05]
    assert formatting.choose_column_decimals(permeabilities, [2.1e-06, 1e-06, 4e-06], is_asked=True) is None
    assert formatting.choose_column_decimals(permeabilities) is None
    assert formatting.choose_score_decimals(permeabilities) is None
    assert formatting.format_number(permeabilities[0], None) == f"1.95e{MINUS}5"
    assert formatting.format_plain_spread(1.9475e-05, 2.1e-06) == "1.95e-5 ± 2.10e-6"
    assert formatting.format_number(0.00195) == "0.00195" and formatting.format_number(0.0195) == "0.019"
    assert formatting.choose_column_decimals([7.11751, 7.11752], [1e-5, 1e-5]) == 4, "not so small: fixed decimals"
    assert formatting.choose_score_decimals([]) == formatting.choose_score_decimals([0.0, 1.0]) == 2
