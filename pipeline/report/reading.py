"""Reading a report any part of which may be missing or odd: what is not there is None or empty, never an exception."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np


def number_of(value: Any) -> float | None:
    """A finite float, or None for whatever else stands there (None, NaN, text, a truth value)."""
    if value is None or isinstance(value, bool | str):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def finite(values: Any) -> list[float]:
    """The finite numbers of a list that may hold anything."""
    return [v for v in map(number_of, _items(values)) if v is not None]


def pairs(points: Any) -> list[tuple[float, float]]:
    """The pairs of finite numbers in a list that may hold anything; what follows the first two is left out."""
    kept = []
    for point in _items(points):
        if isinstance(point, list | tuple | np.ndarray) and len(point) >= 2:
            x, y = number_of(point[0]), number_of(point[1])
            if x is not None and y is not None:
                kept.append((x, y))
    return kept


def table(data: Any, key: str) -> dict[str, Any]:
    """The mapping under a key; empty where there is none."""
    value = data.get(key) if isinstance(data, Mapping) else None
    return dict(value) if isinstance(value, Mapping) else {}


def rows(data: Any, key: str) -> list[dict[str, Any]]:
    """The mappings in the list under a key."""
    value = data.get(key) if isinstance(data, Mapping) else None
    return [dict(v) for v in _items(value) if isinstance(v, Mapping)]


def texts(data: Any, key: str) -> list[str]:
    """The list under a key as text, without what is empty."""
    value = data.get(key) if isinstance(data, Mapping) else None
    return [str(v) for v in _items(value) if v not in (None, "")]


def _items(value: Any) -> Any:
    return value if isinstance(value, list | tuple | np.ndarray) else ()
