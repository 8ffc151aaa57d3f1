"""Reading the answers of functions and programs: text is no number, NaN is a failure, and the count must be right."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pipeline.oracles.base import OracleError, drop_infinities, quote


class Reading(NamedTuple):
    """The answer about one molecule as numbers."""

    values: tuple[float, ...]
    """(E,), finite or NaN."""
    reason: str | None
    """Why a value is NaN."""
    understood: bool
    """True where the answer has one of the agreed forms; text has not."""


def read_answer(raw: Any, endpoints: Sequence[str]) -> Reading:
    """Read one answer: a number, None, a mapping of endpoints to them, or a list with one for each endpoint.

    >>> read_answer({"affinity": -7.5, "strain": None}, ("affinity", "strain"))
    Reading(values=(-7.5, nan), reason='strain: no value', understood=True)
    """
    if isinstance(raw, Mapping):
        cells = [raw.get(e, _MISSING) for e in endpoints]
        if raw and all(cell is _MISSING for cell in cells):
            given = ", ".join(map(str, raw))
            reason = f"the answer has {given}, and none of the endpoints asked for ({', '.join(endpoints)})"
            return Reading((math.nan,) * len(endpoints), reason, False)
    elif isinstance(raw, list | tuple) or (hasattr(raw, "tolist") and getattr(raw, "ndim", 0) == 1):
        cells = list(raw)
        if len(cells) != len(endpoints):
            reason = f"{len(cells)} values for {len(endpoints)} endpoints ({', '.join(endpoints)})"
            return Reading((math.nan,) * len(endpoints), reason, False)
    elif raw is None:
        return Reading((math.nan,) * len(endpoints), "no value", True)
    elif len(endpoints) > 1:
        reason = f"{quote(raw)} for {len(endpoints)} endpoints ({', '.join(endpoints)})"
        return Reading((math.nan,) * len(endpoints), reason, False)
    else:
        cells = [raw]
    read = [_read_number(cell) for cell in cells]
    reasons = [
        why if len(endpoints) == 1 else f"{e}: {why}" for e, (_, why, _) in zip(endpoints, read, strict=True) if why
    ]
    values, reason_ = drop_infinities([v for v, _, _ in read], endpoints, "; ".join(reasons) or None)
    return Reading(values, reason_, any(agreed for _, _, agreed in read))


def read_answers(raw: Any, n: int, endpoints: Sequence[str]) -> list[Reading]:
    """Read the answers of a function that was given n molecules, the one about molecule i at place i.

    Raises:
        OracleError: If there are not n, or none has an agreed form.
    """
    wanted = "a list or an array with one answer per molecule"
    if hasattr(raw, "tolist"):
        raw = raw.tolist()
    if isinstance(raw, str | bytes | Mapping | set | frozenset) or not isinstance(raw, Iterable):
        raise OracleError(f"it returned {quote(raw)}; it must return {wanted}")
    rows = list(raw)
    if len(rows) != n:
        raise OracleError(
            f"it returned {len(rows)} answers for {n} molecules; it must return {wanted}, None for a failed one"
        )
    readings = [read_answer(row, endpoints) for row in rows]
    if readings and not any(reading.understood for reading in readings):
        raise OracleError(f"it returned no numbers: {readings[0].reason}")
    return readings


_MISSING = object()


def _read_number(raw: Any) -> tuple[float, str | None, bool]:
    """Read a value; return it, why it is NaN, and whether its form is an agreed one."""
    if raw is None:
        return math.nan, "no value", True
    if raw is _MISSING:
        return math.nan, "missing", True
    if not isinstance(raw, numbers.Real) and hasattr(raw, "item") and getattr(raw, "ndim", 1) == 0:
        raw = raw.item()  # a number in numpy's or torch's wrapping
    if not isinstance(raw, numbers.Real):
        return math.nan, f"{quote(raw)} instead of a number", False
    try:
        value = float(raw)
    except OverflowError:  # an integer beyond all floats
        value = math.inf
    if math.isnan(value):
        return value, "not a number", True
    return value, "infinite" if math.isinf(value) else None, True
