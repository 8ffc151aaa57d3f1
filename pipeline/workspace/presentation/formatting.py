"""Numbers, shares, times and sentences as every face of the project writes them: report, figures, notebook and terminal."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

from pipeline.workspace.presentation.intervals import measure_fraction_interval

MISSING = "\N{EN DASH}"
_MINUS = "\N{MINUS SIGN}"
_NOTHING = 1e-30
"""A number nearer to zero is written as about zero."""
_SMALL = 1e-2
"""Numbers below this need more decimals than a column of fixed decimals has."""
_MOST_DECIMALS = 4


def is_number(value: Any) -> bool:
    """Whether a value is a finite number; a truth value is none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def format_number(value: Any, decimals: int | None = None) -> str:
    """Write a number with about three significant figures, or with `decimals`; a dash for what is no number.

    >>> format_number(1584663), format_number(0.84321), format_number(12.345), format_number(2.0, 2)
    ('1,584,663', '0.843', '12.3', '2.00')
    """
    if not is_number(value):
        return MISSING
    size = abs(value)
    if decimals is None and (size >= 1e15 or 0 < size < 1e-3):
        if 0 < size < _NOTHING:
            return "≈\u00a00"
        mantissa, exponent = f"{value:.2e}".split("e")
        return f"{mantissa}e{int(exponent)}".replace("-", _MINUS)
    if decimals is None:
        decimals = 0 if value == round(value) or size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
        decimals = 5 if 0 < size < _SMALL else decimals
    text = f"{value:,.{decimals}f}"
    return text.lstrip("-") if not text.strip("-0.,") else text.replace("-", _MINUS)


def format_plain(value: Any, decimals: int | None = None) -> str:
    """Write a number as `format_number` does, with the minus sign of a keyboard, so that it can be pasted; "" for what is no number.

    >>> format_plain(-14.2612), format_plain(8191000.0), format_plain(4.8720000000000026), format_plain(None)
    ('-14.3', '8,191,000', '4.87', '')
    """
    return format_number(value, decimals).replace(_MINUS, "-").replace("\u00a0", " ") if is_number(value) else ""


def format_brief(value: Any) -> str:
    """Write a number for a sentence: as `format_plain` does, without zeros at the end.

    >>> format_brief(6.4), format_brief(8191234.0), format_brief(0.1), format_brief(20.04)
    ('6.4', '8,191,234', '0.1', '20')
    """
    text = format_plain(value)
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def format_spread(value: Any, spread: Any) -> str:
    """Write a value with its standard deviation, both with the decimals that show two figures of the deviation.

    >>> format_spread(481.2, 123.4), format_spread(7.1175, 0.397), format_spread(7.1175, None)
    ('481 ± 123', '7.12 ± 0.40', '7.12')
    >>> format_spread(1.9475e-05, 2.1e-06).replace("\\u2212", "-")
    '1.95e-5 ± 2.10e-6'
    """
    if not is_number(value) or not is_number(spread):
        return format_number(value)
    decimals = count_decimals(value, spread) if spread > 0 else None
    return f"{format_number(value, decimals)} ± {format_number(spread, decimals)}"


def format_plain_spread(value: Any, spread: Any) -> str:
    """Write what `format_spread` does with the minus sign of a keyboard; "" where there is no value."""
    return format_spread(value, spread).replace(_MINUS, "-").replace("\u00a0", " ") if is_number(value) else ""


def format_probability(value: Any) -> str:
    """Write a probability in percent; a prediction is never certain, so that 0 % and 100 % do not occur.

    >>> [format_probability(p).replace("\\u00a0", " ") for p in (0.9997, 0.4, 0.001)]
    ['> 99 %', '40 %', '< 1 %']
    """
    if not is_number(value):
        return MISSING
    share = 100 * value
    return ">\u00a099\u00a0%" if share > 99 else "<\u00a01\u00a0%" if share < 1 else f"{share:.0f}\u00a0%"


def format_percent(count: Any, of: Any) -> str:
    """Write a share in percent; never round it up to all or down to none."""
    if not is_number(count) or not is_number(of) or not of:
        return MISSING
    share = 100 * count / of
    if share in (0, 100):
        return f"{share:.0f}\u00a0%"
    return f"{min(max(share, 0.1), 99.9):.{1 if share < 10 or share > 90 else 0}f}\u00a0%"


def format_share(count: Any, of: Any) -> str:
    """Write a count, what it is counted among, and the percentage.

    >>> format_share(12, 300).replace("\\u00a0", " ")
    '12 of 300 · 4.0 %'
    """
    if not is_number(count) or not is_number(of) or not of:
        return MISSING
    return f"{format_number(count)} of {format_number(of)} · {format_percent(count, of)}"


def format_fraction_interval(count: Any, of: Any) -> str:
    """Write the 95 % interval of a share in percent; "" where there is nothing to count.

    >>> format_fraction_interval(4, 10).replace("\\u00a0", " ")
    '95 %: 17 to 69 %'
    """
    found = measure_fraction_interval(count, of) if is_number(count) and is_number(of) else None
    return "" if found is None else f"95\u00a0%: {100 * found[0]:.0f} to {100 * found[1]:.0f}\u00a0%"


