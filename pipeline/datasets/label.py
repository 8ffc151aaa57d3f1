"""Label: what one cell of a measured column says."""

from __future__ import annotations

import math
from typing import NamedTuple


class Label(NamedTuple):
    """A measured value, or what is known of it.

    A label has an exact value, or bounds, or nothing. Floats are NaN where there is none.
    """

    value: float = math.nan
    """The exact value."""
    lower: float = math.nan
    """The value is at least this (">10")."""
    upper: float = math.nan
    """The value is at most this ("<0.5")."""
    approximate: bool = False
    """Whether the cell says that the value is approximate ("~45")."""
