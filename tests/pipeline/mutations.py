"""Random changes of JSON, for the fuzz tests of folders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, -1, 1, 2, 10**6, 10**9, 10**18, -(10**18), 0.5, -0.5, 1e308, 1e-320]),
    st.sampled_from(["", "x", "../..", "/etc/passwd", "a\x00b", "${HOME}", "\ud7ff", "[C]", "x" * 100_000]),
    st.sampled_from([[], {}, [[]], [{}], {"": None}, [0] * 10_000, [[3, 3]] * 1000]),
)


def mutate(data: Any, draw: Callable[[Any], Any]) -> Any:
    """Replace, remove or double something at a random depth."""
    if not isinstance(data, dict | list) or not data or draw(st.integers(0, 5)) == 0:
        return draw(VALUES)
    if isinstance(data, dict):
        key = draw(st.sampled_from(sorted(data)))
        if draw(st.integers(0, 9)) == 0:
            return {k: v for k, v in data.items() if k != key}
        return data | {key: mutate(data[key], draw)}
    at = draw(st.integers(0, len(data) - 1))
    return [*data[:at], mutate(data[at], draw), *data[at + (draw(st.integers(0, 3)) > 0) :]]