def count_decimals(size: float, finest: float) -> int | None:
    """Count the decimals with which the finest difference shows in two figures.

    Args:
        size: The value, or the largest of them.
        finest: The difference that is to be seen, above 0.

    Returns:
        At most 4; None where the values are too small for so many, so that each is to be written with figures of its own.
    """
    needed = max(0, 1 - math.floor(math.log10(finest)))
    return None if needed > _MOST_DECIMALS and abs(size) < _SMALL else min(_MOST_DECIMALS, needed)


def choose_decimals(values: Sequence[float], tolerance: float | None = None) -> int | None:
    """Choose the number of decimals with which the spread of the values (or the tolerance) shows in two figures.

    None for values that are too small for fixed decimals, which `format_number` writes with three figures.

    >>> choose_decimals([2.1, 2.9]), choose_decimals([3, 4]), choose_decimals([1.2e-5, 4.1e-5])
    (2, 0, None)
    """
    if not values or all(v == round(v) for v in values):
        return 0
    spread = tolerance or (max(values) - min(values)) / 4 or abs(values[0]) or 1.0
    return count_decimals(max(map(abs, values)), spread)


def choose_score_decimals(values: Sequence[float]) -> int | None:
    """Choose the decimals of scores: at least two; None as of `choose_decimals`."""
    decimals = choose_decimals(values)
    return None if decimals is None else max(2, decimals)


def choose_column_decimals(
    values: Sequence[Any], spreads: Sequence[Any] = (), tolerance: float | None = None, is_asked: bool = False
) -> int | None:
    """Choose the decimals of a column of a table; None as of `choose_decimals`.

    Args:
        values: The column; what is no number is passed over.
        spreads: The standard deviations of the values; the smallest one shows in two figures.
        tolerance: How near counts as reached, which shows in two figures where there is no deviation.
        is_asked: Whether the column was asked for, so that its values are to be told apart; of others three figures are enough.
    """
    known = [v for v in values if is_number(v)]
    finest = min((s for s in spreads if is_number(s) and s > 0), default=None) or tolerance
    decimals = choose_decimals(known, finest)
    if decimals is not None and finest is None and known:
        figures = 4 if is_asked else 3
        largest = max(abs(v) for v in known) or 1.0
        decimals = min(decimals, max(0, figures - 1 - math.floor(math.log10(largest))))
    return decimals


def count_things(number: int, thing: str, one: str = "", several: str = "") -> str:
    """Write a number with what it counts, of which one has no plural, and with a verb in its form for `one` and for `several`.

    >>> count_things(1, "value"), count_things(1_200, "value")
    ('1 value', '1,200 values')
    >>> count_things(1, "row", "is", "are"), count_things(0, "row", "is", "are")
    ('1 row is', '0 rows are')
    """
    return _add_verb(f"{number:,} {thing}{'' if number == 1 else 's'}", number, one, several)


def count_of(number: int, of: int, thing: str, one: str = "", several: str = "") -> str:
    """Write a number of all things; the verb is that of the number, the noun that of all.

    >>> count_of(1, 30, "row", "has", "have"), count_of(1, 1, "molecule", "has", "have"), count_of(2, 1_200, "row")
    ('1 of 30 rows has', '1 of 1 molecule has', '2 of 1,200 rows')
    """
    return _add_verb(f"{number:,} of {count_things(of, thing)}", number, one, several)


def _add_verb(text: str, number: int, one: str, several: str) -> str:
    return f"{text} {verb}" if (verb := one if number == 1 else several) else text


def format_duration(seconds: Any) -> str:
    """Write seconds in words.

    >>> format_duration(42), format_duration(150), format_duration(7500)
    ('42 s', '2 min 30 s', '2 h 5 min')
    """
    if not is_number(seconds):
        return MISSING
    if seconds < 60:
        return f"{format_number(seconds, 0 if seconds >= 10 else 1)} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes_left = divmod(minutes, 60)
    return f"{hours} h {minutes_left} min" if hours else f"{minutes} min {rest} s"


def format_time(text: str) -> str:
    """Write an ISO 8601 time in UTC; other text stays as it is.

    >>> format_time("2026-03-02T21:15:40+01:00"), format_time("2026-03-02")
    ('2026-03-02 20:15 UTC', '2026-03-02')
    """
    try:
        known = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{known.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if known.tzinfo else text


def capitalize(text: str, names: Collection[str] = ()) -> str:
    """Begin a message with a capital letter, unless its first word is one of `names` or is spelled in its own way.

    >>> capitalize("the target lies outside"), capitalize("logp is missing", ["logp"]), capitalize("pIC50 is missing")
    ('The target lies outside', 'logp is missing', 'pIC50 is missing')
    """
    first = text.split(" ", 1)[0].rstrip(":,")
    return text[:1].upper() + text[1:] if first.isalpha() and first.islower() and first not in names else text
