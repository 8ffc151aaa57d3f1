"""Numbers, shares, times and sentences as reports, notebooks and plots write them."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

MISSING = "\N{EN DASH}"
_MINUS = "\N{MINUS SIGN}"


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
    if decimals is None:
        size = abs(value)
        if value == round(value) and size < 1e12:
            return f"{value:,.0f}".replace("-", _MINUS)
        if size < 1e-3:
            return f"{value:.1e}".replace("-", _MINUS)
        decimals = 0 if size >= 1000 else 1 if size >= 10 else 2 if size >= 1 else 3
    return f"{value:,.{decimals}f}".replace("-", _MINUS)


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


def choose_decimals(values: Sequence[float], tolerance: float | None = None) -> int:
    """Choose the number of decimals with which the spread of the values (or the tolerance) shows in two figures."""
    if not values or all(v == round(v) for v in values):
        return 0
    spread = tolerance or (max(values) - min(values)) / 4 or abs(values[0]) or 1.0
    return min(4, max(0, 1 - math.floor(math.log10(spread))))


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
